package redislimit

import (
	"context"
	"time"

	"github.com/penstock-go/penstock"
)

// A Semaphore is a semaphore of weighted permits that all processes share which
// use its name, first come, first served over all of them. [Store.Semaphore]
// makes it. All methods may be called by any number of goroutines.
type Semaphore struct{ l *shared }

// Acquire waits until n permits are free, and what is taken of its rates if it
// has any, and all who came earlier are served, and takes them. Else it has
// taken nothing, holds up nobody, and returns
//   - an error that wraps context.Cause(ctx) when ctx ends first, also when it
//     had ended before the call;
//   - an error that is [penstock.ErrOverLimit] if n is more than the limit, and
//     that is not 0, or more than the burst of a rate, as soon as Redis has said
//     so; one who waits when the limit is lowered is refused when its turn comes;
//   - an error that is [penstock.ErrNegativeWeight] if n is negative;
//   - an error that is [ErrAway] when Redis has been away for a lease, except
//     under [Local];
//   - ErrKind, or ErrClosed.
//
// An acquire of 0 takes nothing and never waits.
//
// Where nobody else is about and ctx never ends (its Done is nil), the caller makes the
// call to Redis itself, which is quicker. Of Close, or that Redis is away, it then hears
// when that call has ended, within a quarter lease.
func (s *Semaphore) Acquire(ctx context.Context, n int) (*Permit, error) {
	return s.l.acquire(ctx, n, n, false)
}

// AcquireCost is Acquire where the operation costs another number of the rates
// than of the permits: a request that is one of 20 in flight, and 900 of the
// tokens of this minute. Both are taken in one step.
func (s *Semaphore) AcquireCost(ctx context.Context, n, cost int) (*Permit, error) {
	return s.l.acquire(ctx, n, cost, false)
}

// Do acquires n permits as Acquire does, calls f with the permit's context, and
// releases them when f returns, panics or ends its goroutine. It returns the
// error of acquire, without calling f, or that of f.
func (s *Semaphore) Do(ctx context.Context, n int, f func(ctx context.Context) error) error {
	p, err := s.l.acquire(ctx, n, n, false)
	if err != nil {
		return err
	}
	defer p.Release(penstock.Success)
	return f(p.Context())
}

// AcquirePermit is Acquire as part of [penstock.Limiter]. The permit is a
// *Permit.
func (s *Semaphore) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	return asPermit(s.l.acquire(ctx, n, n, false))
}

// TryAcquirePermit takes n permits if Redis says that they are free now and
// nobody waits. It waits for that answer, at most a quarter lease, and is
// refused while Redis is away. It panics with an error that is
// [penstock.ErrNegativeWeight] if n is negative.
func (s *Semaphore) TryAcquirePermit(n int) (penstock.Permit, bool) { return s.l.try(n) }

// SetLimit changes the limit for all who share it, in Redis, where it is kept
// for 30 days without use. Raising it lets those who now fit go on. Lowering it
// takes no permit away: none is given out until the excess is back. A limit of 0
// stops all without refusing any.
func (s *Semaphore) SetLimit(ctx context.Context, n int) error {
	return s.l.store.SetLimit(ctx, s.l.name, n)
}

// Stats returns what this process knows of the limit.
func (s *Semaphore) Stats() Stats { return s.l.snapshot() }

func asPermit(p *Permit, err error) (penstock.Permit, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// try asks once, and waits for the answer.
func (l *shared) try(n int) (penstock.Permit, bool) {
	if n < 0 {
		panic(negative("acquire", n))
	}
	wait, stop := context.WithTimeout(context.Background(), l.store.o.Lease/4)
	defer stop()
	p, err := l.acquire(wait, n, n, true)
	if err != nil {
		return nil, false
	}
	p.rebind()
	return p, true
}

// rebind takes the permit's context from the one that bounded a try.
func (p *Permit) rebind() {
	if cancel := p.cancel; cancel != nil {
		defer cancel(nil)
	}
	p.bind(context.Background())
}

var _ penstock.Limiter = (*Semaphore)(nil)

// Stats is what a process knows of a shared limit. It marshals to JSON as it
// is, with durations in nanoseconds.
type Stats struct {
	// Limit is the limit as Redis last said; 0 for a Rate.
	Limit int `json:"limit"`
	// Processes is how many shared it when Redis last said.
	Processes int `json:"processes"`
	// InUse is how many permits this process holds, and Waiting how many of
	// its callers wait.
	InUse   int `json:"in_use"`
	Waiting int `json:"waiting"`
	// Acquired is how many acquires of this process have succeeded, Cancelled
	// how many ended with their context, and Lost how many permits were lost.
	Acquired  int64 `json:"acquired"`
	Cancelled int64 `json:"cancelled"`
	Lost      int64 `json:"lost"`
	// LongestWait is how long the one that waited longest did.
	LongestWait time.Duration `json:"longest_wait_ns"`
	// Away says that Redis cannot be reached now.
	Away bool `json:"away"`
}

func (l *shared) snapshot() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Limit, s.Processes, s.Waiting, s.Away = l.limit, l.procs, len(l.waiting), l.away.is
	return s
}
