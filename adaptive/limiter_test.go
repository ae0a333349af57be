package adaptive_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
)

func TestServedInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		l, _ := limiter(t, 2, adaptive.Options{})
		g := &log{since: since}
		g.come(t.Context(), l, "a", 1, time.Second)
		g.come(t.Context(), l, "b", 1, 2*time.Second)
		g.come(t.Context(), l, "c", 1, 2*time.Second)
		g.come(t.Context(), l, "d", 1, time.Second)
		g.come(t.Context(), l, "large", 2, time.Second)
		g.come(t.Context(), l, "small", 1, time.Second)
		time.Sleep(time.Minute)
		g.want(t, "a 0s", "b 0s", "c 1s", "d 2s", "large 3s", "small 4s")
		s := l.Stats()
		if s.Acquired != 6 || s.Waited != 4 || s.TotalWait != 10*time.Second || s.MostInFlight != 2 || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestLargeGoesAlone has a demand over the present limit, which may never grow so
// far while it waits for that.
func TestLargeGoesAlone(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		l, _ := limiter(t, 2, adaptive.Options{Max: 5})
		g := &log{since: since}
		g.come(t.Context(), l, "a", 1, time.Second)
		g.come(t.Context(), l, "large", 5, time.Second)
		g.come(t.Context(), l, "b", 1, time.Second)
		time.Sleep(time.Minute)
		g.want(t, "a 0s", "large 1s", "b 2s")
	})
}

func TestCancelledLeavesNoTrace(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		l, _ := limiter(t, 1, adaptive.Options{})
		g := &log{since: since}
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		g.come(t.Context(), l, "a", 1, time.Second)
		var err error
		var group sync.WaitGroup
		group.Go(func() { _, err = l.AcquirePermit(ctx, 1) })
		synctest.Wait()
		g.come(t.Context(), l, "b", 1, time.Second)
		cancel(cause)
		group.Wait()
		if !errors.Is(err, cause) || !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		time.Sleep(time.Minute)
		g.want(t, "a 0s", "b 1s")
		if s := l.Stats(); s.Cancelled != 1 || s.Waiting != 0 || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestCancelledLargeLetsSmallGo cancels the first in line, for whom there is too
// little room: those behind it, for whom there is enough, go at once.
func TestCancelledLargeLetsSmallGo(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		l, _ := limiter(t, 2, adaptive.Options{})
		must(t, l, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		g := &log{since: since}
		g.come(ctx, l, "large", 2, 0)
		g.come(t.Context(), l, "small", 1, time.Second)
		if _, ok := l.TryAcquirePermit(1); ok {
			t.Error("a newcomer overtook those who wait")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		slices.Sort(g.entries) // both happen in the same instant
		g.want(t, "large failed 1s", "small 1s")
	})
}

// TestCancelledWhenServed releases and cancels in the same instant: whatever the
// waiter returns, the permit is not lost.
func TestCancelledWhenServed(t *testing.T) {
	for i := range 100 {
		synctest.Test(t, func(t *testing.T) {
			l, _ := limiter(t, 1, adaptive.Options{})
			p := must(t, l, 1)
			ctx, cancel := context.WithCancel(t.Context())
			var group sync.WaitGroup
			group.Go(func() {
				if p, err := l.AcquirePermit(ctx, 1); err == nil {
					p.Release(penstock.Success)
				}
			})
			synctest.Wait()
			group.Go(func() {
				if i%2 == 0 {
					cancel()
				}
				p.Release(penstock.Success)
				cancel()
			})
			group.Wait()
			must(t, l, 1).Release(penstock.Success)
		})
	}
}

func TestDemandsThatFailAtOnce(t *testing.T) {
	l, _ := limiter(t, 2, adaptive.Options{Max: 5})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		n    int
		want error
	}{
		{t.Context(), 6, penstock.ErrOverLimit},
		{t.Context(), -1, penstock.ErrNegativeWeight},
		{ended, 1, context.Canceled},
		{ended, 0, context.Canceled},
	} {
		if p, err := l.AcquirePermit(c.ctx, c.n); p != nil || !errors.Is(err, c.want) {
			t.Errorf("%d: %v, %v", c.n, p, err)
		}
	}
	for _, n := range []int{-1, 6} {
		if _, ok := l.TryAcquirePermit(n); ok {
			t.Errorf("got %d", n)
		}
	}
}

