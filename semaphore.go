package penstock

import (
	"context"
	"log/slog"
	"time"
)

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
func (s *Semaphore) Acquire(ctx context.Context, n int) error {
	_, err := s.core.acquire(ctx, n)
	return err
}

// TryAcquire takes n permits if they are free now and nobody waits, and reports
// whether it did. It never waits. It panics with an error that is
// ErrNegativeWeight if n is negative.
func (s *Semaphore) TryAcquire(n int) bool {
	if s.core.full(n) {
		return false
	}
	_, ok := s.core.tryAcquire(n)
	return ok
}

// Release gives n permits back, and so lets those who wait first go on. Any
// goroutine may release what another has acquired. Of more than are in use, what
// is over raises the limit.
//
// It panics with an error that is ErrNegativeWeight if n is negative, and with
// one that is ErrOverRelease if the limit would exceed 2^47-1.
func (s *Semaphore) Release(n int) { s.core.release(n, false, nil) }

// Do acquires n permits as Acquire does, calls f with ctx, and releases them
// when f returns, panics or ends its goroutine. It returns the error of acquire,
// without calling f, or that of f.
func (s *Semaphore) Do(ctx context.Context, n int, f func(ctx context.Context) error) error {
	by, err := s.core.acquire(ctx, n)
	if err != nil {
		return err
	}
	defer s.core.release(n, false, by)
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

// SetTracing turns on or off that s remembers who holds permits and who waits,
// for Trace to tell. It is for finding out why a program does not go on; off,
// which it is at first, it costs nothing. On, each acquire and release takes a
// few microseconds more.
func (s *Semaphore) SetTracing(on bool) { s.core.setTracing(on) }

// Trace returns who holds permits and who waits, by the place in the program
// where they called. See [SemaphoreTrace] for what is not known.
//
// Which acquire a bare Release(n) undoes it does not say: it is taken to be the
// latest of the same goroutine, or where there is none the oldest of all. Do and
// the permits of AcquirePermit say it exactly.
func (s *Semaphore) Trace() SemaphoreTrace { return s.core.trace() }

// LogHeld logs a warning, through log, when a permit has been held for as long
// as old, and again each time old has passed while any has: "penstock: 10
// permits held, oldest 2m0s by fetch.go:120; 3 waiting, longest 1m12s by
// main.go:33". It returns when ctx has ended; until then s remembers who holds
// it as with SetTracing. Run it in a goroutine of its own:
//
//	go downloads.LogHeld(ctx, slog.Default().With("semaphore", "downloads"), time.Minute)
//
// It panics if old is not more than 0.
func (s *Semaphore) LogHeld(ctx context.Context, log *slog.Logger, old time.Duration) {
	s.core.logHeld(ctx, log, old)
}

// Observe has f called after everything that happens at s from now on: nil for
// no longer. f is called in the goroutine of the caller to whom it happens, who
// waits for it; calls from several goroutines come at the same time, and not
// always in the order of events. It may use s. While there is an observer,
// acquire and release take the time of a mutex more, and of f.
func (s *Semaphore) Observe(f func(SemaphoreEvent)) { s.core.observe(f) }

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
