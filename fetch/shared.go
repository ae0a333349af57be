package fetch

import (
	"context"
	"errors"

	"github.com/penstock-go/penstock"
)

// Shared is limits that a run keeps together with others, on other machines:
// package redislimit has such. The run's own Concurrency holds besides them.
type Shared struct {
	// Total is for all requests of the run; nil for none.
	Total Share
	// Bucket returns what keeps the limits of b, nil for nothing, and which of
	// them it leaves to the run. It is called when a bucket is used first, or
	// again after a while, or when the Policy has changed, and must not block.
	// Its error ends the run. Nil stands for one that keeps nothing.
	Bucket func(b Bucket) (Share, Limits, error)
}

// A Share is a limit that is shared with others. If it has a method Limit() int,
// that says how many permits there are in all, as far as is known, 0 for not.
type Share interface {
	// Acquire waits until one request may start that costs so many units of a
	// rate. It returns an error that is penstock.ErrOverLimit if no wait would
	// help, which fails the item, and one that wraps the context's cause when
	// ctx ends first. Any other error ends the run, as a SharedError.
	Acquire(ctx context.Context, cost int) (Lease, error)
}

// A Lease is a permit that can be lost. If it has a method Begin(), that is called
// right before the request is sent.
type Lease interface {
	penstock.Permit
	// Context ends when the permit is lost, and after Release.
	Context() context.Context
}

// A SharedError is why a shared limit gave out nothing more. The requests that
// were in flight then were finished, as far as they did not lose their leases.
type SharedError struct{ Err error }

func (e *SharedError) Error() string { return "a shared limit: " + e.Err.Error() }

// Unwrap returns the Share's error.
func (e *SharedError) Unwrap() error { return e.Err }

// bucket is what keeps the limits of b, and what is left.
func (s *Shared) bucket(b Bucket) (Share, Limits, error) {
	if s == nil || s.Bucket == nil {
		return nil, b.Limits, nil
	}
	return s.Bucket(b)
}

// total is what keeps the limits of the run, or nil.
func (s *Shared) total() Share {
	if s == nil {
		return nil
	}
	return s.Total
}

// acquire waits for a lease until the run starts nothing new any more. What is
// acquired outlasts that.
func (s *scheduler) acquire(share Share, cost int) (Lease, error) {
	ctx, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(s.starting, cancel)
	p, err := share.Acquire(ctx, cost)
	switch ended := !stop(); {
	case err != nil:
		cancel()
		return nil, err
	case ended: // in the same moment
		p.Release(penstock.Unused)
		return nil, context.Canceled
	}
	return lease{p, cancel}, nil
}

// A lease also ends the context that it was acquired with.
type lease struct {
	Lease

	cancel context.CancelFunc
}

func (l lease) Release(o penstock.Outcome) {
	l.Lease.Release(o)
	l.cancel()
}

// enter waits for j's share of the total, if there is one to be had. It reports
// false if j was dealt with: it will not be sent now.
func (w *worker) enter(j *job) bool {
	e := w.e
	total := e.opts.Shared.total()
	if total == nil {
		return true
	}
	p, err := e.sched.acquire(total, max(1, j.item.Cost))
	may := e.sched.entered()
	switch {
	case err == nil && !may: // paused, or the limit lowered, while it waited
		p.Release(penstock.Unused)
		j.release(penstock.Unused)
		j.outcome = penstock.Unused
		e.sched.again(j)
		return false
	case err == nil:
		j.total = p
		return true
	case errors.Is(err, penstock.ErrOverLimit):
		j.tooDear = true
		return true
	}
	j.release(penstock.Unused)
	j.outcome = penstock.Unused
	e.sched.abandon(j)
	if e.sched.starting.Err() == nil {
		e.halt(err)
	}
	return false
}

// limitOf is how many permits share has in all; 0 where that is not known.
func limitOf(share Share) int {
	if s, ok := share.(interface{ Limit() int }); ok {
		return s.Limit()
	}
	return 0
}

// halt lets nothing new start: a shared limit failed with err.
func (e *Engine) halt(err error) {
	e.halted.CompareAndSwap(nil, &SharedError{err})
	e.Drain()
}

// under returns a context that also ends when a lease of j is lost, and what is to
// be called at the end.
func (j *job) under(ctx context.Context) (context.Context, func()) {
	if j.share == nil && j.total == nil {
		return ctx, func() {}
	}
	for _, p := range [...]Lease{j.share, j.total} {
		if p, ok := p.(lease); ok {
			if b, ok := p.Lease.(interface{ Begin() }); ok {
				b.Begin()
			}
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var stops [2]func() bool
	for i, p := range [...]Lease{j.share, j.total} {
		if p != nil {
			held := p.Context()
			stops[i] = context.AfterFunc(held, func() { cancel(context.Cause(held)) })
		}
	}
	return ctx, func() {
		for _, stop := range stops {
			if stop != nil {
				stop()
			}
		}
		cancel(nil)
	}
}

// lost is why a lease of j ended before its release; nil if none did.
func (j *job) lost() error {
	for _, p := range [...]Lease{j.share, j.total} {
		if p != nil && p.Context().Err() != nil {
			return context.Cause(p.Context())
		}
	}
	return nil
}

// release gives back what j holds of shared limits.
func (j *job) release(o penstock.Outcome) {
	for _, p := range [...]Lease{j.share, j.total} {
		if p != nil {
			p.Release(o)
		}
	}
	j.share, j.total = nil, nil
}

// forfeit deals with an attempt of j that was ended because a lease was lost: the
// item is tried again, under another, if its request may be sent twice. It
// reports whether it is.
func (e *Engine) forfeit(j *job, a *attempt, lost error) bool {
	a.err = &Error{Class: Canceled, Message: "its permit of a shared limit was lost while it ran", Err: lost}
	if !mayRepeat(j, a.err, 0) {
		return false
	}
	if j.spent == 0 {
		j.attempts--
	}
	j.outcome = penstock.Ignored
	e.tally.forfeit()
	e.sched.again(j)
	return true
}
