package penstock

import (
	"context"
	"log/slog"
	"time"
)

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
	_, err := s.core.acquire(ctx, n)
	return err
}

// TryAcquire takes n permits if they are free now and nobody waits, as
// [Semaphore.TryAcquire] does.
func (s *BoundedSemaphore) TryAcquire(n int) bool {
	if s.core.full(n) {
		return false
	}
	_, ok := s.core.tryAcquire(n)
	return ok
}

// Release gives n permits back, and so lets those who wait first go on. Any
// goroutine may release what another has acquired.
//
// It panics if n is more than what is in use, with an error that is
// ErrOverRelease, and releases nothing then. A negative n panics with an error
// that is ErrNegativeWeight.
func (s *BoundedSemaphore) Release(n int) { s.core.release(n, true, nil) }

// Do holds n permits while f runs, as [Semaphore.Do] does.
func (s *BoundedSemaphore) Do(ctx context.Context, n int, f func(ctx context.Context) error) error {
	by, err := s.core.acquire(ctx, n)
	if err != nil {
		return err
	}
	defer s.core.release(n, true, by)
	return f(ctx)
}

// SetLimit changes the limit to n, as [Semaphore.SetLimit] does.
func (s *BoundedSemaphore) SetLimit(n int) error { return s.core.setLimit(n, true) }

// Limit returns the limit: how many permits there are, free and in use.
func (s *BoundedSemaphore) Limit() int { return int(s.core.limit.Load()) }

// Stats returns what the semaphore has been doing, all of it at one moment.
func (s *BoundedSemaphore) Stats() SemaphoreStats { return s.core.snapshot() }

// SetTracing turns on or off that s remembers who holds permits and who waits, as
// [Semaphore.SetTracing] does.
func (s *BoundedSemaphore) SetTracing(on bool) { s.core.setTracing(on) }

// Trace returns who holds permits and who waits, as [Semaphore.Trace] does.
func (s *BoundedSemaphore) Trace() SemaphoreTrace { return s.core.trace() }

// LogHeld logs a warning when a permit is held for too long, until ctx ends, as
// [Semaphore.LogHeld] does.
func (s *BoundedSemaphore) LogHeld(ctx context.Context, log *slog.Logger, old time.Duration) {
	s.core.logHeld(ctx, log, old)
}

// Observe has f called after everything that happens at s, as
// [Semaphore.Observe] does.
func (s *BoundedSemaphore) Observe(f func(SemaphoreEvent)) { s.core.observe(f) }

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
