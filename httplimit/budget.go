package httplimit

import "time"

// The least that a retry budget allows: so many at once, and so many a second.
const (
	leastRetries     = 10
	retriesPerSecond = 1
)

// A budget is how many retries a host may get: each request adds a share of
// one, each second adds one, each retry takes one. It saves no more than
// leastRetries, so that a long good time does not pay for a storm. The idea is
// Finagle's RetryBudget.
type budget struct {
	saved float64
	at    time.Time // when saved was counted; only while something was taken
}

func (b *budget) fill() { b.saved = leastRetries }

func (b *budget) deposit(share float64) { b.saved = min(b.saved+share, leastRetries) }

// take reports whether there may be a retry at now, and takes it.
func (b *budget) take(share float64, now time.Time) bool {
	if share < 0 {
		return true
	}
	b.saved = min(b.saved+now.Sub(b.at).Seconds()*retriesPerSecond, leastRetries)
	b.at = now
	if b.saved < 1 {
		return false
	}
	b.saved--
	return true
}

// full is when the budget will be as a new one.
func (b *budget) full(now time.Time) time.Time {
	missing := leastRetries - b.saved
	if missing <= 0 || b.at.IsZero() {
		return now
	}
	return b.at.Add(time.Duration(missing / retriesPerSecond * float64(time.Second)))
}
