package penstock_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
)

func TestAsCompleted37YieldsEachOnceInCompletionOrder(t *testing.T) {
	eachLimit(t, 10, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			in := []string{"c", "a", "d", "b"}
			var got []penstock.Completed[string, int]
			for c, err := range asCompleted(t.Context(), limit, slices.Values(in), func(ctx context.Context, s string) (int, error) {
				d := time.Duration(s[0]-'a'+1) * time.Second
				if err := sleepFor(ctx, d); err != nil || s == "b" {
					return -1, errBoom
				}
				return int(s[0]), nil
			}) {
				if (err != nil) != (c.In == "b") {
					t.Errorf("%v: %v", c, err)
				}
				if d := time.Since(start); d != time.Duration(len(got)+1)*time.Second {
					t.Errorf("%v was yielded after %v", c, d)
				}
				got = append(got, c)
			}
			want := []penstock.Completed[string, int]{{1, "a", 'a'}, {3, "b", -1}, {0, "c", 'c'}, {2, "d", 'd'}}
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	})
}

func TestAsCompleted37BreakStopsTheRestAndWaitsForThem(t *testing.T) {
	eachLimit(t, 4, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			var g gauge
			var pulled atomic.Int64
			var sawCancel atomic.Int64
			for range asCompleted(t.Context(), limit, naturals(&pulled), func(ctx context.Context, i int) (int, error) {
				g.enter()
				defer g.leave()
				if i == 3 {
					return i, nil
				}
				<-ctx.Done()
				time.Sleep(time.Minute)
				sawCancel.Add(1)
				return i, ctx.Err()
			}) {
				synctest.Wait() // until another task took the place of the one that ended
				break
			}
			if g.now.Load() != 0 || sawCancel.Load() != 4 || g.started.Load() != 5 {
				t.Errorf("after the loop %d run, %d of %d were cancelled", g.now.Load(), sawCancel.Load(), g.started.Load())
			}
			if l, ok := limit.(*fakeLimiter); ok && !l.idle() {
				t.Error("permits are still out")
			}
		})
	})
}

func TestMapYieldsInInputOrder(t *testing.T) {
	eachLimit(t, 3, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			i := 0
			for v, err := range mapOf(t.Context(), limit, slices.Values(upTo(200)), func(ctx context.Context, i int) (int, error) {
				if err := sleepFor(ctx, time.Duration(i*7%5)*time.Second); err != nil {
					return 0, err
				}
				if i%10 == 0 {
					return i, errBoom
				}
				return i, nil
			}) {
				if v != i || (err != nil) != (i%10 == 0) {
					t.Errorf("result %d is %d, %v", i, v, err)
				}
				i++
			}
			if i != 200 {
				t.Errorf("%d results", i)
			}
		})
	})
}

func TestMapOfNothing(t *testing.T) {
	eachLimit(t, 3, func(t *testing.T, limit any) {
		for v, err := range mapOf(t.Context(), limit, slices.Values([]int(nil)), func(context.Context, int) (int, error) { return 0, nil }) {
			t.Errorf("got %v, %v", v, err)
		}
	})
}

// Under a plain limit of n never more than 2n inputs are pulled and not
// yielded, and just so many when the tasks are ahead of the loop.
func TestMap40PullsNoMoreThanLimitAndLookAhead(t *testing.T) {
	for _, limit := range []int{1, 2, 10} {
		synctest.Test(t, func(t *testing.T) {
			var pulled atomic.Int64
			yielded := int64(0)
			check := func(want int64) {
				t.Helper()
				synctest.Wait()
				if n := pulled.Load() - yielded; n != want {
					t.Errorf("limit %d: %d pulled after %d yielded, want %d ahead", limit, pulled.Load(), yielded, want)
				}
			}
			seq := penstock.Map(t.Context(), limit, naturals(&pulled), func(ctx context.Context, i int) (int, error) {
				if most := pulled.Load() - int64(i); most > int64(2*limit) {
					t.Errorf("limit %d: %d pulled while the loop waits for %d", limit, pulled.Load(), i)
				}
				return i, nil
			})
			if pulled.Load() != 0 {
				t.Error("pulled before the range")
			}
			for v, err := range seq {
				if err != nil || int64(v) != yielded {
					t.Fatal(v, err)
				}
				yielded++
				check(int64(2 * limit))
				if yielded == 50 {
					break
				}
			}
		})
	}
}

