package adaptive

import (
	"slices"
	"time"

	"github.com/penstock-go/penstock"
)

// Stats is what a Limiter has been doing, all of it at one moment. It marshals to
// JSON as it is, with durations in nanoseconds.
type Stats struct {
	// Limit is how many operations may be under way, InFlight how many are,
	// and MostInFlight the most that were.
	Limit        int `json:"limit"`
	InFlight     int `json:"in_flight"`
	MostInFlight int `json:"most_in_flight"`
	// Rate is how many may begin a second, or 0 for any number.
	Rate float64 `json:"rate"`
	// Held is for how long nothing may begin.
	Held time.Duration `json:"held_ns"`
	// Waiting is how many callers wait.
	Waiting int `json:"waiting"`
	// Latency is how long an operation took of late: an exponential mean over
	// some 30 successes.
	Latency time.Duration `json:"latency_ns"`
	// Refuses is what the server limits by refusing, as far as that is known:
	// "unknown", "concurrency" or "rate".
	Refuses string `json:"refuses"`
	// Acquired is how many permits were given; Successes, Overloads, Failures
	// and Others how they were released.
	Acquired  int64 `json:"acquired"`
	Successes int64 `json:"successes"`
	Overloads int64 `json:"overloads"`
	Failures  int64 `json:"failures"`
	Others    int64 `json:"others"`
	// Waited is how many of those acquired had to wait, and TotalWait for how
	// long together. Cancelled is how many gave up.
	Waited    int64         `json:"waited"`
	TotalWait time.Duration `json:"total_wait_ns"`
	Cancelled int64         `json:"cancelled"`
	// Holds is how many times Hold has stopped everything, and Changes how
	// many Changes there were.
	Holds   int64 `json:"holds"`
	Changes int64 `json:"changes"`
}

func (s *Stats) count(o penstock.Outcome) {
	switch o {
	case penstock.Success:
		s.Successes++
	case penstock.Overload:
		s.Overloads++
	case penstock.Failure:
		s.Failures++
	default:
		s.Others++
	}
}

func (s *Stats) served(wait time.Duration) {
	s.Waited++
	s.TotalWait += wait
}

func (s *Stats) learn(latency time.Duration) {
	if s.Latency == 0 {
		s.Latency = latency
	}
	s.Latency += (latency - s.Latency) / 32
}

// Stats returns a snapshot.
func (l *Limiter) Stats() Stats {
	l.mu.Lock()
	defer l.unlock()
	now := time.Now()
	s := l.stats
	s.Limit, s.InFlight = l.control.Limit(), l.inFlight
	s.Rate = l.perSecond(now)
	s.Held = max(0, l.gate.HeldUntil().Sub(now))
	s.Refuses = Unknown.String()
	if a, ok := l.control.(interface{ Kind() Kind }); ok {
		s.Refuses = a.Kind().String()
	}
	s.Changes = l.changes.seq
	for w := l.queue.first; w != nil; w = w.next {
		if w.stand == nil {
			s.Waiting++
		} else {
			s.Waiting += w.stand.Size()
		}
	}
	return s
}

// A Change is one decision about the limit or the rate.
type Change struct {
	// Seq counts the Changes from 1.
	Seq int64 `json:"seq"`
	// At is when, and Reason why.
	At     time.Time `json:"at"`
	Reason Reason    `json:"reason"`
	// Limit and Rate are what has been in force since; Rate is a second, and 0
	// for any.
	Limit int     `json:"limit"`
	Rate  float64 `json:"rate"`
	// Held is for how long nothing may begin.
	Held time.Duration `json:"held_ns"`
}

// changes is the history, and what of it Observe has not been told.
type changes struct {
	keep    int
	seq     int64
	ring    []Change
	pending []Change
}

// note records a change.
func (l *Limiter) note(now time.Time, reason Reason) {
	c := &l.changes
	c.seq++
	if c.keep <= 0 && l.options.Observe == nil {
		return
	}
	change := Change{
		Seq: c.seq, At: now, Reason: reason, Limit: l.control.Limit(), Rate: l.perSecond(now),
		Held: max(0, l.gate.HeldUntil().Sub(now)),
	}
	if len(c.ring) < c.keep {
		c.ring = append(c.ring, change)
	} else if c.keep > 0 {
		c.ring[int((c.seq-1)%int64(c.keep))] = change
	}
	if l.options.Observe != nil {
		c.pending = append(c.pending, change)
	}
}

// History returns the latest changes, oldest first.
func (l *Limiter) History() []Change {
	l.mu.Lock()
	defer l.unlock()
	h := slices.Clone(l.changes.ring)
	slices.SortFunc(h, func(a, b Change) int { return int(a.Seq - b.Seq) })
	return h
}

// report calls Observe for what is pending. It is the only one that does.
func (l *Limiter) report() {
	var pending []Change
	done := false
	defer func() {
		if !done { // Observe has panicked, or ended its goroutine
			l.mu.Lock()
			l.changes.pending = append(pending, l.changes.pending...)
			l.reporting = false
			l.mu.Unlock()
		}
	}()
	for {
		l.mu.Lock()
		pending, l.changes.pending = l.changes.pending, nil
		if len(pending) == 0 {
			l.reporting, done = false, true
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		for len(pending) > 0 {
			c := pending[0]
			pending = pending[1:]
			l.options.Observe(c)
		}
	}
}
