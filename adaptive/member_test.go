package adaptive_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/rate"
)

// TestAllHoldsNothing has a composed limiter one of whose parts is full: the other
// goes on serving.
func TestAllHoldsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		l, _ := limiter(t, 1, adaptive.Options{})
		full := penstock.NewSemaphore(1)
		held := must(t, full, 1)
		all := penstock.All(full, l)
		g := &log{since: since}
		g.come(t.Context(), all, "a", 1, time.Second)
		g.come(t.Context(), all, "b", 1, time.Second)
		g.come(t.Context(), l, "x", 1, time.Second)
		g.come(t.Context(), l, "y", 1, time.Second)
		time.Sleep(10 * time.Second)
		held.Release(penstock.Success)
		time.Sleep(time.Minute)
		g.want(t, "x 0s", "y 1s", "a 10s", "b 11s")
	})
}

// TestAllStandsInLine has composed and plain waiters for one limit: they are served
// in the order in which they came.
func TestAllStandsInLine(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		l, f := limiter(t, 1, adaptive.Options{})
		all := penstock.All(penstock.NewSemaphore(10), l)
		g := &log{since: since}
		g.come(t.Context(), all, "a", 1, time.Second)
		g.come(t.Context(), all, "b", 1, time.Second)
		g.come(t.Context(), l, "c", 1, time.Second)
		g.come(t.Context(), all, "d", 1, time.Second)
		g.come(t.Context(), l, "e", 1, time.Second)
		if s := l.Stats(); s.Waiting != 4 {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Minute)
		g.want(t, "a 0s", "b 1s", "c 2s", "d 3s", "e 4s")
		if len(f.seen) != 5 || f.seen[1].Latency != time.Second {
			t.Errorf("saw %+v", f.seen)
		}
		if s := l.Stats(); s.Waited != 4 || s.TotalWait != 10*time.Second {
			t.Errorf("%+v", s)
		}
	})
}

// TestAllWakesByTime has composed waiters whom only the passage of time lets go.
func TestAllWakesByTime(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		l, _ := limiter(t, 5, adaptive.Options{})
		if err := l.SetRate(rate.Rate{Count: 1, Per: time.Second}); err != nil {
			t.Fatal(err)
		}
		slow, err := rate.New(rate.Rate{Count: 1, Per: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		all := penstock.All(l, slow)
		g := &log{since: since}
		g.come(t.Context(), all, "a", 1, 0)
		g.come(t.Context(), all, "b", 1, 0)
		g.come(t.Context(), l, "x", 1, 0)
		time.Sleep(time.Minute)
		g.want(t, "a 0s", "x 998ms", "b 3s")
	})
}

// TestAllCannotDeadlock stresses limits composed in both orders, with holds,
// cancellation and changing limits. A deadlock would end the bubble.
func TestAllCannotDeadlock(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			a, fa := limiter(t, 2, adaptive.Options{Max: 3})
			b, err := adaptive.New(adaptive.Options{Max: 3})
			if err != nil {
				t.Fatal(err)
			}
			limits := rand.New(rand.NewPCG(seed, 4))
			fa.step = func(f *fixed) adaptive.Reason {
				f.limit = 1 + limits.IntN(3)
				return adaptive.Probed
			}
			some := []penstock.Limiter{penstock.All(a, b), penstock.All(b, a), a, b}
			var group sync.WaitGroup
			for range 50 {
				l, n := some[r.IntN(4)], 1+r.IntN(2)
				begin, keep, patience := time.Duration(r.IntN(500)), time.Duration(r.IntN(30)), time.Duration(r.IntN(2000))
				hold, outcome := r.IntN(10) == 0, penstock.Outcome(r.IntN(5))
				group.Go(func() {
					time.Sleep(begin)
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					p, err := l.AcquirePermit(ctx, n)
					if err != nil {
						return
					}
					time.Sleep(keep)
					if hold {
						b.Hold(time.Now().Add(50))
					}
					p.Release(outcome)
				})
			}
			group.Wait()
			for _, l := range []*adaptive.Limiter{a, b} {
				if s := l.Stats(); s.InFlight != 0 || s.Waiting != 0 {
					t.Errorf("seed %d: %+v", seed, s)
				}
			}
		})
	}
}