// Behind a blocked first task the look-ahead is used up, and not more.
func TestMap40BehindABlockedTask(t *testing.T) {
	for _, limit := range []int{1, 2, 10} {
		synctest.Test(t, func(t *testing.T) {
			var pulled, ran atomic.Int64
			go func() {
				time.Sleep(time.Hour)
				if pulled.Load() != int64(2*limit) {
					t.Errorf("limit %d: %d pulled", limit, pulled.Load())
				}
				if want := int64(2*limit - 1); limit > 1 && ran.Load() != want {
					t.Errorf("limit %d: %d others ran, want %d", limit, ran.Load(), want)
				}
			}()
			for range penstock.Map(t.Context(), limit, naturals(&pulled), func(ctx context.Context, i int) (int, error) {
				if i == 0 {
					return i, sleepFor(ctx, 2*time.Hour)
				}
				ran.Add(1)
				return i, nil
			}) {
				break
			}
		})
	}
}

func TestAsCompleted40PullsNoMoreThanLimitAndLookAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pulled atomic.Int64
		yielded := int64(0)
		for range penstock.AsCompleted(t.Context(), 5, naturals(&pulled), func(ctx context.Context, i int) (int, error) {
			return i, nil
		}) {
			yielded++
			synctest.Wait()
			if n := pulled.Load() - yielded; n != 10 {
				t.Errorf("%d pulled after %d yielded", pulled.Load(), yielded)
			}
			if yielded == 50 {
				break
			}
		}
	})
}

// Under a Limiter the look-ahead is twice what the limiter let run, at least 64.
func TestMap40UnderALimiter(t *testing.T) {
	for _, row := range []struct{ limit, want int }{{1, 64}, {5, 64}, {32, 64}, {33, 66}, {100, 200}} {
		synctest.Test(t, func(t *testing.T) {
			var pulled atomic.Int64
			l := newFakeLimiter(row.limit)
			yielded := int64(0)
			for range penstock.Map(t.Context(), penstock.By(l), naturals(&pulled), func(ctx context.Context, i int) (int, error) {
				return i, sleepFor(ctx, time.Second)
			}) {
				yielded++
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := pulled.Load() - yielded; n != int64(row.want) {
					t.Errorf("limit %d: %d pulled after %d yielded, want %d ahead", row.limit, pulled.Load(), yielded, row.want)
				}
				if yielded == 10 {
					break
				}
			}
			if l.most != row.limit {
				t.Errorf("limit %d: %d at once", row.limit, l.most)
			}
		})
	}
}

func TestMap39ExactlyLimitRun(t *testing.T) {
	eachLimit(t, 6, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			var g gauge
			var pulled atomic.Int64
			yielded := 0
			for range mapOf(t.Context(), limit, naturals(&pulled), func(ctx context.Context, i int) (int, error) {
				g.enter()
				defer g.leave()
				return i, sleepFor(ctx, time.Second)
			}) {
				yielded++
				time.Sleep(10 * time.Millisecond)
				if n := g.now.Load(); yielded%6 == 1 && n != 6 {
					t.Errorf("%d run after %d results", n, yielded)
				}
				if yielded == 100 {
					break
				}
			}
			if g.most.Load() != 6 {
				t.Errorf("%d at once", g.most.Load())
			}
		})
	})
}

