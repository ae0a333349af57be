package rate_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
)

// TestParallelAllow has more takers than there is to take.
func TestParallelAllow(t *testing.T) {
	for _, text := range []string{"1/d burst 800", "1/d burst 800, 1 requests/d burst 800", "1 requests/d burst 820, 1/d burst 800"} {
		t.Run(text, func(t *testing.T) {
			l := limiter(t, text)
			var admitted atomic.Int64
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 500 {
						if l.Allow(1) {
							admitted.Add(1)
						}
					}
				})
			}
			all.Go(func() { // what goes the slow way loses nothing of what goes the fast
				for range 2000 {
					l.Stats()
				}
			})
			all.Wait()
			if admitted.Load() != 800 {
				t.Errorf("%d were admitted", admitted.Load())
			}
		})
	}
}

// TestParallelUse does everything at once, for the race detector and for the sum:
// no more is admitted and kept than the burst and the rate since the start. All
// who wait are served or leave, or the test does not end.
func TestParallelUse(t *testing.T) {
	for _, text := range []string{"1000000/s burst 50", "1000000/s burst 50, 900000/s burst 60"} {
		seeds := rand.New(rand.NewPCG(7, 4))
		t.Run(text, func(t *testing.T) {
			start := time.Now()
			l := limiter(t, text)
			var kept atomic.Int64
			var all sync.WaitGroup
			for range 8 {
				r := rand.New(rand.NewPCG(seeds.Uint64(), 4))
				all.Go(func() {
					for range 1500 {
						kept.Add(int64(useOnce(t, l, r)))
					}
				})
			}
			all.Wait()
			if most := 50 + time.Since(start).Microseconds(); kept.Load() > most {
				t.Errorf("%d were admitted, of %d", kept.Load(), most)
			}
			s := l.Stats()
			if s.Waiting != 0 || s.Waits == 0 || s.Served == 0 || s.Served > s.Waits {
				t.Errorf("left behind: %+v", s)
			}
			if !l.Idle(time.Now().Add(time.Second)) {
				t.Error("it is not idle")
			}
		})
	}
}

// A user is what useOnce needs of a Limiter.
type user interface {
	penstock.Limiter
	Allow(cost int) bool
	At(now time.Time, cost int) (time.Duration, bool)
	Wait(ctx context.Context, cost int) error
}

// useOnce does one thing to l and returns how much it has used.
func useOnce(t *testing.T, l user, r *rand.Rand) int {
	t.Helper()
	cost := 1 + r.IntN(20)
	switch r.IntN(6) {
	case 0:
		if l.Allow(cost) {
			return cost
		}
	case 1:
		if _, ok := l.At(time.Now(), cost); ok {
			return cost
		}
	case 2:
		if err := l.Wait(t.Context(), cost); err != nil {
			t.Error(err)
		}
		return cost
	case 3:
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stop := time.AfterFunc(time.Duration(r.IntN(100))*time.Microsecond, cancel)
		defer stop.Stop()
		if l.Wait(ctx, cost) == nil {
			return cost
		}
	case 4:
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(100))*time.Microsecond)
		defer cancel()
		if p, err := l.AcquirePermit(ctx, cost); err == nil {
			p.Release(penstock.Success)
			return cost
		}
	case 5:
		if p, ok := l.TryAcquirePermit(cost); ok {
			p.Release(penstock.Unused)
		}
	}
	return 0
}

// TestParallelSetRate changes the rate and settles while others wait.
func TestParallelSetRate(t *testing.T) {
	for _, texts := range [][2]string{
		{"1000000/s burst 50", "200000/s burst 30"},
		{"1000000/s, 2000000/s", "3000000/s burst 100, 500000/s"},
	} {
		t.Run(texts[0], func(t *testing.T) {
			l := limiter(t, texts[0])
			var all sync.WaitGroup
			for i := range 6 {
				r := rand.New(rand.NewPCG(uint64(i), 4))
				all.Go(func() {
					for range 300 {
						switch r.IntN(10) {
						case 0:
							if err := l.SetRate(rates(t, texts[r.IntN(2)])...); err != nil {
								t.Error(err)
							}
						case 1:
							_, _, _ = l.Stats(), l.Rates(), l.Idle(time.Now())
						default:
							p, err := l.Acquire(t.Context(), 1+r.IntN(20))
							if err != nil {
								t.Error(err)
								return
							}
							p.Settle(r.IntN(20))
							p.Release(penstock.Outcome(r.IntN(5)))
						}
					}
				})
			}
			all.Wait()
			if s := l.Stats(); s.Waiting != 0 || s.Served != s.Waits {
				t.Errorf("left behind: %+v", s)
			}
		})
	}
}
