package penstock

import (
	"sync/atomic"
	"time"
)

// SemaphoreStats says what a semaphore has been doing. It marshals to JSON as
// it is, with durations in nanoseconds, and so is fit for expvar:
//
//	expvar.Publish("downloads", expvar.Func(func() any { return downloads.Stats() }))
type SemaphoreStats struct {
	// Limit is how many permits there are, and InUse how many of them are
	// taken now: more than Limit while the excess of a lowered limit is out.
	Limit int `json:"limit"`
	InUse int `json:"in_use"`
	// Waiting is how many callers wait now, those in an All that this limit
	// holds up now included.
	Waiting int `json:"waiting"`
	// MostInUse is the most permits that were taken at a time.
	MostInUse int `json:"most_in_use"`
	// Acquired is how many acquires have succeeded, whatever their weight.
	Acquired int64 `json:"acquired"`
	// Waited is how many of them had to wait, TotalWait for how long together,
	// and LongestWait how long the one that waited longest. A wait in an All
	// is counted by the limit that made it end.
	Waited      int64         `json:"waited"`
	TotalWait   time.Duration `json:"total_wait_ns"`
	LongestWait time.Duration `json:"longest_wait_ns"`
	// Cancelled is how many waits ended with their context, not counting those
	// in an All.
	Cancelled int64 `json:"cancelled"`
}

// epoch is what now counts from.
var epoch = time.Now()

// now returns the time on a clock that is good for differences only. It costs
// half of time.Now.
func now() time.Duration { return time.Since(epoch) }

// waitTimes sums up how long others have waited. Only those who waited pay for
// it, once they are awake.
type waitTimes struct {
	total, longest atomic.Int64
}

func (t *waitTimes) add(d time.Duration) {
	t.total.Add(int64(d))
	for longest := t.longest.Load(); int64(d) > longest; longest = t.longest.Load() {
		if t.longest.CompareAndSwap(longest, int64(d)) {
			return
		}
	}
}

// snapshot is Stats.
func (c *core) snapshot() SemaphoreStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats()
}

// stats is Stats under the lock.
func (c *core) stats() SemaphoreStats {
	word, limit := c.word.Load(), c.limit.Load()
	s := SemaphoreStats{
		Limit:       int(limit),
		InUse:       int(limit - word>>freeShift),
		Waiting:     c.waiting,
		MostInUse:   int(c.most.Load()),
		Acquired:    c.acquired + (word&acquires)/oneAcquire,
		Waited:      c.waited,
		TotalWait:   time.Duration(c.times.total.Load()),
		LongestWait: time.Duration(c.times.longest.Load()),
		Cancelled:   c.cancelled,
	}
	if c.standers == 0 {
		return s
	}
	for w := c.line.head; w != nil; w = w.next {
		if stand := w.stand(); stand != nil {
			s.Waiting += stand.Size()
		}
	}
	return s
}
