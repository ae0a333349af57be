package penstock_test

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
)

// What a panicking task must not be survived by: each entry runs in a process
// of its own and would exit with 0 if the panic were swallowed, or lost in a
// race with the end of main.
var panickers = map[string]func(limit any){
	"gather": func(limit any) {
		_, _ = gather(context.Background(), limit, upTo(100), panicsAtSeven)
	},
	"gather all": func(limit any) {
		gatherAll(context.Background(), limit, upTo(100), panicsAtSeven)
	},
	"map": func(limit any) {
		for range mapOf(context.Background(), limit, slices.Values(upTo(100)), panicsAtSeven) {
		}
	},
	"as completed": func(limit any) {
		for range asCompleted(context.Background(), limit, slices.Values(upTo(100)), panicsAtSeven) {
		}
	},
	"for each": func(limit any) {
		_ = forEach(context.Background(), limit, slices.Values(upTo(100)), func(ctx context.Context, i int) error {
			_, err := panicsAtSeven(ctx, i)
			return err
		})
	},
	"group": func(limit any) {
		g := newGroup(context.Background(), limit)
		for i := range 100 {
			_ = g.Go(context.Background(), func(ctx context.Context) error {
				_, err := panicsAtSeven(ctx, i)
				return err
			})
		}
		_ = g.Wait()
	},
	// With nobody else to wait for, the caller must not get away.
	"a single gather": func(limit any) {
		_, _ = gather(context.Background(), limit, []int{7}, panicsAtSeven)
	},
	"a single map": func(limit any) {
		for range mapOf(context.Background(), limit, slices.Values([]int{7}), panicsAtSeven) {
		}
	},
	"a single group": func(limit any) {
		g := newGroup(context.Background(), limit)
		_ = g.Go(context.Background(), func(ctx context.Context) error {
			_, err := panicsAtSeven(ctx, 7)
			return err
		})
		_ = g.Wait()
	},
	"the sequence of map": func(limit any) {
		for range mapOf(context.Background(), limit, func(yield func(int) bool) {
			_, _ = panicsAtSeven(context.Background(), 7)
		}, func(context.Context, int) (int, error) { return 0, nil }) {
		}
	},
}

// panicsAtSeven's siblings do not heed their context, and must not delay the
// crash.
func panicsAtSeven(_ context.Context, i int) (int, error) {
	if i == 7 {
		panic("task seven is broken")
	}
	if i == 6 {
		time.Sleep(time.Hour)
	}
	return i, nil
}

func TestPanic38IsNotSwallowed(t *testing.T) {
	if name := os.Getenv("PENSTOCK_PANICKER"); name != "" {
		// Recovering around the call does not help: a panic belongs to its task.
		defer func() {
			if recover() != nil {
				os.Exit(0)
			}
		}()
		name, isLimiter := strings.CutSuffix(name, "/limiter")
		if isLimiter {
			panickers[name](newFakeLimiter(3))
		} else {
			panickers[name](3)
		}
		os.Exit(0)
	}
	t.Parallel()
	for name := range panickers {
		for _, kind := range []string{"", "/limiter"} {
			t.Run(name+kind, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestPanic38IsNotSwallowed$")
				cmd.Env = append(os.Environ(), "PENSTOCK_PANICKER="+name+kind)
				out, err := cmd.CombinedOutput()
				if err == nil || ctx.Err() != nil {
					t.Fatalf("it survived: %v, %v", err, ctx.Err())
				}
				for _, want := range []string{"panic: task seven is broken", "penstock_test.panicsAtSeven("} {
					if !strings.Contains(string(out), want) {
						t.Errorf("its last words lack %q:\n%s", want, out)
					}
				}
			})
		}
	}
}

func TestNilFunctionsPanicAtOnce(t *testing.T) {
	task := func(context.Context, int) (int, error) { return 0, nil }
	for name, call := range map[string]func(){
		"Gather":         func() { _, _ = penstock.Gather[int, int, int](t.Context(), 1, nil, nil) },
		"GatherAll":      func() { penstock.GatherAll[int, int, int](t.Context(), 1, nil, nil) },
		"Map":            func() { penstock.Map[int, int, int](t.Context(), 1, slices.Values(upTo(1)), nil) },
		"Map's sequence": func() { penstock.Map(t.Context(), 1, nil, task) },
		"AsCompleted":    func() { penstock.AsCompleted[int, int, int](t.Context(), 1, slices.Values(upTo(1)), nil) },
		"ForEach":        func() { _ = penstock.ForEach(t.Context(), 1, slices.Values(upTo(1)), nil) },
		"Group":          func() { _ = penstock.NewGroup(t.Context(), 1).Go(t.Context(), nil) },
		"By":             func() { penstock.By(nil) },
		"ByCost":         func() { penstock.ByCost[int](newFakeLimiter(1), nil) },
		"Limited":        func() { _, _ = penstock.Gather(t.Context(), penstock.Limited{}, upTo(1), task) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if v, _ := recover().(string); !strings.HasPrefix(v, "penstock: ") {
					t.Errorf("recovered %q", v)
				}
			}()
			call()
		})
	}
}
