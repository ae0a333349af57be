package penstock_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
)

var errBoom = errors.New("boom")

func TestGather33ResultsStandInInputOrder(t *testing.T) {
	eachLimit(t, 3, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			in := upTo(20)
			got, err := gather(t.Context(), limit, in, func(ctx context.Context, i int) (int, error) {
				return i * i, sleepFor(ctx, time.Duration(20-i)*time.Second) // later ones are faster
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range got {
				if v != i*i {
					t.Errorf("result %d is %d, want %d", i, v, i*i)
				}
			}
			if len(got) != len(in) {
				t.Errorf("%d results, want %d", len(got), len(in))
			}
		})
	})
}

func TestGather33NoInputGivesNoResultsAndNoError(t *testing.T) {
	eachLimit(t, 3, func(t *testing.T, limit any) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		got, err := gather(ctx, limit, nil, func(context.Context, int) (int, error) {
			t.Error("called")
			return 0, nil
		})
		if len(got) != 0 || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
		if all := gatherAll(ctx, limit, nil, func(context.Context, int) (int, error) { return 0, nil }); len(all) != 0 {
			t.Errorf("GatherAll of nothing gave %v", all)
		}
	})
}

func TestGather34FirstErrorCancelsTheOthers(t *testing.T) {
	eachLimit(t, 3, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			var g gauge
			start := time.Now()
			got, err := gather(t.Context(), limit, upTo(100), func(ctx context.Context, i int) (int, error) {
				g.enter()
				defer g.leave()
				if i == 1 {
					return 0, sleepAnd(ctx, time.Second, errBoom)
				}
				<-ctx.Done()
				if cause := context.Cause(ctx); cause != errBoom {
					t.Errorf("task %d was cancelled for %v", i, cause)
				}
				time.Sleep(time.Minute) // to clean up
				return 0, ctx.Err()
			})
			if !errors.Is(err, errBoom) || got != nil {
				t.Errorf("got %v, %v", got, err)
			}
			if now := g.now.Load(); now != 0 {
				t.Errorf("%d tasks still run", now)
			}
			if d := time.Since(start); d != time.Second+time.Minute {
				t.Errorf("returned after %v, want all tasks to have stopped after 1m1s", d)
			}
			if n := g.started.Load(); n != 3 {
				t.Errorf("%d tasks started, want the 3 before the error", n)
			}
		})
	})
}

func sleepAnd(ctx context.Context, d time.Duration, err error) error {
	if err := sleepFor(ctx, d); err != nil {
		return err
	}
	return err
}

func TestGather35GatherAllRunsEveryTask(t *testing.T) {
	eachLimit(t, 4, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			all := gatherAll(t.Context(), limit, upTo(50), func(ctx context.Context, i int) (int, error) {
				if i%3 == 0 {
					return -i, errBoom
				}
				return i, sleepFor(ctx, time.Second)
			})
			for i, r := range all {
				if i%3 == 0 && (r.Err != errBoom || r.Value != -i) || i%3 != 0 && (r.Err != nil || r.Value != i) {
					t.Errorf("result %d is %+v", i, r)
				}
			}
		})
	})
}

func TestGather35OuterEndIsEveryRemainingTasksError(t *testing.T) {
	eachLimit(t, 4, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			cause := errors.New("shutting down")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(2500*time.Millisecond, func() { cancel(cause) })
			var g gauge
			all := gatherAll(ctx, limit, upTo(1000), func(ctx context.Context, i int) (int, error) {
				g.enter()
				return i, sleepFor(ctx, time.Second)
			})
			for i, r := range all {
				if (i < 8) != (r.Err == nil) {
					t.Errorf("result %d is %+v", i, r)
				}
				if r.Err != nil && !errors.Is(r.Err, cause) {
					t.Errorf("error %d is %v", i, r.Err)
				}
			}
			if n := g.started.Load(); n != 12 {
				t.Errorf("%d tasks started, want 12", n)
			}
		})
	})
}

