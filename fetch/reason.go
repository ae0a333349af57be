package fetch

import (
	"cmp"
	"slices"
	"time"
)

// A Reason is why not one request more starts right now.
type Reason string

// The Reasons.
const (
	// None: one is about to start.
	None Reason = ""
	// Concurrency: as many are in flight as Options.Concurrency allows.
	Concurrency Reason = "concurrency"
	// HostConcurrency: as many are in flight as the bucket allows.
	HostConcurrency Reason = "host-concurrency"
	// TotalRate: Options.Rate.
	TotalRate Reason = "rate"
	// HostRate: the bucket's rate.
	HostRate Reason = "host-rate"
	// Elsewhere: a limit that is shared with other runs; the total unless there
	// is a Bucket.
	Elsewhere Reason = "shared"
	// RetryAfter: the server has asked to be left alone, or said that nothing
	// is left of its quota.
	RetryAfter Reason = "retry-after"
	// Backoff: all that is left waits for its retry.
	Backoff Reason = "retry-backoff"
	// Input: the source has nothing yet.
	Input Reason = "input"
	// SlowHead: the oldest unfinished item is as far behind as Options.Window
	// allows.
	SlowHead Reason = "order"
	// Shortage: this machine had run out of files, ports or buffers.
	Shortage Reason = "shortage"
	// Paused: by Pause.
	Paused Reason = "paused"
	// Last: all that is left is in flight.
	Last Reason = "last"
)

// A Wait is why not one request more starts.
type Wait struct {
	Reason Reason
	// Bucket is whose limit it is, where it is a bucket's: that with the most
	// items waiting.
	Bucket string
	// Limit is the limit's number for Concurrency and HostConcurrency, and
	// Rate its text for HostRate.
	Limit int
	Rate  string
	// Until is when it ends by itself, if that is known.
	Until time.Time
}

// wait says why not one request more starts now. The caller holds mu.
func (s *scheduler) wait(now time.Time) Wait {
	switch {
	case s.over():
		return Wait{Reason: Last}
	case s.paused:
		return Wait{Reason: Paused}
	case s.entering > 0:
		return Wait{Reason: Elsewhere}
	case s.inFlight >= s.allowed && s.allowed < s.limit:
		return Wait{Reason: Shortage, Limit: s.allowed}
	case s.inFlight >= s.allowed:
		return Wait{Reason: Concurrency, Limit: s.limit}
	case s.ready.len() > 0 && s.rateUntil.After(now):
		return Wait{Reason: TotalRate, Until: s.rateUntil}
	case s.ready.len() > 0:
		return Wait{}
	}
	if l := s.mostBlocked(); l != nil {
		return l.wait()
	}
	switch {
	case s.slowHead:
		return Wait{Reason: SlowHead}
	case !s.eof:
		return Wait{Reason: Input}
	case s.backoff > 0:
		return Wait{Reason: Backoff, Until: s.timed[0].at}
	}
	return Wait{Reason: Last}
}

// sampled is how many lanes are looked at, of those that there are.
const sampled = 256

// mostBlocked is the lane in which most wait, of some.
func (s *scheduler) mostBlocked() (most *lane) {
	looked := 0
	for _, l := range s.lanes {
		if n := l.queued(); n > 0 && l.blocked() && (most == nil || n > most.queued()) {
			most = l
		}
		if looked++; looked == sampled {
			break
		}
	}
	return most
}

// queued counts the items that wait in l.
func (l *lane) queued() int {
	return l.jobs.len() + l.asking + l.granted.len() + l.chunks.len()*spillChunk + l.tailed
}

func (l *lane) wait() Wait {
	w := Wait{Reason: HostConcurrency, Bucket: l.key, Limit: l.limit()}
	switch {
	case l.waiting:
		w.Reason, w.Until = l.why, l.until
	case l.asking > 0 && l.granted.len() == 0:
		w.Reason, w.Limit, w.Rate = Elsewhere, cmp.Or(limitOf(l.share), l.declared.Concurrency), l.declared.Rate.String()
	}
	if w.Reason == HostRate {
		w.Rate = l.limits.Rate.String()
	}
	return w
}

// A BucketStats is the state of a bucket: of a host, unless there is a Policy.
type BucketStats struct {
	Key      string
	InFlight int
	Queued   int
	Sent     int64
	// Limit is how many may be in flight now, 0 for any number; Auto says that
	// it was found.
	Limit int
	Auto  bool
	Rate  string
	// Held is how long in all the server has asked to be left alone, and
	// HeldUntil until when it does, if it does.
	Held      time.Duration
	HeldUntil time.Time
}

// Buckets returns the state of the n buckets in which most is in flight or waits.
// What was idle long enough to be forgotten is not among them.
func (e *Engine) Buckets(n int) []BucketStats {
	all := e.sched.buckets()
	slices.SortFunc(all, func(a, b BucketStats) int {
		return cmp.Or(cmp.Compare(b.InFlight+b.Queued, a.InFlight+a.Queued), cmp.Compare(a.Key, b.Key))
	})
	return all[:min(n, len(all))]
}

func (s *scheduler) buckets() []BucketStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]BucketStats, 0, len(s.lanes))
	now := time.Now()
	for _, l := range s.lanes {
		b := BucketStats{
			Key: l.key, InFlight: l.inFlight, Queued: l.queued(), Sent: l.sent,
			Limit: l.limit(), Auto: l.auto != nil, Held: l.heldFor,
		}
		if l.share != nil && l.auto == nil {
			b.Limit, b.Auto = cmp.Or(limitOf(l.share), l.declared.Concurrency), l.declared.Auto
		}
		if len(l.declared.Rate) > 0 {
			b.Rate = l.declared.Rate.String()
		}
		if l.held.After(now) {
			b.HeldUntil = l.held
		}
		all = append(all, b)
	}
	return all
}
