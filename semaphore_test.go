package penstock_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
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
			c.t.Errorf("%s returned %v, want %v", c.name, c.err, want)
		}
	default:
		c.t.Errorf("%s still waits, want it to have returned %v", c.name, want)
	}
}

// waits checks that the call has not returned.
func (c *caller) waits() {
	c.t.Helper()
	synctest.Wait()
	select {
	case <-c.done:
		c.t.Errorf("%s returned %v, want it to wait", c.name, c.err)
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

func TestSemaphore01InitialValue(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		counts(t, make(0), 0, 0, 0)
		counts(t, make(7), 7, 0, 0)
		err := panics(t, func() { make(-1) })
		if !errors.Is(err, penstock.ErrNegativeLimit) {
			t.Errorf("a limit of -1 panics with %v", err)
		}
		s := make(3)
		if err := s.SetLimit(-1); !errors.Is(err, penstock.ErrNegativeLimit) || !strings.Contains(err.Error(), "-1") {
			t.Errorf("SetLimit(-1) = %v", err)
		}
		counts(t, s, 3, 0, 0)
	})
	synctest.Test(t, func(t *testing.T) {
		var s penstock.Semaphore
		var j journal
		c := call(t, &j, "c", of(&s, 1))
		c.waits()
		s.Release(1)
		c.ended(nil)
		counts(t, &s, 1, 1, 0)

		var b penstock.BoundedSemaphore
		c = call(t, &j, "c", of(&b, 1))
		c.waits()
		if err := b.SetLimit(2); err != nil {
			t.Error(err)
		}
		c.ended(nil)
		counts(t, &b, 2, 1, 0)
	})
}

func TestSemaphore02AcquireTakesWhileThereIsRoom(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(3)
		for i := range 3 {
			take(t, s, 1)
			counts(t, s, 3, i+1, 0)
		}
		c := call(t, &j, "c", of(s, 1))
		c.waits()
		counts(t, s, 3, 3, 1)
		s.Release(1)
		c.ended(nil)
		counts(t, s, 3, 3, 0)
	})
}

func TestSemaphore03ReleaseHandsToTheFirst(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(1)
		take(t, s, 1)
		s.Release(1)
		counts(t, s, 1, 0, 0)
		take(t, s, 1)
		call(t, &j, "c1", of(s, 1))
		call(t, &j, "c2", of(s, 1))
		s.Release(1)
		if inUse := s.Stats().InUse; inUse != 1 {
			t.Errorf("in use right after the release: %d, want 1: it belongs to c1", inUse)
		}
		j.expect(t, "c1")
		counts(t, s, 1, 1, 1)
		s.Release(1)
		j.expect(t, "c1", "c2")
		counts(t, s, 1, 1, 0)
	})
}

func TestSemaphore04FirstComeFirstServed(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(1)
		take(t, s, 1)
		for _, name := range []string{"c1", "c2", "c3"} {
			call(t, &j, name, func(ctx context.Context) error {
				for range 2 {
					if err := s.Acquire(ctx, 1); err != nil {
						return err
					}
					j.add(name)
					s.Release(1)
				}
				return errGone
			})
		}
		s.Release(1)
		j.expect(t, "c1", "c2", "c3", "c1", "c2", "c3")
	})
}

func TestSemaphore05AfterTwoReleasesTheLatecomerIsLast(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(2)
		take(t, s, 2)
		// 1 acquires a second time as soon as it is served: behind 2 and 3.
		call(t, &j, "4", func(ctx context.Context) error {
			if err := s.Acquire(ctx, 1); err != nil {
				return err
			}
			j.add("1")
			return s.Acquire(ctx, 1)
		})
		call(t, &j, "2", of(s, 1))
		call(t, &j, "3", of(s, 1))
		s.Release(1)
		s.Release(1)
		synctest.Wait()
		s.Release(1)
		synctest.Wait()
		s.Release(1)
		synctest.Wait()
		j.mu.Lock()
		slices.Sort(j.entries[:2]) // served by the same two releases
		j.mu.Unlock()
		j.expect(t, "1", "2", "3", "4")
	})
}

func TestSemaphore06NewcomerNeverOvertakes(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(1)
		take(t, s, 1)
		woken := call(t, &j, "woken", of(s, 1))
		s.Release(1) // woken has not run yet
		if s.TryAcquire(1) {
			t.Error("TryAcquire took a permit that was promised")
		}
		newcomer := call(t, &j, "newcomer", of(s, 1))
		woken.ended(nil)
		newcomer.waits()
		j.expect(t, "woken")
		s.Release(1)
		newcomer.ended(nil)
	})
}

