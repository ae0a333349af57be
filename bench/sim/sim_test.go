// Package sim_test prints how several limiters do against the simulated servers of
// internal/sim: ours, three published algorithms run by ours, and failsafe-go's.
//
//	go test -v -run Table ./sim
package sim_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/internal/sim"
)

var (
	seeds   = flag.Uint64("seeds", 3, "how many seeds each scenario is run with; the worst is printed")
	heldOut = flag.Bool("held-out", true, "also the servers that nothing was tuned on")
)

// peers are the limiters compared. Each is made in a bubble of its own.
var peers = []struct {
	name string
	make func(t *testing.T) sim.Limiter
}{
	{"penstock", ours(nil)},
	{"AIMD", ours(func(lo, hi, start int) adaptive.Control { return adaptive.NewAIMD(lo, hi, start) })},
	{"Vegas", ours(func(lo, hi, start int) adaptive.Control { return adaptive.NewVegas(lo, hi, start) })},
	{"Gradient2", ours(func(lo, hi, start int) adaptive.Control { return adaptive.NewGradient2(lo, hi, start) })},
	{"failsafe", func(*testing.T) sim.Limiter { return failsafe{adaptivelimiter.NewWithDefaults[any]()} }},
}

// TestTable prints the table. It asserts nothing but that every run ends: what ours
// has to reach is asserted in the tests of package adaptive.
func TestTable(t *testing.T) {
	if !testing.Verbose() {
		t.Skip("prints a table: run with -v")
	}
	scenarios := sim.Scenarios()
	if *heldOut {
		scenarios = append(scenarios, sim.HeldOut()...)
	}
	results := make([]sim.Result, len(scenarios)*len(peers))
	t.Run("run", func(t *testing.T) {
		for i, s := range scenarios {
			for j, p := range peers {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					results[i*len(peers)+j] = worst(t, s, p.make)
				})
			}
		}
	})
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "worst of %d seeds\tgoodput %%\tsteady %%\trefused %%\tp50\tp99\tconverged\tmisses\n", *seeds)
	for i, s := range scenarios {
		for j, p := range peers {
			r := results[i*len(peers)+j]
			fmt.Fprintf(w, "%s\t%s\n", label(s.Name, p.name, j), cells(s, r))
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

func label(scenario, peer string, i int) string {
	if i == 0 {
		return scenario
	}
	return "    " + peer
}

func cells(s sim.Scenario, r sim.Result) string {
	converged := "never"
	if r.Converged >= 0 {
		converged = r.Converged.String()
	}
	misses := len(s.Target.Misses(r))
	note := "none"
	if misses > 0 {
		note = fmt.Sprint(s.Target.Misses(r))
	}
	round := 100 * time.Microsecond
	return fmt.Sprintf("%.1f\t%.1f\t%.3f\t%v\t%v\t%s\t%s",
		100*r.Goodput, 100*r.Steady, 100*r.Refused, r.P50.Round(round), r.P99.Round(round), converged, note)
}

// worst runs a scenario with each seed.
func worst(t *testing.T, s sim.Scenario, limiter func(t *testing.T) sim.Limiter) sim.Result {
	var results []sim.Result
	for seed := range *seeds {
		synctest.Test(t, func(t *testing.T) {
			results = append(results, s.Run(t.Context(), seed+1, limiter(t)))
		})
	}
	return sim.Worst(results)
}

// ours returns how to make our limiter with a control, or nil for its own. Only the
// latter is given the hints: the published algorithms know of none.
func ours(control func(lo, hi, start int) adaptive.Control) func(t *testing.T) sim.Limiter {
	return func(t *testing.T) sim.Limiter {
		l, err := adaptive.New(adaptive.Options{Control: control})
		if err != nil {
			t.Fatal(err)
		}
		return penstockLimiter{l, control == nil}
	}
}

type penstockLimiter struct {
	l     *adaptive.Limiter
	hints bool
}

func (p penstockLimiter) Acquire(ctx context.Context) (func(sim.Reply), error) {
	permit, err := p.l.AcquirePermit(ctx, 1)
	if err != nil {
		return nil, err
	}
	return func(r sim.Reply) {
		if p.hints && r.Quota > 0 {
			p.l.Advise(adaptive.Quota{Limit: r.Quota, Window: r.Window, Remaining: r.Remaining, Reset: r.Reset})
		}
		if p.hints && r.RetryAfter > 0 {
			p.l.Hold(time.Now().Add(r.RetryAfter))
		}
		if r.Refused {
			permit.Release(penstock.Overload)
			return
		}
		permit.Release(penstock.Success)
	}, nil
}

// failsafe is failsafe-go's adaptive limiter with its defaults. It has no way to
// be told of a refusal but by a permit that is dropped.
type failsafe struct {
	l adaptivelimiter.AdaptiveLimiter[any]
}

func (f failsafe) Acquire(ctx context.Context) (func(sim.Reply), error) {
	permit, err := f.l.AcquirePermit(ctx)
	if err != nil {
		return nil, err
	}
	return func(r sim.Reply) {
		if r.Refused {
			permit.Drop()
			return
		}
		permit.Record()
	}, nil
}
