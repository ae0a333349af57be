package rate_test

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
	"github.com/penstock-go/penstock/rate"
)

// comeAll makes a caller wait for n of all, keep it for a time, and release it.
func (q *line) comeAll(ctx context.Context, all penstock.Limiter, name string, n int, keep time.Duration) {
	go func() {
		p, err := all.AcquirePermit(ctx, n)
		q.note(name, err)
		if err == nil {
			time.Sleep(keep)
			p.Release(penstock.Success)
		}
	}()
	synctest.Wait()
}

// TestAllHoldsNoRate has a composed limiter whose semaphore is full: the rate goes
// on serving others, and nothing of it is lost.
func TestAllHoldsNoRate(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s"), since: since}
		full := penstock.NewSemaphore(1)
		all := penstock.All(full, q.l)
		if err := full.Acquire(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		q.comeAll(t.Context(), all, "a", 1, 0)
		q.comeAll(t.Context(), all, "b", 1, 0)
		for _, name := range []string{"x", "y", "z"} {
			q.come(t.Context(), name, 1)
		}
		time.Sleep(5 * time.Second)
		full.Release(1)
		time.Sleep(time.Hour)
		q.want(t, "x 0s", "y 1s", "z 2s", "a 5s", "b 6s")
		if got, want := q.l.Stats(), (rate.Stats{Waits: 3, Served: 3, TotalWait: 9 * time.Second}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// TestAllStandsInTheQueue has composed and plain waiters for one rate: they are
// served in the order in which they came.
func TestAllStandsInTheQueue(t *testing.T) {
	for _, text := range []string{"1/s", "1/s, 10/s"} {
		t.Run(text, func(t *testing.T) {
			bubble(t, func(t *testing.T, since func() time.Duration) {
				q := &line{l: limiter(t, text), since: since}
				all := penstock.All(penstock.NewSemaphore(10), q.l)
				q.comeAll(t.Context(), all, "a", 1, time.Minute)
				q.comeAll(t.Context(), all, "b", 2, time.Minute)
				q.come(t.Context(), "c", 1)
				q.comeAll(t.Context(), all, "d", 1, time.Minute)
				q.come(t.Context(), "e", 1)
				if s := q.l.Stats(); s.Waiting != 4 {
					t.Errorf("%+v", s)
				}
				time.Sleep(time.Hour)
				q.want(t, "a 0s", "b 1s", "c 3s", "d 4s", "e 5s")
			})
		})
	}
}

// TestAllOfRates composes limiters that are each due at another time.
func TestAllOfRates(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s"), since: since}
		slow := limiter(t, "1 requests/3s")
		all := penstock.All(q.l, slow)
		q.comeAll(t.Context(), all, "a", 1, 0)
		q.comeAll(t.Context(), all, "b", 7, 0)
		q.comeAll(t.Context(), all, "c", 1, 0)
		time.Sleep(time.Second)
		q.come(t.Context(), "x", 1) // between a and b: b is held up by slow
		time.Sleep(time.Minute)
		q.want(t, "a 0s", "x 1s", "b 3s", "c 10s")
	})
}

func TestAllCancelled(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s"), since: since}
		all := penstock.All(q.l, penstock.NewSemaphore(10))
		ctx, cancel := context.WithCancel(t.Context())
		q.comeAll(t.Context(), all, "first", 1, 0)
		for range 9 {
			q.comeAll(ctx, all, "x", 1, 0)
		}
		q.come(t.Context(), "tenth", 1)
		q.comeAll(t.Context(), all, "last", 1, 0)
		time.Sleep(time.Second / 4)
		cancel()
		time.Sleep(time.Hour)
		q.want(t, slices.Concat([]string{"first 0s"}, slices.Repeat([]string{"x gone 250ms"}, 9), []string{"tenth 1s", "last 2s"})...)
	})
}

// TestAllSetRate makes those in a composed limiter go sooner, or fail.
func TestAllSetRate(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/h burst 10"), since: since}
		all := penstock.All(q.l, penstock.NewSemaphore(20))
		q.comeAll(t.Context(), all, "a", 10, 0)
		q.comeAll(t.Context(), all, "b", 4, 0)
		q.comeAll(t.Context(), all, "c", 8, 0)
		q.comeAll(t.Context(), all, "d", 2, 0)
		time.Sleep(time.Hour) // 9 are owed
		if err := q.l.SetRate(rates(t, "1/s burst 5")...); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		q.want(t, "a 0s", "b 1h0m8s", "c over 1h0m8s", "d 1h0m10s")
	})
}

// TestAllOverLimitAtOnce has a first waiter that the new rate can never serve.
func TestAllOverLimitAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1000/s"), since: since}
		all := penstock.All(q.l, penstock.NewSemaphore(2000))
		q.comeAll(t.Context(), all, "a", 500, 0)
		q.comeAll(t.Context(), all, "b", 1000, 0)
		q.come(t.Context(), "c", 1)
		if err := q.l.SetRate(rates(t, "1/d")...); err != nil {
			t.Fatal(err)
		}
		q.want(t, "a 0s", "b over 0s")
		if err := q.l.SetRate(rates(t, "1000/s")...); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		q.want(t, "a 0s", "b over 0s", "c 500ms")
	})
}

