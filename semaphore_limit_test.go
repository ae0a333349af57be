package penstock_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/penstock-go/penstock"
)

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
		if first, second := s.TryAcquire(1), s.TryAcquire(1); !first || !second || s.TryAcquire(1) {
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
