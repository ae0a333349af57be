package rate

import "time"

// Stats is what a Limiter has to say about its queue at one moment.
type Stats struct {
	// Waiting is how many wait now.
	Waiting int
	// Waits is how many have ever begun to wait.
	Waits uint64
	// Served is how many of those got what they waited for.
	Served uint64
	// WaitTime is how long the Served have waited, together.
	WaitTime time.Duration
	// Wait is how long a demand of one would have to wait now: 0 if it could
	// be had at once.
	Wait time.Duration
}

// Stats returns a snapshot. It takes a step for each who waits.
func (l *Limiter) Stats() Stats {
	s := l.lock()
	defer l.unlock(s, nil)
	gen := l.gen.Load()
	stats := s.stats
	stats.Waiting = s.queue.size
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
	defer l.unlock(s, nil)
	for _, tat := range s.tats {
		if tat > t {
			return false
		}
	}
	return s.queue.first == nil
}