func TestGather36CancellingTheOuterContextStopsAll(t *testing.T) {
	eachLimit(t, 4, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			cause := errors.New("shutting down")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(2500*time.Millisecond, func() { cancel(cause) })
			var g gauge
			got, err := gather(ctx, limit, upTo(1000), func(ctx context.Context, i int) (int, error) {
				g.enter()
				defer g.leave()
				if err := sleepFor(ctx, time.Second); err != nil {
					return 0, errBoom // not what the cancelled task says counts
				}
				return i, nil
			})
			if !errors.Is(err, cause) || errors.Is(err, errBoom) || got != nil {
				t.Errorf("got %v, %v", got, err)
			}
			if g.now.Load() != 0 || g.started.Load() != 12 {
				t.Errorf("%d still run of %d started", g.now.Load(), g.started.Load())
			}
		})
	})
}

func TestGather36AnEndedContextStartsNothing(t *testing.T) {
	eachLimit(t, 4, func(t *testing.T, limit any) {
		ctx, cancel := context.WithTimeout(t.Context(), -1)
		defer cancel()
		never := func(context.Context, int) (int, error) {
			t.Error("a task started")
			return 0, nil
		}
		if _, err := gather(ctx, limit, upTo(10), never); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Gather: %v", err)
		}
		for _, r := range gatherAll(ctx, limit, upTo(10), never) {
			if !errors.Is(r.Err, context.DeadlineExceeded) {
				t.Errorf("GatherAll: %v", r.Err)
			}
		}
	})
}

