package httplimit

import (
	"cmp"
	"slices"
	"time"
)

// Stats says what a Transport has been doing. It marshals to JSON as it is, with
// durations in nanoseconds.
type Stats struct {
	// InFlight is how many requests hold a permit, and MostInFlight the most
	// that did at a time.
	InFlight     int `json:"in_flight"`
	MostInFlight int `json:"most_in_flight"`
	// Waiting is how many wait for a permit, and Backoff how many of those
	// under way wait for a retry and hold none.
	Waiting int `json:"waiting"`
	Backoff int `json:"backoff"`
	// Hosts is how many hosts the Transport has an entry for: those with
	// requests at work or waiting, those that had some in the last seconds,
	// and those of which something is remembered that still counts.
	Hosts int `json:"hosts"`
	// Requests is how many were asked for, redirects included and retries not.
	Requests int64 `json:"requests"`
	// Retries is how many were made besides, and RetriesDenied how many were
	// not because the budget was spent.
	Retries       int64 `json:"retries"`
	RetriesDenied int64 `json:"retries_denied"`
	// Shared is how many were answered by the response to another.
	Shared int64 `json:"shared"`
	// Holds is how many responses asked for a pause.
	Holds int64 `json:"holds"`
	// Waits is how many waits for a permit have ended, and TotalWait how long
	// they took together.
	Waits     int64         `json:"waits"`
	TotalWait time.Duration `json:"total_wait_ns"`
}

// HostStats is what a Transport knows of one host.
type HostStats struct {
	Host     string        `json:"host"` // name:port
	InFlight int           `json:"in_flight"`
	Waiting  int           `json:"waiting"` // for this host's limits or the total's
	Held     time.Duration `json:"held_ns"` // for how long a hint lets no request go
	// Rate is the requests a second that the host has asked for, or 0.
	Rate float64 `json:"rate"`
	// Open says that the circuit breaker is open or half open.
	Open bool `json:"open"`
}

// Stats returns what the Transport has been doing, all of it at one moment. It is
// cheap.
func (t *Transport) Stats() Stats {
	l := t.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{
		InFlight: l.inFlight, MostInFlight: l.count.most, Waiting: l.waiting, Backoff: l.count.sleeping,
		Hosts: len(l.hosts), Requests: l.count.requests, Retries: l.count.retries,
		RetriesDenied: l.count.denied, Shared: l.count.shared, Holds: l.count.hints,
		Waits: l.count.waits, TotalWait: l.count.waited,
	}
}

// HostStats returns what is known of each host that has an entry (see
// Stats.Hosts), in the order of their names. It takes a step for each host and
// for each request that waits.
func (t *Transport) HostStats() []HostStats {
	l := t.limits
	l.mu.Lock()
	list := make([]HostStats, 0, len(l.hosts))
	now := time.Now()
	for _, h := range l.hosts {
		list = append(list, h.stats(now))
	}
	l.mu.Unlock()
	slices.SortFunc(list, func(a, b HostStats) int { return cmp.Compare(a.Host, b.Host) })
	return list
}

func (h *host) stats(now time.Time) HostStats {
	s := HostStats{Host: h.name, InFlight: h.inFlight, Held: max(0, h.held.Sub(now)), Open: h.breaker.open}
	for w := h.queue.first; w != nil; w = w.next {
		if w.stand != nil {
			s.Waiting += w.stand.Size()
		} else {
			s.Waiting++
		}
	}
	if h.pace.limiter != nil && now.Before(h.pace.until) {
		s.Rate = h.pace.rate.PerSecond()
	}
	return s
}