func TestZeroNeverWaits(t *testing.T) {
	l, f := limiter(t, 1, adaptive.Options{})
	must(t, l, 1)
	l.Hold(time.Now().Add(time.Hour))
	p, err := l.AcquirePermit(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	p.Release(penstock.Overload)
	if s := l.Stats(); s.InFlight != 1 || len(f.seen) != 0 {
		t.Errorf("%+v, seen %v", s, f.seen)
	}
}

func TestReleasedTwice(t *testing.T) {
	l, _ := limiter(t, 1, adaptive.Options{})
	p := must(t, l, 1)
	p.Release(penstock.Success)
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, penstock.ErrOverRelease) {
			t.Errorf("recovered %v", err)
		}
	}()
	p.Release(penstock.Success)
}

// TestWhatAControlSees checks each field of an Observation.
func TestWhatAControlSees(t *testing.T) {
	bubble(t, func(t *testing.T, _ func() time.Duration) {
		l, f := limiter(t, 5, adaptive.Options{})
		begin := time.Now()
		a := must(t, l, 2)
		time.Sleep(time.Second)
		b := must(t, l, 1)
		time.Sleep(time.Second)
		a.Release(penstock.Overload)
		b.Release(penstock.Success)
		for _, o := range []penstock.Outcome{penstock.Ignored, penstock.Unused} {
			must(t, l, 1).Release(o)
		}
		want := []adaptive.Observation{
			{Seq: 0, Sent: begin, Latency: 2 * time.Second, InFlight: 2, AtEnd: 3, Outcome: penstock.Overload},
			{Seq: 2, Sent: begin.Add(time.Second), Latency: time.Second, InFlight: 3, AtEnd: 1, Outcome: penstock.Success},
		}
		if len(f.seen) != 2 || f.seen[0] != want[0] || f.seen[1] != want[1] {
			t.Errorf("got  %+v\nwant %+v", f.seen, want)
		}
		if s := l.Stats(); s.Overloads != 1 || s.Successes != 1 || s.Others != 2 || s.Latency != time.Second {
			t.Errorf("%+v", s)
		}
	})
}

// TestNeverOver has many callers of all sorts, while the limit goes up and down.
func TestNeverOver(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			l, f := limiter(t, 8, adaptive.Options{Max: 8})
			limits := rand.New(rand.NewPCG(seed, 2)) // used under the Limiter's lock
			f.step = func(f *fixed) adaptive.Reason {
				f.limit = 1 + limits.IntN(8)
				return adaptive.Probed
			}
			var busy, most atomic.Int64
			var group sync.WaitGroup
			for range 40 {
				n, wait, keep := 1+r.IntN(3), time.Duration(r.IntN(1000)), time.Duration(1+r.IntN(30))
				group.Go(func() {
					time.Sleep(wait)
					ctx, cancel := context.WithTimeout(t.Context(), 200)
					defer cancel()
					p, err := l.AcquirePermit(ctx, n)
					if err != nil {
						return
					}
					b := busy.Add(int64(n))
					for m := most.Load(); b > m && !most.CompareAndSwap(m, b); {
						m = most.Load()
					}
					time.Sleep(keep)
					busy.Add(int64(-n))
					p.Release(penstock.Success)
				})
			}
			group.Wait()
			if most.Load() > 8 {
				t.Errorf("seed %d: %d of 8 at once", seed, most.Load())
			}
			if s := l.Stats(); s.InFlight != 0 || s.Waiting != 0 || int64(s.MostInFlight) != most.Load() {
				t.Errorf("seed %d: %+v, counted %d", seed, s, most.Load())
			}
		})
	}
}
