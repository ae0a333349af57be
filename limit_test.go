package penstock_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
)

// What a limiter learns from each task of a gathering.
func TestByOutcomes(t *testing.T) {
	const (
		ok = iota
		failed
		overloaded
		exited
		canceled // by the task's own doing, not by the gathering
		count
	)
	task := func(_ context.Context, i int) (int, error) {
		switch i {
		case failed:
			return 0, errBoom
		case overloaded:
			return 0, fmt.Errorf("status 429: %w", penstock.ErrOverload)
		case exited:
			runtime.Goexit()
		case canceled:
			return 0, context.Canceled
		}
		return i, nil
	}
	want := map[penstock.Outcome]int{penstock.Success: 1, penstock.Failure: 2, penstock.Overload: 1, penstock.Ignored: 1}
	for name, run := range map[string]func(*fakeLimiter){
		"gather all":   func(l *fakeLimiter) { gatherAll(t.Context(), l, upTo(count), task) },
		"map":          func(l *fakeLimiter) { drain(mapOf(t.Context(), l, slices.Values(upTo(count)), task)) },
		"as completed": func(l *fakeLimiter) { drain(asCompleted(t.Context(), l, slices.Values(upTo(count)), task)) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newFakeLimiter(3)
			run(l)
			if !maps.Equal(l.outcomes, want) || !l.idle() {
				t.Errorf("got %v, want %v", l.outcomes, want)
			}
		})
	}
}

func drain[K, V any](seq func(func(K, V) bool)) {
	for range seq {
	}
}

// The one whose error ended the gathering is the one that failed; those that
// were cancelled for it say nothing about the limit.
func TestByOutcomesOfCancelledTasks(t *testing.T) {
	task := func(ctx context.Context, i int) (int, error) {
		if i == 2 {
			return 0, sleepAnd(ctx, time.Second, fmt.Errorf("busy: %w", penstock.ErrOverload))
		}
		<-ctx.Done()
		if i == 0 {
			return 0, fmt.Errorf("get: %w", ctx.Err())
		}
		return 0, context.Cause(ctx) // is the other's ErrOverload
	}
	for name, run := range map[string]func(*testing.T, *fakeLimiter){
		"gather": func(t *testing.T, l *fakeLimiter) { _, _ = gather(t.Context(), l, upTo(100), task) },
		"for each": func(t *testing.T, l *fakeLimiter) {
			_ = forEach(t.Context(), l, slices.Values(upTo(100)), func(ctx context.Context, i int) error {
				_, err := task(ctx, i)
				return err
			})
		},
		"group": func(t *testing.T, l *fakeLimiter) {
			g := newGroup(t.Context(), l)
			for i := range 10 {
				_ = g.Go(t.Context(), func(ctx context.Context) error {
					_, err := task(ctx, i)
					return err
				})
			}
			_ = g.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newFakeLimiter(3)
				run(t, l)
				unused := l.outcomes[penstock.Unused] // of the next, if it was granted in between
				delete(l.outcomes, penstock.Unused)
				want := map[penstock.Outcome]int{penstock.Overload: 1, penstock.Ignored: 2}
				if !maps.Equal(l.outcomes, want) || unused > 1 || !l.idle() {
					t.Errorf("got %v and %d unused, want %v", l.outcomes, unused, want)
				}
			})
		})
	}
}

// The permit of the task whose error ends it all could start another task: it
// comes back when the context has been cancelled, not before.
func TestByPermitOfAnErrorComesBackAfterTheCancel(t *testing.T) {
	var ctxOf atomic.Pointer[context.Context]
	fail := func(ctx context.Context, i int) (int, error) {
		ctxOf.Store(&ctx)
		return 0, errBoom
	}
	for name, run := range map[string]func(*fakeLimiter){
		"gather": func(l *fakeLimiter) { _, _ = gather(t.Context(), l, upTo(10), fail) },
		"group": func(l *fakeLimiter) {
			g := newGroup(t.Context(), l)
			_ = g.Go(t.Context(), func(ctx context.Context) error {
				_, err := fail(ctx, 0)
				return err
			})
			_ = g.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newFakeLimiter(1)
			failures := 0
			l.released = func(o penstock.Outcome) {
				if o == penstock.Failure {
					failures++
					if (*ctxOf.Load()).Err() == nil {
						t.Error("the permit came back first")
					}
				}
			}
			run(l)
			if failures != 1 {
				t.Errorf("%d failures", failures)
			}
		})
	}
}

func TestByCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLimiter(10)
		var units, most atomic.Int64
		cost := func(i int) int { return i }
		task := func(ctx context.Context, i int) (int, error) {
			n := units.Add(int64(i))
			defer units.Add(int64(-i))
			if n > most.Load() {
				most.Store(n)
			}
			return i, sleepFor(ctx, time.Second)
		}
		start := time.Now()
		got, err := penstock.Gather(t.Context(), penstock.ByCost(l, cost), []int{4, 6, 10, 0, 3, 3, 3}, task)
		if err != nil || !slices.Equal(got, []int{4, 6, 10, 0, 3, 3, 3}) {
			t.Errorf("got %v, %v", got, err)
		}
		// 4 and 6, then 10 and 0, then the rest.
		if d := time.Since(start); d != 3*time.Second || most.Load() != 10 {
			t.Errorf("took %v, at most %d units at once", d, most.Load())
		}

		// What can never be had is that task's failure.
		all := penstock.GatherAll(t.Context(), penstock.ByCost(l, cost), []int{1, 11, 2}, task)
		if all[0].Err != nil || !errors.Is(all[1].Err, penstock.ErrOverLimit) || all[2].Err != nil {
			t.Errorf("GatherAll: %v", all)
		}
		if _, err := penstock.Gather(t.Context(), penstock.ByCost(l, cost), []int{1, 11, 2}, task); !errors.Is(err, penstock.ErrOverLimit) {
			t.Errorf("Gather: %v", err)
		}
	})
}

// A limiter that fails, as one over a network may, fails the tasks it was
// asked for.
func TestByBrokenLimiter(t *testing.T) {
	l := newFakeLimiter(3)
	l.broken = errBoom
	never := func(context.Context, int) (int, error) {
		t.Error("a task started")
		return 0, nil
	}
	if _, err := gather(t.Context(), l, upTo(10), never); !errors.Is(err, errBoom) {
		t.Errorf("Gather: %v", err)
	}
	for _, r := range gatherAll(t.Context(), l, upTo(10), never) {
		if !errors.Is(r.Err, errBoom) {
			t.Errorf("GatherAll: %v", r.Err)
		}
	}
	n := 0
	for _, err := range mapOf(t.Context(), l, slices.Values(upTo(10)), never) {
		if n++; !errors.Is(err, errBoom) {
			t.Errorf("Map: %v", err)
		}
	}
	if n != 10 {
		t.Errorf("Map yielded %d errors", n)
	}
	if err := newGroup(t.Context(), l).Go(t.Context(), func(context.Context) error { return nil }); !errors.Is(err, errBoom) {
		t.Errorf("Group: %v", err)
	}
}

// Two gatherings share a limiter, each with one place in its queue.
func TestByIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLimiter(4)
		var g gauge
		task := func(ctx context.Context, i int) (int, error) {
			g.enter()
			defer g.leave()
			return i, sleepFor(ctx, time.Second)
		}
		start := time.Now()
		_, err := penstock.Gather(t.Context(), 2, upTo(2), func(ctx context.Context, _ int) (int, error) {
			_, err := penstock.Gather(ctx, penstock.By(l), upTo(20), task)
			return 0, err
		})
		if err != nil || g.most.Load() != 4 || time.Since(start) != 10*time.Second {
			t.Errorf("%v, %d at once, %v", err, g.most.Load(), time.Since(start))
		}
	})
}

// Under a Limiter there are as many goroutines as permits are held or being
// given back, and the stated few. Here giving back takes its time at first.
func TestByGoroutinesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const permits, feeder, spare, runtimes = 20, 1, 8, 2 // the runtime may start some of its own
		before := runtime.NumGoroutine()
		l := newFakeLimiter(permits)
		l.lingers = 10 * time.Millisecond
		start, most := time.Now(), 0
		task := func(_ context.Context, i int) (int, error) {
			time.Sleep(time.Duration(1+i%7) * time.Millisecond)
			return 0, nil
		}
		stop := make(chan struct{})
		var sampler sync.WaitGroup
		sampler.Go(func() {
			time.Sleep(500 * time.Microsecond) // then all tasks are in their sleep
			for {
				n := runtime.NumGoroutine() - before - 1
				// One that has returned is counted until its thread has got round
				// to it, which takes real time. None moves on meanwhile.
				for i := 0; i < 100_000 && time.Since(start) > 120*time.Millisecond && n > permits+feeder+spare+runtimes; i++ {
					runtime.Gosched()
					n = runtime.NumGoroutine() - before - 1
				}
				switch d := time.Since(start).Round(time.Millisecond); {
				case d < 100*time.Millisecond:
					most = max(most, n)
				case d == 100*time.Millisecond:
					l.mu.Lock()
					l.lingers = 0
					l.mu.Unlock()
				case d > 120*time.Millisecond && n > permits+feeder+spare+runtimes:
					t.Errorf("%d goroutines for %d permits after %v", n, permits, d)
				}
				select {
				case <-time.After(time.Millisecond):
				case <-stop:
					return
				}
			}
		})
		drain(penstock.Map(t.Context(), penstock.By(l), slices.Values(upTo(5000)), task))
		close(stop)
		sampler.Wait()
		if most <= permits+feeder+spare+runtimes || l.most != permits {
			t.Errorf("%d goroutines while giving back takes long: nothing to end", most)
		}
	})
}