func TestGather36AllTasksSucceedNevertheless(t *testing.T) {
	eachLimit(t, 4, func(t *testing.T, limit any) {
		ctx, cancel := context.WithCancel(t.Context())
		got, err := gather(ctx, limit, upTo(1), func(_ context.Context, i int) (int, error) {
			cancel()
			return 7, nil
		})
		if err != nil || !slices.Equal(got, []int{7}) {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

// The tasks of every other worker's claim block for a while: what they have
// claimed must be stolen for the limit to be kept busy.
func TestGather39ExactlyLimitRunAtEveryInstant(t *testing.T) {
	for _, limit := range []int{1, 2, 7, 100} {
		eachLimit(t, limit, func(t *testing.T, l any) {
			synctest.Test(t, func(t *testing.T) {
				const n = 2500
				var g gauge
				gate := make(chan struct{})
				done := make(chan error)
				var blocked atomic.Int64
				go func() {
					_, err := gather(t.Context(), l, upTo(n), func(ctx context.Context, i int) (int, error) {
						g.enter()
						defer g.leave()
						if i > n/4 && i%3 == 0 { // the first ones are quick, so that long runs are claimed
							blocked.Add(1)
							defer blocked.Add(-1)
							<-gate
						}
						return i, nil
					})
					done <- err
				}()
				for begun := int64(0); ; {
					synctest.Wait()
					if begun == g.started.Load() && blocked.Load() == 0 {
						break
					}
					begun = g.started.Load()
					if left := n - begun; g.now.Load() != int64(limit) && left > 0 {
						t.Fatalf("%d tasks run and %d are left, want %d to run", g.now.Load(), left, limit)
					}
					if blocked.Load() > 0 {
						gate <- struct{}{}
					}
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
				if most := g.most.Load(); most != int64(limit) || g.started.Load() != n {
					t.Errorf("%d at once, %d in all", most, g.started.Load())
				}
			})
		})
	}
}

// Slow tasks are not claimed in runs, so that they start in the input's order.
func TestGatherSlowTasksStartInOrder(t *testing.T) {
	eachLimit(t, 3, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err := gather(t.Context(), limit, upTo(300), func(ctx context.Context, i int) (int, error) {
				if d := time.Since(start); d != time.Duration(i/3)*time.Second {
					t.Errorf("task %d started after %v", i, d)
				}
				return 0, sleepFor(ctx, time.Second)
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	})
}

func TestGatherLimitBelowOne(t *testing.T) {
	for _, limit := range []int{0, -3} {
		never := func(context.Context, int) (int, error) { t.Error("called"); return 0, nil }
		_, err := penstock.Gather(t.Context(), limit, upTo(3), never)
		if !errors.Is(err, penstock.ErrLimit) || !strings.Contains(err.Error(), "below one: ") {
			t.Errorf("Gather: %v", err)
		}
		for _, r := range penstock.GatherAll(t.Context(), limit, upTo(3), never) {
			if !errors.Is(r.Err, penstock.ErrLimit) {
				t.Errorf("GatherAll: %v", r.Err)
			}
		}
		for _, err := range penstock.Map(t.Context(), limit, slices.Values(upTo(3)), never) {
			if !errors.Is(err, penstock.ErrLimit) {
				t.Errorf("Map: %v", err)
			}
		}
		for c, err := range penstock.AsCompleted(t.Context(), limit, slices.Values(upTo(3)), never) {
			if !errors.Is(err, penstock.ErrLimit) || c.Index != -1 {
				t.Errorf("AsCompleted: %v, %v", c, err)
			}
		}
		err = penstock.ForEach(t.Context(), limit, slices.Values(upTo(3)), func(context.Context, int) error { return nil })
		if !errors.Is(err, penstock.ErrLimit) {
			t.Errorf("ForEach: %v", err)
		}
		g := penstock.NewGroup(t.Context(), limit)
		if err := g.Go(t.Context(), func(context.Context) error { return nil }); !errors.Is(err, penstock.ErrLimit) {
			t.Errorf("Group.Go: %v", err)
		}
		if err := g.Wait(); !errors.Is(err, penstock.ErrLimit) {
			t.Errorf("Group.Wait: %v", err)
		}
	}
}

// A task that calls runtime.Goexit, as t.FailNow does, is an error, and its
// worker's claim is not lost.
func TestGatherGoexit(t *testing.T) {
	eachLimit(t, 2, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			_, err := gather(t.Context(), limit, upTo(10), func(ctx context.Context, i int) (int, error) {
				if i == 1 {
					runtime.Goexit()
				}
				<-ctx.Done()
				return 0, nil
			})
			if !errors.Is(err, penstock.ErrGoexit) {
				t.Errorf("Gather: %v", err)
			}
			var g gauge
			all := gatherAll(t.Context(), limit, upTo(2000), func(ctx context.Context, i int) (int, error) {
				g.enter()
				defer g.leave()
				if i%7 == 6 {
					runtime.Goexit()
				}
				return i, nil
			})
			for i, r := range all {
				if i%7 == 6 && r.Err != penstock.ErrGoexit || i%7 != 6 && (r.Err != nil || r.Value != i) {
					t.Errorf("result %d is %+v", i, r)
				}
			}
			if g.most.Load() > 2 {
				t.Errorf("%d at once", g.most.Load())
			}
		})
	})
}

func TestGatherStartsNoMoreWorkersThanNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		_, err := penstock.Gather(t.Context(), 1_000_000, upTo(20), func(ctx context.Context, i int) (int, error) {
			time.Sleep(time.Second)
			if n := runtime.NumGoroutine() - before; n > 20 {
				t.Errorf("%d goroutines for 20 tasks", n)
			}
			return i, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// What Gather allocates does not grow with the number of tasks, but for the
// results.
func TestGatherAllocations(t *testing.T) {
	in := upTo(100_000)
	allocs := testing.AllocsPerRun(3, func() {
		_, _ = penstock.Gather(t.Context(), 100, in, func(_ context.Context, i int) (int, error) { return i, nil })
	})
	if allocs > 600 { // a worker costs a few, and 100 may start on a busy machine
		t.Errorf("%v allocations for %d tasks", allocs, len(in))
	}
}