func TestSemaphore07OneReleaseWakesOne(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(3)
		take(t, s, 3)
		for i := range 5 {
			call(t, &j, fmt.Sprint(i), of(s, 1))
		}
		s.Release(1)
		j.expect(t, "0")
		s.Release(1)
		s.Release(1)
		synctest.Wait()
		j.mu.Lock()
		slices.Sort(j.entries) // 1 and 2 may run in any order
		j.mu.Unlock()
		j.expect(t, "0", "1", "2")
		counts(t, s, 3, 3, 2)
		late := call(t, &j, "late", of(s, 1))
		s.Release(1)
		j.expect(t, "0", "1", "2", "3")
		s.Release(1)
		j.expect(t, "0", "1", "2", "3", "4")
		late.waits()
		s.Release(1)
		late.ended(nil)
	})
}

func TestSemaphore08CancelledWaiterLeaves(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(1)
		take(t, s, 1)
		first := call(t, &j, "first", of(s, 1))
		second := call(t, &j, "second", of(s, 1))
		first.cancel(errGone)
		first.ended(errGone)
		first.ended(context.Canceled)
		counts(t, s, 1, 1, 1)
		s.Release(1)
		second.ended(nil)
		if got := s.Stats().Cancelled; got != 1 {
			t.Errorf("cancelled: %d, want 1", got)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := s.Acquire(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("past the deadline: %v", err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("waited %v for a deadline in 1s", d)
		}
	})
}

func TestSemaphore09TwoCancelledBeforeTheRelease(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(1)
		take(t, s, 1)
		c1 := call(t, &j, "c1", of(s, 1))
		c2 := call(t, &j, "c2", of(s, 1))
		call(t, &j, "c3", of(s, 1))
		c4 := call(t, &j, "c4", of(s, 1))
		c1.cancel(errGone)
		c2.cancel(errGone)
		s.Release(1)
		c1.ended(errGone)
		c2.ended(errGone)
		j.expect(t, "c3")
		c4.waits()
		s.Release(1)
		c4.ended(nil)
	})
}

func TestSemaphore10CancelledWhileGranted(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		for _, releaseFirst := range []bool{true, false} {
			var j journal
			s := make(1)
			take(t, s, 1)
			first := call(t, &j, "first", of(s, 1))
			second := call(t, &j, "second", of(s, 1))
			// Both before first can run: whichever it sees, it is cancelled.
			if releaseFirst {
				s.Release(1)
				first.cancel(errGone)
			} else {
				first.cancel(errGone)
				s.Release(1)
			}
			first.ended(errGone)
			second.ended(nil)
			counts(t, s, 1, 1, 0)
			s.Release(1)
			take(t, s, 1)
		}
	})
}

func TestSemaphore11CancellingTheOnlyWaiterLeavesItFree(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(1)
		take(t, s, 1)
		only := call(t, &j, "only", of(s, 1))
		s.Release(1)
		only.cancel(errGone)
		only.ended(errGone)
		counts(t, s, 1, 0, 0)
		take(t, s, 1)
	})
}

func TestSemaphore12EndedContextNeverAcquires(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		s := make(1)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errGone)
		for range 1000 {
			for n := range 2 {
				if err := s.Acquire(ctx, n); !errors.Is(err, errGone) {
					t.Fatalf("Acquire(%d) = %v", n, err)
				}
				if p, err := s.AcquirePermit(ctx, n); !errors.Is(err, errGone) || p != nil {
					t.Fatalf("AcquirePermit(%d) = %v, %v", n, p, err)
				}
			}
		}
		counts(t, s, 1, 0, 0)
		err := s.Do(ctx, 1, func(context.Context) error { t.Error("f was called"); return nil })
		if !errors.Is(err, errGone) {
			t.Errorf("Do = %v", err)
		}
	})
}

