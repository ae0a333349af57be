package penstock_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
)

func TestGroup38AChildsErrorCancelsTheSiblings(t *testing.T) {
	eachLimit(t, 3, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			g := newGroup(t.Context(), limit)
			second := errors.New("second")
			start := time.Now()
			tasks := []func(context.Context) error{
				func(ctx context.Context) error {
					<-ctx.Done()
					if context.Cause(ctx) != errBoom {
						t.Errorf("cancelled for %v", context.Cause(ctx))
					}
					time.Sleep(time.Minute)
					return second // its clean-up failed
				},
				func(ctx context.Context) error { return sleepAnd(ctx, time.Second, errBoom) },
				func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				},
			}
			for _, f := range tasks {
				if err := g.Go(t.Context(), f); err != nil {
					t.Fatal(err)
				}
			}
			err := g.Wait()
			if err == nil || err.Error() != "boom\nsecond" || !errors.Is(err, errBoom) || !errors.Is(err, second) {
				t.Errorf("got %v", err)
			}
			if d := time.Since(start); d != time.Second+time.Minute {
				t.Errorf("Wait took %v", d)
			}
			if again := g.Wait(); again.Error() != err.Error() {
				t.Errorf("Wait says %v, then %v", err, again)
			}
		})
	})
}

func TestGroup38GoAfterAnErrorStartsNothing(t *testing.T) {
	eachLimit(t, 1, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			g := newGroup(t.Context(), limit)
			never := func(context.Context) error {
				t.Error("started")
				return nil
			}
			if err := g.Go(t.Context(), func(ctx context.Context) error { return sleepAnd(ctx, time.Second, errBoom) }); err != nil {
				t.Fatal(err)
			}
			// Waits for room, which comes of the error.
			if err := g.Go(t.Context(), never); !errors.Is(err, penstock.ErrGroupEnded) || !errors.Is(err, errBoom) {
				t.Errorf("the one that waited: %v", err)
			}
			if err := g.Go(t.Context(), never); !errors.Is(err, penstock.ErrGroupEnded) || !errors.Is(err, errBoom) {
				t.Errorf("a later one: %v", err)
			}
			if err := g.Wait(); !errors.Is(err, errBoom) {
				t.Error(err)
			}
			if l, ok := limit.(*fakeLimiter); ok && !l.idle() {
				t.Error("permits are still out")
			}
		})
	})
}

func TestGroup38GoAfterWaitStartsNothing(t *testing.T) {
	eachLimit(t, 1, func(t *testing.T, limit any) {
		g := newGroup(t.Context(), limit)
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		err := g.Go(t.Context(), func(context.Context) error {
			t.Error("started")
			return nil
		})
		if !errors.Is(err, penstock.ErrGroupEnded) {
			t.Error(err)
		}
	})
}

func TestGroupGoWaitsForRoomInOrder(t *testing.T) {
	eachLimit(t, 2, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			g := newGroup(t.Context(), limit)
			var running gauge
			start := time.Now()
			for i := range 10 {
				err := g.Go(t.Context(), func(ctx context.Context) error {
					running.enter()
					defer running.leave()
					if d := time.Since(start); d != time.Duration(i/2)*time.Second {
						t.Errorf("task %d started after %v", i, d)
					}
					return sleepFor(ctx, time.Second)
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := g.Wait(); err != nil || running.most.Load() != 2 {
				t.Errorf("%v, %d at once", err, running.most.Load())
			}
		})
	})
}

func TestGroupGoHonoursItsContext(t *testing.T) {
	eachLimit(t, 1, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			g := newGroup(t.Context(), limit)
			never := func(context.Context) error {
				t.Error("started")
				return nil
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errBoom)
			defer cancel()
			if err := g.Go(ctx, func(ctx context.Context) error { return sleepFor(ctx, time.Hour) }); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if err := g.Go(ctx, never); !errors.Is(err, errBoom) || errors.Is(err, penstock.ErrGroupEnded) || time.Since(start) != time.Second {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
			if err := g.Wait(); err != nil { // the waiting's context was not the task's
				t.Error(err)
			}
		})
		g := newGroup(t.Context(), limit)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errBoom)
		if err := g.Go(ctx, func(context.Context) error { return nil }); !errors.Is(err, errBoom) {
			t.Errorf("under an ended context, with room: %v", err)
		}
		_ = g.Wait()
	})
}

func TestGroup36OuterEnd(t *testing.T) {
	eachLimit(t, 3, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			cause := errors.New("shutting down")
			ctx, cancel := context.WithCancelCause(t.Context())
			g := newGroup(ctx, limit)
			for range 3 {
				_ = g.Go(t.Context(), func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				})
			}
			time.AfterFunc(time.Second, func() { cancel(cause) })
			err := g.Go(t.Context(), func(context.Context) error { t.Error("started"); return nil })
			if !errors.Is(err, cause) || !errors.Is(err, penstock.ErrGroupEnded) {
				t.Errorf("Go: %v", err)
			}
			if err := g.Wait(); err == nil || !errors.Is(err, cause) || strings.Count(err.Error(), "shutting down") != 1 {
				t.Errorf("Wait: %v", err)
			}
		})
	})
}

// While Wait blocks, tasks may start tasks.
func TestGroupTasksStartTasks(t *testing.T) {
	eachLimit(t, 100, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			g := newGroup(t.Context(), limit)
			var ran gauge
			var visit func(depth int) func(context.Context) error
			visit = func(depth int) func(context.Context) error {
				return func(ctx context.Context) error {
					ran.enter()
					time.Sleep(time.Second)
					if depth == 0 {
						return nil
					}
					return errors.Join(g.Go(ctx, visit(depth-1)), g.Go(ctx, visit(depth-1)))
				}
			}
			if err := g.Go(t.Context(), visit(5)); err != nil {
				t.Fatal(err)
			}
			if err := g.Wait(); err != nil || ran.started.Load() != 63 {
				t.Errorf("%v after %d tasks", err, ran.started.Load())
			}
		})
	})
}

func TestGroupGoexit(t *testing.T) {
	eachLimit(t, 1, func(t *testing.T, limit any) {
		g := newGroup(t.Context(), limit)
		_ = g.Go(t.Context(), func(context.Context) error { runtime.Goexit(); return nil })
		if err := g.Wait(); !errors.Is(err, penstock.ErrGoexit) {
			t.Error(err)
		}
	})
}

func TestGroupTryGo(t *testing.T) {
	eachLimit(t, 2, func(t *testing.T, limit any) {
		synctest.Test(t, func(t *testing.T) {
			g := newGroup(t.Context(), limit)
			minute := func(ctx context.Context) error { return sleepAnd(ctx, time.Minute, nil) }
			for range 2 {
				if !g.TryGo(minute) {
					t.Fatal("not started, though there was room")
				}
			}
			if g.TryGo(minute) {
				t.Fatal("started a third of two")
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if !g.TryGo(func(context.Context) error { return errBoom }) {
				t.Fatal("not started when there was room again")
			}
			synctest.Wait()
			if g.TryGo(minute) {
				t.Error("started after an error")
			}
			if err := g.Wait(); !errors.Is(err, errBoom) {
				t.Error(err)
			}
			if g.TryGo(minute) {
				t.Error("started after Wait")
			}
			if l, ok := limit.(*fakeLimiter); ok && !l.idle() {
				t.Error("permits are still out")
			}
		})
	})
}
