package penstock_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/penstock-go/penstock"
)

// Waiters under the same context leave one of them to watch it. Whichever that
// is when it is granted or refused, the rest are still told.
func TestSemaphoreSharedContext(t *testing.T) {
	for _, served := range []int{0, 1, 2, 5, 9, 10} {
		bothKinds(t, func(t *testing.T, make func(int) semaphore) {
			var j journal
			s := make(10)
			take(t, s, 10)
			shared, cancel := context.WithCancelCause(t.Context())
			// A context with a value ends with the one that it is made of.
			type key struct{}
			derived := context.WithValue(shared, key{}, 1)
			under := func(ctx context.Context) func(context.Context) error {
				return func(context.Context) error { return s.Acquire(ctx, 1) }
			}
			var calls []*caller
			for i := range 10 {
				ctx := []context.Context{shared, derived}[i%2]
				calls = append(calls, call(t, &j, fmt.Sprint(i), under(ctx)))
			}
			other := call(t, &j, "other", of(s, 1))
			s.Release(served)
			if served > 0 && served < 5 {
				// Those who come now have a leader that did not come first.
				calls = append(calls, call(t, &j, "late", under(shared)))
			}
			counts(t, s, 10, 10, len(calls)-served+1)
			cancel(errGone)
			for i, c := range calls {
				if i < served {
					c.ended(nil)
				} else {
					c.ended(errGone)
				}
			}
			other.waits()
			counts(t, s, 10, 10, 1)
			if got := s.Stats().Cancelled; got != int64(len(calls)-served) {
				t.Errorf("%d cancelled, want %d", got, len(calls)-served)
			}
			s.Release(1)
			other.ended(nil)
		})
	}
}

// Some are served and the others cancelled at the same moment, before any of
// them can run: each gets one of the two, and nothing is lost.
func TestSemaphoreSharedContextCancelledWhileGranted(t *testing.T) {
	for range 30 {
		bothKinds(t, func(t *testing.T, make func(int) semaphore) {
			var j journal
			s := make(4)
			take(t, s, 4)
			shared, cancel := context.WithCancelCause(t.Context())
			var calls []*caller
			for range 6 {
				calls = append(calls, call(t, &j, "c", func(context.Context) error { return s.Acquire(shared, 1) }))
			}
			last := call(t, &j, "last", of(s, 4))
			for range 4 {
				s.Release(1)
			}
			cancel(errGone)
			synctest.Wait()
			granted := 0
			for _, c := range calls {
				if c.err == nil {
					granted++
				} else {
					c.ended(errGone)
				}
			}
			s.Release(granted)
			last.ended(nil)
			counts(t, s, 4, 4, 0)
		})
	}
}

// One that is called upon to watch the context, and granted before it can run, is
// woken once and not twice: the second would be for who uses its place next.
func TestSemaphoreSharedContextGrantedWhilePromoted(t *testing.T) {
	for range 30 {
		bothKinds(t, func(t *testing.T, make func(int) semaphore) {
			var j journal
			s := make(10)
			take(t, s, 10)
			shared := func(context.Context) error { return s.Acquire(t.Context(), 1) }
			for range 5 {
				call(t, &j, "c", shared)
			}
			last := call(t, &j, "last", of(s, 10)) // so that places are kept
			s.Release(1)                           // the first leads no more
			s.Release(4)                           // nor does the fifth, which was to follow it
			j.expect(t, "c", "c", "c", "c", "c")
			for range 5 {
				call(t, &j, "early", shared).waits()
			}
			counts(t, s, 10, 10, 6)
			s.Release(10)
			last.ended(nil)
			s.Release(10)
			counts(t, s, 10, 5, 0)
		})
	}
}

// For the race detector: groups of goroutines share contexts that end while
// they wait and are granted. In the end nothing is lost.
func TestSemaphoreSharedContextUnderLoad(t *testing.T) {
	s := penstock.NewBoundedSemaphore(3)
	var held atomic.Int64
	var wg sync.WaitGroup
	for round := range 60 {
		ctx, cancel := context.WithCancel(context.Background())
		r := rand.New(rand.NewPCG(uint64(round), 5))
		for range 8 {
			n, times := 1+r.IntN(3), 1+r.IntN(30)
			wg.Go(func() {
				for range times {
					err := s.Acquire(ctx, n)
					if err != nil {
						if !errors.Is(err, context.Canceled) {
							t.Error(err)
						}
						return
					}
					if now := held.Add(int64(n)); now > 3 {
						t.Errorf("%d are held of 3", now)
					}
					held.Add(-int64(n))
					s.Release(n)
				}
			})
		}
		wg.Go(cancel)
		if round%3 == 0 {
			wg.Wait()
		}
	}
	wg.Wait()
	if got := s.Stats(); got.InUse != 0 || got.Waiting != 0 {
		t.Errorf("at the end: %+v", got)
	}
	if !s.TryAcquire(3) {
		t.Error("something is lost")
	}
}
