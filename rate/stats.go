package rate

import "time"

// Stats is what a Limiter has to say about its queue at one moment. It marshals to
// JSON as it is, with durations in nanoseconds.
type Stats struct {
	// Waiting is how many wait now, those in a penstock.All that this limit
	// holds up now included.
	Waiting int `json:"waiting"`
	// Waits is how many have ever begun to wait, but for those in an All that
	// were not served.
	Waits int64 `json:"waits"`
	// Served is how many of those got what they waited for. A wait in an All
	// is counted by the limit that made it end.
	Served int64 `json:"served"`
	// TotalWait is how long the Served have waited, together.
	TotalWait time.Duration `json:"total_wait_ns"`
	// Wait is how long a demand of one would have to wait now: 0 if it could
	// be had at once.
	Wait time.Duration `json:"wait_ns"`
}

// Stats returns a snapshot. It takes a step for each who waits.
func (l *Limiter) Stats() Stats {
	s := l.lock()
	defer l.unlock(s)
	gen := l.gen.Load()
	stats := s.stats
	for w := s.queue.first; w != nil; w = w.next {
		if w.stand == nil {
			stats.Waiting++
		} else {
			stats.Waiting += w.stand.Size()
		}
	}
	stats.Wait = nanos(s.estimate(gen.plan, gen.now(), 1))
	return stats
}

// Idle reports whether l remembers nothing at now, a reading of time.Now: nobody
// waits, and all that was taken is paid for. An idle Limiter with no permit still
// to be settled can be dropped, and made anew when needed, and nobody can tell.
func (l *Limiter) Idle(now time.Time) bool {
	gen := l.gen.Load()
	t := ticks(now.Sub(gen.epoch))
	if w := l.word.Load(); w&busy == 0 {
		return w>>1 <= t
	}
	s := l.lock()
	defer l.unlock(s)
	for _, tat := range s.tats {
		if tat > t {
			return false
		}
	}
	return s.queue.first == nil
}