// A result is yielded when it is there, not when the next input comes.
func TestMapDoesNotWaitForTheNextInput(t *testing.T) {
	eachLimit(t, 4, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			results := make(chan int)
			input := func(yield func(int) bool) {
				v := 1
				for yield(v) && v < 100 {
					v = <-results // the next input is made of the result
				}
			}
			last := 0
			for v, err := range mapOf(t.Context(), limit, input, func(_ context.Context, i int) (int, error) { return 2 * i, nil }) {
				if err != nil {
					t.Fatal(err)
				}
				if last = v; v < 200 {
					results <- v
				}
				if v > 100 {
					break
				}
			}
			if last != 128 {
				t.Errorf("ended with %d", last)
			}
		})
	})
}

func TestStreams36OuterEndIsYieldedLast(t *testing.T) {
	type yield struct {
		index int
		err   error
	}
	eachLimit(t, 2, func(t *testing.T, limit any) {
		for name, stream := range map[string]func(context.Context, iter.Seq[int], func(context.Context, int) (int, error)) []yield{
			"map": func(ctx context.Context, seq iter.Seq[int], f func(context.Context, int) (int, error)) (all []yield) {
				for _, err := range mapOf(ctx, limit, seq, f) {
					all = append(all, yield{0, err})
				}
				return all
			},
			"as completed": func(ctx context.Context, seq iter.Seq[int], f func(context.Context, int) (int, error)) (all []yield) {
				for c, err := range asCompleted(ctx, limit, seq, f) {
					all = append(all, yield{c.Index, err})
				}
				return all
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				cause := errors.New("shutting down")
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(2500*time.Millisecond, func() { cancel(cause) })
				var pulled atomic.Int64
				var g gauge
				all := stream(ctx, naturals(&pulled), func(ctx context.Context, i int) (int, error) {
					g.enter()
					defer g.leave()
					return i, sleepFor(ctx, time.Second)
				})
				if n := int64(len(all)); n != pulled.Load()+1 {
					t.Errorf("%s: %d results for %d inputs pulled and the end", name, n, pulled.Load())
				}
				for i, y := range all {
					if (y.err == nil) != (i < 4) || y.err != nil && !errors.Is(y.err, cause) {
						t.Errorf("%s: result %d: %v", name, i, y.err)
					}
				}
				if last := all[len(all)-1]; name == "as completed" && last.index != -1 {
					t.Errorf("the last has index %d", last.index)
				}
				if g.started.Load() != 6 || g.now.Load() != 0 {
					t.Errorf("%s: %d started, %d run", name, g.started.Load(), g.now.Load())
				}

				pulled.Store(0)
				all = stream(ctx, naturals(&pulled), func(context.Context, int) (int, error) { return 0, nil })
				if len(all) != 1 || !errors.Is(all[0].err, cause) || pulled.Load() != 0 {
					t.Errorf("%s under an ended context: %v, %d pulled", name, all, pulled.Load())
				}
			})
		}
	})
}

// A panic or Goexit in the loop's body leaves nothing behind either.
func TestMapBodyPanicsOrExits(t *testing.T) {
	for name, leave := range map[string]func(){"panic": func() { panic("body") }, "goexit": runtime.Goexit} {
		eachLimit(t, 3, func(t *testing.T, limit any) {
			synctest.Test(t, func(t *testing.T) {
				var g gauge
				var pulled atomic.Int64
				ended := make(chan any)
				go func() {
					defer func() {
						v := recover()
						if n := g.now.Load(); n != 0 {
							t.Errorf("%d still run after the loop", n)
						}
						ended <- v
					}()
					for range mapOf(t.Context(), limit, naturals(&pulled), func(ctx context.Context, i int) (int, error) {
						g.enter()
						defer g.leave()
						if i == 0 {
							return 0, nil
						}
						return i, sleepFor(ctx, time.Hour)
					}) {
						leave()
					}
				}()
				if v := <-ended; (v == "body") != (name == "panic") {
					t.Errorf("recovered %v", v)
				}
			})
		})
	}
}

