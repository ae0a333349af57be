package penstock

import "context"

// A Semaphore is a counter of permits: acquire takes some, and waits while
// there are too few; release gives some back. It is asyncio.Semaphore, with
// weights, resizing and statistics.
//
// The number of permits is the limit. As in asyncio, releasing more than was
// acquired is no error: it adds permits, and so raises the limit. Where that
// can only be a mistake use a [BoundedSemaphore].
//
// Waiting is first come, first served, strictly: a newcomer never overtakes one
// who waits, and a large demand at the head of the line holds up the smaller
// ones behind it until it is met, so that none starves.
//
// The zero Semaphore has a limit of 0 and is ready for use. A limit of 0 refuses
// nobody; all wait, until SetLimit or Release provides. All methods may be
// called at the same time by any number of goroutines. A Semaphore must not be
// copied after first use.
type Semaphore struct {
	core core
}

// NewSemaphore returns a Semaphore of limit permits, all free. It panics with an
// error that is ErrNegativeLimit if limit is negative, which is meant for a
// constant; a number that comes from a flag or a file goes to SetLimit:
//
//	var s penstock.Semaphore
//	if err := s.SetLimit(n); err != nil {
//		return err
//	}
func NewSemaphore(limit int) *Semaphore {
	s := &Semaphore{}
	if err := s.core.setLimit(limit, false); err != nil {
		panic(err)
	}
	return s
}

// Acquire waits until n permits are free and all who came earlier are served,
// and takes them. It returns nil when it has; else it has taken nothing, holds
// up nobody, and returns
//   - an error that wraps context.Cause(ctx) when ctx ends first, also when it
//     had ended before the call and there were permits;
//   - an error that is ErrOverLimit, at once, if n is more than the limit and
//     the limit is not 0. One who waits when SetLimit lowers the limit under
//     its demand is refused so when its turn comes;
//   - an error that is ErrNegativeWeight if n is negative.
//
// An acquire of 0 takes nothing and never waits.
func (s *Semaphore) Acquire(ctx context.Context, n int) error { return s.core.acquire(ctx, n) }

// TryAcquire takes n permits if they are free now and nobody waits, and reports
// whether it did. It never waits. It panics with an error that is
// ErrNegativeWeight if n is negative.
func (s *Semaphore) TryAcquire(n int) bool { return !s.core.full(n) && s.core.tryAcquire(n) }

// Release gives n permits back, and so lets those who wait first go on. Any
// goroutine may release what another has acquired. Of more than are in use, what
// is over raises the limit.
//
// It panics with an error that is ErrNegativeWeight if n is negative, and with
// one that is ErrOverRelease if the limit would exceed 2^47-1.
func (s *Semaphore) Release(n int) { s.core.release(n, false) }

// Do acquires n permits as Acquire does, calls f with ctx, and releases them
// when f returns, panics or ends its goroutine. It returns the error of acquire,
// without calling f, or that of f.
func (s *Semaphore) Do(ctx context.Context, n int, f func(ctx context.Context) error) error {
	if err := s.core.acquire(ctx, n); err != nil {
		return err
	}
	defer s.core.release(n, false)
	return f(ctx)
}

// SetLimit changes the limit to n. Raising it lets those who now fit go on, in
// their order. Lowering it takes no permit away from anybody: as long as more
// are in use than the new limit, none is given out. Those who wait for more than
// it allows are refused with ErrOverLimit when their turn comes, if it has not
// been raised again by then. A limit of 0 stops all without refusing any.
//
// It returns an error that is ErrNegativeLimit if n is negative, and changes
// nothing then. A limit above 2^47-1 is taken as 2^47-1.
func (s *Semaphore) SetLimit(n int) error { return s.core.setLimit(n, false) }

// Limit returns the limit: how many permits there are, free and in use.
func (s *Semaphore) Limit() int { return int(s.core.limit.Load()) }

// Stats returns what the semaphore has been doing, all of it at one moment.
func (s *Semaphore) Stats() SemaphoreStats { return s.core.snapshot() }

// AcquirePermit is Acquire as part of [Limiter]. The permit is released by
// Release, whatever the outcome. It allocates nothing for n up to 1.
func (s *Semaphore) AcquirePermit(ctx context.Context, n int) (Permit, error) {
	return s.core.acquirePermit(ctx, n)
}

// TryAcquirePermit is TryAcquire as part of [Limiter].
func (s *Semaphore) TryAcquirePermit(n int) (Permit, bool) { return s.core.tryAcquirePermit(n) }

// Line returns where callers of s wait, for [All] and for limits that are built
// on s.
func (s *Semaphore) Line() Line { return &s.core }

var _ Member = (*Semaphore)(nil)
