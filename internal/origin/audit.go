package origin

import (
	"maps"
	"time"
)

// Audit is what the server has counted since it started or was last reset. It
// is a copy: it does not change any more.
type Audit struct {
	Since time.Time `json:"since"`
	Taken time.Time `json:"taken"`
	// Total is for all hosts together. Its peaks are of the sum, not sums of
	// peaks; it counts distinct requests and repeats per host, since another
	// host is another URL.
	Total Counts `json:"total"`
	// Hosts are in the order of Server.URLs.
	Hosts []Counts `json:"hosts"`
}

// Counts are the figures of one host, or of all. Requests to the control paths
// are in none of them.
type Counts struct {
	// URL is the host's base URL; empty in the total.
	URL string `json:"url,omitempty"`

	// Requests is how many requests arrived, refused ones included. A request
	// arrives when its header has been read.
	Requests uint64 `json:"requests"`
	// InFlight is how many are at work now: arrived, and the last byte of the
	// answer not yet handed to the kernel, the client still there. The last
	// byte is handed over only after the request has been counted out, so a
	// client that starts a request when it has read another's answer to the
	// end never has both counted.
	InFlight int `json:"in_flight"`
	// MaxInFlight is the most that were at work at one instant.
	MaxInFlight int `json:"max_in_flight"`

	// Opened is how many connections were accepted, Open how many are open now,
	// MaxOpen the most that were open at one instant. A connection that the
	// client has closed is not open.
	Opened  uint64 `json:"connections_opened"`
	Open    int    `json:"connections_open"`
	MaxOpen int    `json:"max_connections_open"`

	// MaxPerSecond and MaxPer100ms are the most arrivals in any window of that
	// width, wherever it begins: exact, from a log of the last second's times.
	MaxPerSecond int `json:"max_per_second"`
	MaxPer100ms  int `json:"max_per_100ms"`
	// Burst is the least burst b for which "never more than b + JudgeRate x t
	// arrivals in any window of any width t" holds. 0 when no rate is judged.
	Burst float64 `json:"burst,omitempty"`

	// Distinct is how many different requests came, Repeats how many came that
	// had come before, Untracked how many could not be told (see the package
	// text). Two requests are the same when their id query parameter is the
	// same or, where there is none, their path and query.
	Distinct  uint64 `json:"distinct"`
	Repeats   uint64 `json:"repeats"`
	Untracked uint64 `json:"untracked,omitempty"`

	// TooEarly is how many arrived although the host had said, in an answer
	// at least HintGrace ago, that nothing should come yet (Retry-After, or a
	// quota of which nothing remains).
	TooEarly uint64 `json:"too_early"`

	// Statuses is how many answers had each status. NoStatus is how many ended
	// without one: cut off, or sent as they are (/raw, /garbage).
	Statuses map[int]uint64 `json:"statuses"`
	NoStatus uint64         `json:"no_status,omitempty"`
	// Bytes is what was sent on the connections: headers, bodies, TLS.
	Bytes uint64 `json:"bytes_sent"`
	// Protocols is requests by protocol: "HTTP/1.0", "HTTP/1.1", "HTTP/2.0".
	Protocols map[string]uint64 `json:"protocols"`

	// Leaked counts the credentials (by header name) that came along to
	// /landed, where /redirect-host sends clients from another host.
	Leaked map[string]uint64 `json:"leaked,omitempty"`

	// First and Last are when the first and the last request arrived; zero
	// when none did.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
}

// Audit returns the counts as they are now. A request is in them from the
// moment it arrives; a status, from before its first byte is sent. It is safe
// to call at any time and costs the clients a few microseconds a host.
func (s *Server) Audit() Audit {
	a := Audit{Since: s.began(), Taken: time.Now(), Hosts: make([]Counts, 0, len(s.hosts))}
	total := Counts{Statuses: make(map[int]uint64), Protocols: make(map[string]uint64)}
	for _, h := range s.hosts {
		c := s.count(h)
		total.include(c)
		a.Hosts = append(a.Hosts, c)
	}
	if s.total != nil {
		total.peaks(s.total)
	} else {
		total.peaks(&s.hosts[0].scope)
	}
	a.Total = total
	return a
}

func (s *Server) count(h *host) Counts {
	c := Counts{
		URL:       h.url,
		Opened:    h.opened.Load(),
		NoStatus:  h.noStatus.Load(),
		Bytes:     h.bytes.Load(),
		Statuses:  make(map[int]uint64),
		Protocols: make(map[string]uint64),
	}
	c.peaks(&h.scope)
	for hundreds := range h.statuses {
		if block := h.statuses[hundreds].Load(); block != nil {
			for i := range block {
				if n := block[i].Load(); n > 0 {
					c.Statuses[hundreds*100+i] = n
				}
			}
		}
	}
	for i, name := range protocols {
		if n := h.protos[i].Load(); n > 0 {
			c.Protocols[name] = n
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c.Distinct, c.Repeats, c.Untracked = h.seen.distinct, h.seen.repeats, h.seen.untracked
	c.TooEarly = h.hint.early
	c.Leaked = maps.Clone(h.leaks)
	if c.Requests > 0 {
		c.First, c.Last = s.zero.Add(h.first), s.zero.Add(h.last)
	}
	return c
}

// peaks fills in what a scope knows.
func (c *Counts) peaks(s *scope) {
	c.InFlight, c.MaxInFlight = s.flight.now(), int(s.flight.peak.Load())
	c.Open, c.MaxOpen = s.open.now(), int(s.open.peak.Load())
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Requests = s.arrivals.next
	c.MaxPerSecond, c.MaxPer100ms = s.arrivals.windows[0].most, s.arrivals.windows[1].most
	c.Burst = s.arrivals.meter.most
}

// include adds a host's sums to a total; its peaks are not sums.
func (c *Counts) include(h Counts) {
	c.Opened += h.Opened
	c.Distinct += h.Distinct
	c.Repeats += h.Repeats
	c.Untracked += h.Untracked
	c.TooEarly += h.TooEarly
	c.NoStatus += h.NoStatus
	c.Bytes += h.Bytes
	for status, n := range h.Statuses {
		c.Statuses[status] += n
	}
	for name, n := range h.Protocols {
		c.Protocols[name] += n
	}
	for name, n := range h.Leaked {
		if c.Leaked == nil {
			c.Leaked = make(map[string]uint64)
		}
		c.Leaked[name] += n
	}
	if !h.First.IsZero() && (c.First.IsZero() || h.First.Before(c.First)) {
		c.First = h.First
	}
	if h.Last.After(c.Last) {
		c.Last = h.Last
	}
}

// Reset forgets all counts, and the attempts, tokens and hints of the paths
// that have a memory. What is in flight or open goes on being so. A request
// that arrives during the call may be counted or not.
func (s *Server) Reset() {
	for _, h := range s.hosts {
		h.reset(s.opts.JudgeRate)
	}
	if s.total != nil {
		s.total.reset(s.opts.JudgeRate)
	}
	s.memory.reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Now()
}

func (s *scope) reset(rate float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight.reset()
	s.open.reset()
	s.arrivals = newArrivals(rate)
}

func (h *host) reset(rate float64) {
	h.scope.reset(rate)
	h.opened.Store(0)
	h.bytes.Store(0)
	h.noStatus.Store(0)
	for i := range h.protos {
		h.protos[i].Store(0)
	}
	for i := range h.statuses {
		h.statuses[i].Store(nil)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen, h.hint, h.first, h.last, h.leaks = newSeen(), hint{}, 0, 0, nil
}