func TestSemaphore13BoundedOverRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := penstock.NewBoundedSemaphore(2)
		overRelease := func(n int) {
			t.Helper()
			before := s.Stats()
			err := panics(t, func() { s.Release(n) })
			if !errors.Is(err, penstock.ErrOverRelease) {
				t.Errorf("Release(%d) panics with %v", n, err)
			}
			if after := s.Stats(); after != before {
				t.Errorf("it changed %+v to %+v", before, after)
			}
		}
		overRelease(1)
		take(t, s, 1)
		overRelease(2)
		s.Release(1)
		overRelease(1)
		var zero penstock.BoundedSemaphore
		if err := panics(t, func() { zero.Release(1) }); !errors.Is(err, penstock.ErrOverRelease) {
			t.Errorf("Release of a zero value panics with %v", err)
		}

		// A permit that is released twice is an over-release as well.
		p, err := s.AcquirePermit(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		p.Release(penstock.Success)
		err = panics(t, func() { p.Release(penstock.Success) })
		if !errors.Is(err, penstock.ErrOverRelease) {
			t.Errorf("the second Release of a permit panics with %v", err)
		}

		// While others wait, too.
		take(t, s, 2)
		var j journal
		c := call(t, &j, "c", of(s, 2))
		overRelease(3)
		c.waits()
	})
}

func TestSemaphore14OverReleaseRaises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := penstock.NewSemaphore(1)
		s.Release(2)
		counts(t, s, 3, 0, 0)
		take(t, s, 3)
		counts(t, s, 3, 3, 0)
		var j journal
		for i := range 3 {
			call(t, &j, fmt.Sprint(i), of(s, 1))
		}
		s.Release(5)
		counts(t, s, 5, 3, 0)
		s.Release(3)
		counts(t, s, 5, 0, 0)
	})
}

func TestSemaphore15DoReleases(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		s := make(2)
		type key struct{}
		ctx := context.WithValue(t.Context(), key{}, "value")
		inside := func(err error) func(context.Context) error {
			return func(got context.Context) error {
				counts(t, s, 2, 2, 0)
				if got.Value(key{}) != "value" {
					t.Error("f did not get the context")
				}
				return err
			}
		}
		if err := s.Do(ctx, 2, inside(nil)); err != nil {
			t.Error(err)
		}
		counts(t, s, 2, 0, 0)
		if err := s.Do(ctx, 2, inside(errGone)); err != errGone {
			t.Errorf("Do = %v, want f's error", err)
		}
		counts(t, s, 2, 0, 0)
		err := panics(t, func() {
			_ = s.Do(ctx, 2, func(context.Context) error { panic(errGone) })
		})
		if err != errGone {
			t.Errorf("the panic became %v", err)
		}
		counts(t, s, 2, 0, 0)
		var wg sync.WaitGroup
		wg.Go(func() {
			_ = s.Do(ctx, 2, func(context.Context) error { runtime.Goexit(); return nil })
		})
		wg.Wait()
		counts(t, s, 2, 0, 0)
	})
}

func TestSemaphore16WeightOverTheLimit(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(3)
		refused := func(n int) {
			t.Helper()
			call(t, &j, "refused", of(s, n)).ended(penstock.ErrOverLimit)
			if s.TryAcquire(n) {
				t.Errorf("TryAcquire(%d) of 3", n)
			}
		}
		refused(4)
		refused(math.MaxInt)
		take(t, s, 3)
		refused(4)
		waiter := call(t, &j, "waiter", of(s, 3))
		refused(4)
		counts(t, s, 3, 3, 1)

		// A limit lowered under a demand refuses it when its turn comes, and
		// those behind it go on.
		behind := call(t, &j, "behind", of(s, 2))
		set(t, s, 2)
		waiter.ended(penstock.ErrOverLimit)
		behind.waits()
		large := call(t, &j, "large", of(s, 2))
		last := call(t, &j, "last", of(s, 1))
		set(t, s, 1)
		behind.ended(penstock.ErrOverLimit)
		large.ended(penstock.ErrOverLimit)
		s.Release(3)
		last.ended(nil)
		counts(t, s, 1, 1, 0)
	})
}

func TestSemaphore16LimitOfZeroRefusesNobody(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(5)
		set(t, s, 0)
		large := call(t, &j, "large", of(s, 4))
		small := call(t, &j, "small", of(s, 1))
		set(t, s, 4)
		large.ended(nil)
		small.waits()
		set(t, s, 0)
		small.waits()
		s.Release(4)
		small.waits()
		set(t, s, 1)
		small.ended(nil)
	})
}

