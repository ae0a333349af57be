package penstock_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
)

// semaphore is what both kinds have.
type semaphore interface {
	penstock.Member
	Acquire(ctx context.Context, n int) error
	TryAcquire(n int) bool
	Release(n int)
	Do(ctx context.Context, n int, f func(ctx context.Context) error) error
	SetLimit(n int) error
	Limit() int
	Stats() penstock.SemaphoreStats
}

func newSemaphore(limit int) semaphore { return penstock.NewSemaphore(limit) }
func newBounded(limit int) semaphore   { return penstock.NewBoundedSemaphore(limit) }

// bothKinds runs f for each kind of semaphore in a bubble of its own.
func bothKinds(t *testing.T, f func(t *testing.T, make func(limit int) semaphore)) {
	t.Helper()
	for _, kind := range []struct {
		name string
		make func(int) semaphore
	}{{"Semaphore", newSemaphore}, {"BoundedSemaphore", newBounded}} {
		t.Run(kind.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, kind.make) })
		})
	}
}

// A journal is the order in which things happened.
type journal struct {
	mu      sync.Mutex
	entries []string
}

func (j *journal) add(entry string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
}

// expect waits until all is quiet, and checks what has happened so far.
func (j *journal) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.entries, want) {
		t.Errorf("so far: %q, want %q", j.entries, want)
	}
}

// A caller waits for something in a goroutine of its own.
type caller struct {
	t      *testing.T
	name   string
	cancel context.CancelCauseFunc
	done   chan struct{}
	err    error
}

// call starts acquire in a goroutine, and lets it come to where it waits. Its
// success goes into the journal.
func call(t *testing.T, j *journal, name string, acquire func(ctx context.Context) error) *caller {
	t.Helper()
	c := callAtOnce(t, j, name, acquire)
	synctest.Wait()
	return c
}

// callAtOnce is call without waiting.
func callAtOnce(t *testing.T, j *journal, name string, acquire func(ctx context.Context) error) *caller {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	c := &caller{t: t, name: name, cancel: cancel, done: make(chan struct{})}
	t.Cleanup(func() { cancel(nil) })
	go func() {
		defer close(c.done)
		if c.err = acquire(ctx); c.err == nil {
			j.add(name)
		}
	}()
	return c
}

// of returns an acquire of n of s.
func of(s semaphore, n int) func(context.Context) error {
	return func(ctx context.Context) error { return s.Acquire(ctx, n) }
}

// ended checks that the call has returned an error that is want, nil for none.
func (c *caller) ended(want error) {
	c.t.Helper()
	synctest.Wait()
	select {
	case <-c.done:
		if !errors.Is(c.err, want) {
			c.t.Fatalf("%s returned %v, want %v", c.name, c.err, want)
		}
	default:
		c.t.Fatalf("%s still waits, want it to have returned %v", c.name, want)
	}
}

// raced checks a call that was granted what it wants and cancelled at the same
// moment. It has returned errGone; or it was quicker, on another processor, and
// has got it, which it then gives back.
func (c *caller) raced(giveBack func()) {
	c.t.Helper()
	synctest.Wait()
	if isDone(c) && c.err == nil {
		giveBack()
		return
	}
	c.ended(errGone)
}

// waits checks that the call has not returned.
func (c *caller) waits() {
	c.t.Helper()
	synctest.Wait()
	select {
	case <-c.done:
		c.t.Fatalf("%s returned %v, want it to wait", c.name, c.err)
	default:
	}
}

// counts checks limit, permits in use and waiters.
func counts(t *testing.T, s semaphore, limit, inUse, waiting int) {
	t.Helper()
	synctest.Wait()
	stats := s.Stats()
	if stats.Limit != limit || s.Limit() != limit || stats.InUse != inUse || stats.Waiting != waiting {
		t.Errorf("limit %d (%d), in use %d, waiting %d; want %d, %d, %d",
			stats.Limit, s.Limit(), stats.InUse, stats.Waiting, limit, inUse, waiting)
	}
}

// take acquires n, which must succeed at once.
func take(t *testing.T, s semaphore, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	start := time.Now()
	if err := s.Acquire(ctx, n); err != nil {
		t.Fatalf("acquire %d: %v", n, err)
	}
	if d := time.Since(start); d != 0 {
		t.Errorf("acquire %d took %v, want nothing", n, d)
	}
}

// panics returns the error with which f panics.
func panics(t *testing.T, f func()) (err error) {
	t.Helper()
	defer func() {
		r := recover()
		if r == nil {
			t.Error("no panic")
			return
		}
		err, _ = r.(error)
	}()
	f()
	return nil
}

var errGone = errors.New("caller has gone")

func set(t *testing.T, s semaphore, limit int) {
	t.Helper()
	if err := s.SetLimit(limit); err != nil {
		t.Errorf("SetLimit(%d): %v", limit, err)
	}
}