func TestMapRangedTwice(t *testing.T) {
	seq := penstock.Map(t.Context(), 3, slices.Values(upTo(10)), func(_ context.Context, i int) (int, error) { return i, nil })
	for range 2 {
		var got []int
		for v := range seq {
			got = append(got, v)
		}
		if !slices.Equal(got, upTo(10)) {
			t.Errorf("got %v", got)
		}
	}
}

func TestStreamGoexit(t *testing.T) {
	eachLimit(t, 2, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			for v, err := range mapOf(t.Context(), limit, slices.Values(upTo(100)), func(_ context.Context, i int) (int, error) {
				if i%5 == 1 {
					runtime.Goexit()
				}
				return i, nil
			}) {
				if n%5 == 1 && err != penstock.ErrGoexit || n%5 != 1 && (err != nil || v != n) {
					t.Errorf("result %d: %v, %v", n, v, err)
				}
				n++
			}
			if n != 100 {
				t.Errorf("%d results", n)
			}
			var last error
			for _, err := range mapOf(t.Context(), limit, func(yield func(int) bool) {
				yield(1)
				runtime.Goexit()
			}, func(_ context.Context, i int) (int, error) { return i, nil }) {
				last = err
			}
			if !errors.Is(last, penstock.ErrGoexit) {
				t.Errorf("a sequence that exits: %v", last)
			}
		})
	})
}

func TestForEachPullsOnlyWhatCanBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pulled atomic.Int64
		var g gauge
		err := penstock.ForEach(t.Context(), 4, naturals(&pulled), func(ctx context.Context, i int) error {
			g.enter()
			defer g.leave()
			time.Sleep(time.Nanosecond + time.Duration(i)*time.Hour) // never two at once
			if n := pulled.Load() - (g.started.Load() - g.now.Load()); n != 4 && ctx.Err() == nil {
				t.Errorf("%d pulled and not ended", n)
			}
			if i == 100 {
				return errBoom
			}
			return nil
		})
		if !errors.Is(err, errBoom) || g.now.Load() != 0 || g.most.Load() != 4 {
			t.Errorf("%v, %d run, %d at once", err, g.now.Load(), g.most.Load())
		}
	})
}

func TestForEach34FirstErrorEndsIt(t *testing.T) {
	eachLimit(t, 3, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			var pulled atomic.Int64
			var g gauge
			err := forEach(t.Context(), limit, naturals(&pulled), func(ctx context.Context, i int) error {
				g.enter()
				defer g.leave()
				if i == 5 {
					return sleepAnd(ctx, 100*time.Millisecond, errBoom)
				}
				return sleepFor(ctx, time.Second)
			})
			if !errors.Is(err, errBoom) || g.now.Load() != 0 {
				t.Errorf("%v, %d run", err, g.now.Load())
			}
			if n := pulled.Load(); n > 7 || g.started.Load() != 6 {
				t.Errorf("%d pulled, %d started", n, g.started.Load())
			}
		})
	})
}

func TestForEach36OuterEnd(t *testing.T) {
	eachLimit(t, 3, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			var pulled atomic.Int64
			err := forEach(ctx, limit, naturals(&pulled), func(ctx context.Context, i int) error {
				return sleepFor(ctx, time.Second)
			})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			if err := forEach(t.Context(), limit, slices.Values(upTo(10)), func(context.Context, int) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	})
}

// A panic of the sequence goes to ForEach's caller, who pulls it, when all
// tasks have been cancelled and have ended.
func TestForEachSequencePanics(t *testing.T) {
	eachLimit(t, 3, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			var g gauge
			defer func() {
				if v := recover(); v != "no more" || g.now.Load() != 0 || g.started.Load() != 1 {
					t.Errorf("recovered %v, %d run of %d", v, g.now.Load(), g.started.Load())
				}
			}()
			_ = forEach(t.Context(), limit, func(yield func(int) bool) {
				yield(1)
				synctest.Wait()
				panic("no more")
			}, func(ctx context.Context, i int) error {
				g.enter()
				defer g.leave()
				return sleepFor(ctx, time.Hour)
			})
		})
	})
}
