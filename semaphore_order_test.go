package penstock_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
)

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
	// On one processor a waiter does not run before the test waits, so that it is
	// granted and cancelled before it sees either; unless the test is preempted.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		gone := 0
		for i := range 20 {
			var j journal
			s := make(1)
			take(t, s, 1)
			first := call(t, &j, "first", of(s, 1))
			second := call(t, &j, "second", of(s, 1))
			if i%2 == 0 {
				s.Release(1)
				first.cancel(errGone)
				first.raced(func() { s.Release(1) })
				if first.err != nil {
					gone++
				}
			} else {
				first.cancel(errGone)
				s.Release(1)
				first.ended(errGone)
			}
			second.ended(nil)
			counts(t, s, 1, 1, 0)
			s.Release(1)
			take(t, s, 1)
		}
		if gone == 0 {
			t.Error("who is granted and then cancelled before it runs keeps what it was granted")
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
		only.raced(func() { s.Release(1) })
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
