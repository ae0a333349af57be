// Package sim_test prints how several limiters do against the simulated servers of
// internal/sim: ours, three published algorithms run by ours, and failsafe-go's.
//
//	make sim
package sim_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
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
	tuned := len(scenarios)
	if *heldOut {
		scenarios = append(scenarios, sim.HeldOut()...)
	}
	results := make([][]sim.Result, len(scenarios))
	t.Run("run", func(t *testing.T) {
		for i, s := range scenarios {
			results[i] = make([]sim.Result, len(peers))
			for j, p := range peers {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					results[i][j] = worst(t, s, p.make)
				})
			}
		}
	})
	fmt.Printf("\nThe worst of %d seeds, figure by figure; %% of what an all-knowing client would get done.\n", *seeds)
	for i, s := range scenarios {
		if i == tuned {
			fmt.Printf("\nHeld out: servers that nothing was tuned on. The aims are our own.\n")
		}
		block(s, results[i])
	}
}

// block prints a scenario: what is asked, and how each did.
func block(s sim.Scenario, results []sim.Result) {
	verdict := "met"
	if len(s.Target.Misses(results[0])) > 0 {
		verdict = "MISSED"
	}
	fmt.Printf("\n%s: %s: %s\n", s.Name, s.Target, verdict)
	if s.Short != "" {
		fmt.Printf("(%s)\n", s.Short)
	}
	fmt.Printf("  %-10s %s    misses\n", "", sim.Head)
	for j, p := range peers {
		row := results[j].Row()
		fmt.Println(strings.TrimRight(fmt.Sprintf("  %-10s %-54s  %s", p.name, row, strings.Join(s.Target.Misses(results[j]), ", ")), " "))
	}
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
