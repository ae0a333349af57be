package penstock

import "context"

// A BoundedSemaphore is a [Semaphore] of which never more can be released than
// is in use: to try is taken for the mistake that it is, and panics. It is what
// guards a resource of which there is a certain number. In all else the two are
// the same.
//
// The zero BoundedSemaphore has a limit of 0 and is ready for use: all wait,
// until SetLimit provides. All methods may be called at the same time by any
// number of goroutines. A BoundedSemaphore must not be copied after first use.
type BoundedSemaphore struct {
	core core
}

// NewBoundedSemaphore returns a BoundedSemaphore of limit permits, all free. It
// panics with an error that is ErrNegativeLimit if limit is negative; see
// [NewSemaphore] for what to do with a number that may be.
func NewBoundedSemaphore(limit int) *BoundedSemaphore {
	s := &BoundedSemaphore{}
	if err := s.core.setLimit(limit, true); err != nil {
		panic(err)
	}
	return s
}

// Acquire waits for n permits and takes them, as [Semaphore.Acquire] does.
func (s *BoundedSemaphore) Acquire(ctx context.Context, n int) error {
	return s.core.acquire(ctx, n)
}

// TryAcquire takes n permits if they are free now and nobody waits, as
// [Semaphore.TryAcquire] does.
func (s *BoundedSemaphore) TryAcquire(n int) bool { return !s.core.full(n) && s.core.tryAcquire(n) }

// Release gives n permits back, and so lets those who wait first go on. Any
// goroutine may release what another has acquired.
//
// It panics if n is more than what is in use, with an error that is
// ErrOverRelease, and releases nothing then. A negative n panics with an error
// that is ErrNegativeWeight.
func (s *BoundedSemaphore) Release(n int) { s.core.release(n, true) }

// Do holds n permits while f runs, as [Semaphore.Do] does.
func (s *BoundedSemaphore) Do(ctx context.Context, n int, f func(ctx context.Context) error) error {
	if err := s.core.acquire(ctx, n); err != nil {
		return err
	}
	defer s.core.release(n, true)
	return f(ctx)
}

// SetLimit changes the limit to n, as [Semaphore.SetLimit] does.
func (s *BoundedSemaphore) SetLimit(n int) error { return s.core.setLimit(n, true) }

// Limit returns the limit: how many permits there are, free and in use.
func (s *BoundedSemaphore) Limit() int { return int(s.core.limit.Load()) }

// Stats returns what the semaphore has been doing, all of it at one moment.
func (s *BoundedSemaphore) Stats() SemaphoreStats { return s.core.snapshot() }

// AcquirePermit is Acquire as part of [Limiter]. The permit is released by
// Release, whatever the outcome. It allocates nothing for n up to 1.
func (s *BoundedSemaphore) AcquirePermit(ctx context.Context, n int) (Permit, error) {
	return s.core.acquirePermit(ctx, n)
}

// TryAcquirePermit is TryAcquire as part of [Limiter].
func (s *BoundedSemaphore) TryAcquirePermit(n int) (Permit, bool) {
	return s.core.tryAcquirePermit(n)
}

// Line returns where callers of s wait, for [All] and for limits that are built
// on s.
func (s *BoundedSemaphore) Line() Line { return &s.core }

var _ Member = (*BoundedSemaphore)(nil)