// TestDeadlineBehindAnAll has a composed waiter that will turn out to lack another
// limit: one behind it is not told that it has to wait for it.
func TestDeadlineBehindAnAll(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s"), since: since}
		sem := penstock.NewSemaphore(5)
		q.come(t.Context(), "a", 1)
		q.comeAll(t.Context(), penstock.All(sem, q.l), "b", 5, 0)
		if err := sem.Acquire(t.Context(), 5); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		q.come(ctx, "c", 1)
		time.Sleep(time.Minute)
		q.want(t, "a 0s", "c 1s")
		sem.Release(5)
		q.want(t, "a 0s", "c 1s", "b 1m0s")
	})
}

// TestAllDoesNotOvertake has a small demand behind a large one that is not due.
func TestAllDoesNotOvertake(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s burst 10"), since: since}
		all := penstock.All(penstock.NewSemaphore(20), q.l)
		q.come(t.Context(), "a", 5)
		q.come(t.Context(), "b", 10)
		q.comeAll(t.Context(), all, "c", 1, 0)
		time.Sleep(time.Minute)
		q.want(t, "a 0s", "b 5s", "c 6s")
	})
}

// TestAllLeavesTheWayFree cancels a large demand before small ones.
func TestAllLeavesTheWayFree(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s burst 10"), since: since}
		ctx, cancel := context.WithCancel(t.Context())
		q.come(t.Context(), "a", 5)
		q.comeAll(ctx, penstock.All(penstock.NewSemaphore(20), q.l), "b", 10, 0)
		q.come(t.Context(), "c", 5)
		time.Sleep(time.Second)
		cancel()
		time.Sleep(time.Minute)
		q.want(t, "a 0s", "b gone 1s", "c 1s")
	})
}

func TestAllUnused(t *testing.T) {
	bubble(t, func(t *testing.T, _ func() time.Duration) {
		l := limiter(t, "1/h, 1 requests/h")
		p, ok := penstock.All(l, penstock.NewSemaphore(1)).TryAcquirePermit(1)
		if !ok || l.Allow(1) {
			t.Fatal("it has not taken one")
		}
		p.Release(penstock.Unused)
		if !l.Allow(1) {
			t.Error("it has not given it back")
		}
	})
}

func TestAllRefuses(t *testing.T) {
	l := limiter(t, "1/s burst 3")
	all := penstock.All(l, penstock.NewSemaphore(10))
	if _, err := all.AcquirePermit(t.Context(), 4); !errors.Is(err, penstock.ErrOverLimit) {
		t.Errorf("got %v", err)
	}
	if _, err := all.AcquirePermit(t.Context(), -1); !errors.Is(err, penstock.ErrNegativeWeight) {
		t.Errorf("got %v", err)
	}
	if _, err := all.AcquirePermit(t.Context(), 0); err != nil {
		t.Errorf("got %v", err)
	}
	if !l.Allow(3) {
		t.Error("something was taken")
	}
}

// TestAllEveryWindow has several composed limiters around one rate, and plain
// callers, who come, give up and give back at random. The rate keeps its promise
// for every window and all are served in the end.
func TestAllEveryWindow(t *testing.T) {
	seeded(t, func(t *testing.T, r *rand.Rand) {
		bubble(t, func(t *testing.T, since func() time.Duration) {
			list := rate.List{{Count: 1 + r.Int64N(50), Per: time.Second, Burst: 3 + r.IntN(10)}}
			l, err := rate.New(list...)
			if err != nil {
				t.Fatal(err)
			}
			sem := penstock.NewSemaphore(4)
			limiters := []penstock.Limiter{
				l,
				penstock.All(l, sem),
				penstock.All(penstock.NewSemaphore(3), l, limiter(t, "20 requests/s burst 5")),
				penstock.All(sem, penstock.NewSemaphore(5), l),
			}
			var (
				mu       sync.Mutex
				admitted ledger
				waiters  sync.WaitGroup
				gone     atomic.Int64
			)
			for range 300 {
				time.Sleep(pause(r, list))
				limit, cost, keep := limiters[r.IntN(len(limiters))], r.IntN(4), pause(r, list)
				patience, outcome := 20*pause(r, list), penstock.Outcome(r.IntN(5))
				waiters.Go(func() {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					defer time.AfterFunc(patience, cancel).Stop()
					p, err := limit.AcquirePermit(ctx, cost)
					if err != nil {
						gone.Add(1)
						return
					}
					at := since()
					time.Sleep(keep)
					p.Release(outcome)
					if outcome != penstock.Unused {
						mu.Lock()
						defer mu.Unlock()
						admitted = append(admitted, entry{at: at, cost: cost})
					}
				})
			}
			waiters.Wait()
			slices.SortFunc(admitted, func(a, b entry) int { return int(a.at - b.at) })
			t.Logf("%v: %d admitted, %d gone", list, len(admitted), gone.Load())
			if len(admitted) < 20 || gone.Load() == 0 {
				t.Fatal("this proves little")
			}
			admitted.check(t, list[0])
			if s := l.Stats(); s.Waiting != 0 {
				t.Errorf("left behind: %+v", s)
			}
		})
	})
}
