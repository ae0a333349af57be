package penstock_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
)

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
