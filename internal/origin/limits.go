package origin

import (
	"sync"
	"time"
)

// limitKey is one limit: paths of the same host that say the same numbers share
// it.
type limitKey struct {
	kind string
	host int
	n    int64
	more int64
}

// gate lets at most limit in at once. Whoever does not get in is refused or, by
// enter, waits in line.
type gate struct {
	slots chan struct{}
}

func newGate(limit int64) *gate { return &gate{make(chan struct{}, limit)} }

func (g *gate) tryEnter() bool {
	select {
	case g.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// enter waits for room, in the order of arrival, until done; it says whether it
// got in.
func (g *gate) enter(done <-chan struct{}) bool {
	select {
	case g.slots <- struct{}{}:
		return true
	case <-done:
		return false
	}
}

func (g *gate) leave() { <-g.slots }

// bucket is a token bucket: full with burst tokens at first, filled by rate a
// second.
type bucket struct {
	mu     sync.Mutex
	rate   float64
	burst  float64
	tokens float64
	last   time.Time
}

func newBucket(rate, burst float64, now time.Time) *bucket {
	return &bucket{rate: rate, burst: burst, tokens: burst, last: now}
}

// take takes a token, or says how long none will be there. left is what the
// bucket then holds.
func (b *bucket) take(now time.Time) (wait time.Duration, left float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.After(b.last) {
		b.tokens = min(b.burst, b.tokens+b.rate*now.Sub(b.last).Seconds())
		b.last = now
	}
	if b.tokens >= 1 {
		b.tokens--
		return 0, b.tokens
	}
	return time.Duration((1 - b.tokens) / b.rate * float64(time.Second)), b.tokens
}

// quota allows limit requests in each window, which begins with the first
// request after the one before has ended.
type quota struct {
	mu     sync.Mutex
	limit  int64
	window time.Duration
	used   int64
	ends   time.Time
}

// take uses one up if it can, and says how many are left and when the window
// ends.
func (q *quota) take(now time.Time) (ok bool, left int64, reset time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !now.Before(q.ends) {
		q.used, q.ends = 0, now.Add(q.window)
	}
	if q.used < q.limit {
		q.used++
		ok = true
	}
	return ok, q.limit - q.used, q.ends.Sub(now)
}

// line gives each comer a time of its own, one interval after the one before.
type line struct {
	mu   sync.Mutex
	next time.Time
}

// join says how long to wait.
func (l *line) join(now time.Time, interval time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := now
	if l.next.After(now) {
		at = l.next
	}
	l.next = at.Add(interval)
	return at.Sub(now)
}