func TestSemaphore17LargeDemandIsNotStarved(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(4)
		take(t, s, 3)
		large := call(t, &j, "large", of(s, 4))
		small := call(t, &j, "small", of(s, 1))
		if s.TryAcquire(1) {
			t.Error("TryAcquire overtook the large one")
		}
		s.Release(1)
		s.Release(1)
		large.waits()
		small.waits()
		s.Release(1)
		large.ended(nil)
		small.waits()
		s.Release(4)
		small.ended(nil)
		counts(t, s, 4, 1, 0)

		// Cancelled, it lets all go that it held up and that fit.
		large = call(t, &j, "large", of(s, 4))
		var behind []*caller
		for range 4 {
			behind = append(behind, call(t, &j, "small", of(s, 1)))
		}
		large.cancel(errGone)
		for _, c := range behind[:3] {
			c.ended(nil)
		}
		behind[3].waits()
		counts(t, s, 4, 4, 1)
		s.Release(1)
		behind[3].ended(nil)
	})
}

func TestSemaphore18RaisingTheLimitWakesThoseWhoFit(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(1)
		take(t, s, 1)
		set(t, s, 9)
		take(t, s, 8)
		set(t, s, 3) // six more out than the limit
		for i, n := range []int{1, 2, 1, 3, 1} {
			call(t, &j, fmt.Sprint(i), of(s, n))
		}
		set(t, s, 9)
		j.expect(t)
		set(t, s, 10)
		j.expect(t, "0")
		set(t, s, 11)
		j.expect(t, "0")
		set(t, s, 13)
		synctest.Wait()
		j.mu.Lock()
		slices.Sort(j.entries)
		j.mu.Unlock()
		j.expect(t, "0", "1", "2") // 3 wants three: it and 4 behind it stay
		counts(t, s, 13, 13, 2)
		set(t, s, 17)
		synctest.Wait()
		counts(t, s, 17, 17, 0)
	})
}

func TestSemaphore19LoweringTheLimitTakesNothingAway(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(5)
		take(t, s, 5)
		set(t, s, 2)
		counts(t, s, 2, 5, 0)
		c := call(t, &j, "c", of(s, 1))
		for inUse := 4; inUse >= 2; inUse-- {
			s.Release(1)
			c.waits()
			counts(t, s, 2, inUse, 1)
		}
		s.Release(1)
		c.ended(nil)
		counts(t, s, 2, 2, 0)
		s.Release(2)
		if got := s.Stats().MostInUse; got != 5 {
			t.Errorf("most in use: %d, want 5", got)
		}
	})
}

func TestSemaphore20TryAcquireNeverOvertakes(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(2)
		if !s.TryAcquire(1) || !s.TryAcquire(1) || s.TryAcquire(1) {
			t.Error("TryAcquire does not take exactly what there is")
		}
		large := call(t, &j, "large", of(s, 2))
		s.Release(1)
		if s.TryAcquire(1) {
			t.Error("TryAcquire overtook a waiter")
		}
		if _, ok := s.TryAcquirePermit(1); ok {
			t.Error("TryAcquirePermit overtook a waiter")
		}
		large.waits()
		s.Release(1)
		large.ended(nil)
		s.Release(1)
		p, ok := s.TryAcquirePermit(1)
		if !ok {
			t.Fatal("TryAcquirePermit did not take what is free")
		}
		counts(t, s, 2, 2, 0)
		p.Release(penstock.Unused)
		counts(t, s, 2, 1, 0)
	})
}

func TestSemaphore21ZeroCostSucceedsAtOnce(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(0)
		call(t, &j, "waiter", of(s, 1)).waits()
		take(t, s, 0)
		if !s.TryAcquire(0) {
			t.Error("TryAcquire(0) failed")
		}
		p, err := s.AcquirePermit(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		p.Release(penstock.Success)
		s.Release(0)
		counts(t, s, 0, 0, 1)
	})
}

func TestSemaphoreNegativeWeight(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		s := make(2)
		if err := s.Acquire(t.Context(), -1); !errors.Is(err, penstock.ErrNegativeWeight) {
			t.Errorf("Acquire(-1) = %v", err)
		}
		if _, err := s.AcquirePermit(t.Context(), -1); !errors.Is(err, penstock.ErrNegativeWeight) {
			t.Errorf("AcquirePermit(-1) = %v", err)
		}
		for name, f := range map[string]func(){
			"TryAcquire":       func() { s.TryAcquire(-1) },
			"TryAcquirePermit": func() { s.TryAcquirePermit(-1) },
			"Release":          func() { s.Release(-1) },
		} {
			if err := panics(t, f); !errors.Is(err, penstock.ErrNegativeWeight) {
				t.Errorf("%s panics with %v", name, err)
			}
		}
		counts(t, s, 2, 0, 0)
	})
}

func TestSemaphoreHugeLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 1<<47 - 1
		s := penstock.NewSemaphore(math.MaxInt)
		if s.Limit() != most {
			t.Errorf("limit %d, want %d", s.Limit(), most)
		}
		take(t, s, most)
		if s.TryAcquire(1) {
			t.Error("more than the limit")
		}
		set(t, s, 0)
		if got := s.Stats().InUse; got != most {
			t.Errorf("in use %d, want %d", got, most)
		}
		err := panics(t, func() { s.Release(math.MaxInt) })
		if !errors.Is(err, penstock.ErrOverRelease) {
			t.Errorf("a release past the largest limit panics with %v", err)
		}
		s.Release(most)
		set(t, s, most)
		take(t, s, most)
	})
}

// Stats count acquires in a few bits of a word; this passes their end.
func TestSemaphoreCountsManyAcquires(t *testing.T) {
	s := penstock.NewSemaphore(3)
	const many = 1<<17 + 5
	for range many {
		take1(t, s)
		s.Release(1)
	}
	if got := s.Stats(); got.Acquired != many || got.InUse != 0 || got.MostInUse != 1 {
		t.Errorf("%+v, want %d acquired", got, many)
	}
}

func take1(t *testing.T, s semaphore) {
	if err := s.Acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
}

func TestSemaphoreStats(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		var j journal
		s := make(4)
		take(t, s, 3)
		call(t, &j, "a", of(s, 3))
		time.Sleep(2 * time.Second)
		call(t, &j, "b", of(s, 1))
		c := call(t, &j, "c", of(s, 1))
		time.Sleep(time.Second)
		c.cancel(errGone)
		s.Release(3)
		synctest.Wait()
		want := penstock.SemaphoreStats{
			Limit: 4, InUse: 4, MostInUse: 4, Acquired: 3,
			Waited: 2, TotalWait: 4 * time.Second, LongestWait: 3 * time.Second, Cancelled: 1,
		}
		if got := s.Stats(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		data, err := json.Marshal(s.Stats())
		if want := `{"limit":4,"in_use":4,"waiting":0,"most_in_use":4,"acquired":3,"waited":2,` +
			`"total_wait_ns":4000000000,"longest_wait_ns":3000000000,"cancelled":1}`; err != nil || string(data) != want {
			t.Errorf("as JSON %s (%v), want %s", data, err, want)
		}
	})
}

func TestSemaphorePermitAllocatesNothing(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		s, ctx := make(1), t.Context()
		allocs := testing.AllocsPerRun(100, func() {
			p, err := s.AcquirePermit(ctx, 1)
			if err != nil {
				t.Fatal(err)
			}
			p.Release(penstock.Success)
			if s.Acquire(ctx, 1) != nil || s.TryAcquire(1) {
				t.Fatal("wrong")
			}
			s.Release(1)
		})
		if allocs != 0 {
			t.Errorf("%v allocations, want none", allocs)
		}
	})
}

// A waiter owns a channel, and the runtime ends a process in which a channel
// crosses from one bubble to another: waiters must not be kept for longer than
// somebody waits.
func TestSemaphoreCrossesBubbles(t *testing.T) {
	s := penstock.NewSemaphore(1)
	total := penstock.All(s, penstock.NewSemaphore(5))
	for range 3 {
		bothKinds(t, func(t *testing.T, _ func(int) semaphore) {
			var j journal
			take(t, s, 1)
			first := call(t, &j, "first", of(s, 1))
			second := call(t, &j, "second", func(ctx context.Context) error {
				p, err := total.AcquirePermit(ctx, 1)
				if err == nil {
					p.Release(penstock.Success)
				}
				return err
			})
			gone := call(t, &j, "gone", of(s, 1))
			gone.cancel(errGone)
			gone.ended(errGone)
			s.Release(1)
			first.ended(nil)
			s.Release(1)
			second.ended(nil)
		})
	}
}

func set(t *testing.T, s semaphore, limit int) {
	t.Helper()
	if err := s.SetLimit(limit); err != nil {
		t.Errorf("SetLimit(%d): %v", limit, err)
	}
}
