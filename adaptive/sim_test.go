package adaptive_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/internal/sim"
)

// client has a Limiter under simulation, and gives it the hints of the server.
type client struct{ l *adaptive.Limiter }

func (c client) Acquire(ctx context.Context) (func(sim.Reply), error) {
	p, err := c.l.AcquirePermit(ctx, 1)
	if err != nil {
		return nil, err
	}
	return func(r sim.Reply) {
		if r.Quota > 0 {
			c.l.Advise(adaptive.Quota{Limit: r.Quota, Window: r.Window, Remaining: r.Remaining, Reset: r.Reset})
		}
		if r.RetryAfter > 0 {
			c.l.Hold(time.Now().Add(r.RetryAfter))
		}
		if r.Refused {
			p.Release(penstock.Overload)
			return
		}
		p.Release(penstock.Success)
	}, nil
}

// simulate runs a scenario with several seeds.
func simulate(t *testing.T, s sim.Scenario, seeds uint64, o adaptive.Options) []sim.Result {
	if *moreSeeds > 0 {
		seeds = *moreSeeds
	}
	var results []sim.Result
	for seed := *firstSeed - 1; seed < *firstSeed-1+seeds; seed++ {
		synctest.Test(t, func(t *testing.T) {
			l, err := adaptive.New(o)
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, s.Run(t.Context(), seed+1, client{l}))
			if *trace {
				t.Log(results[len(results)-1].Row())
				for _, c := range l.History() {
					t.Logf("%8.3f %-24s limit %d rate %.1f held %v", c.At.Sub(start).Seconds(), c.Reason, c.Limit, c.Rate, c.Held)
				}
			}
		})
	}
	return results
}

// start is when the time of every bubble begins.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

var (
	trace     = flag.Bool("history", false, "print the history of each simulated limiter")
	moreSeeds = flag.Uint64("seeds", 0, "how many seeds each simulated server is run with, instead of what the test says")
	firstSeed = flag.Uint64("first", 1, "the first of them")
)

// TestMain collects garbage more rarely: the simulations make much of it and keep
// little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}

// TestScenarios runs every scenario of the issue and holds the worst of its seeds
// against what the issue asks.
func TestScenarios(t *testing.T) {
	const all = 0.9 // of the ideal, whatever else is asked of one server
	scenarios := sim.Scenarios()
	for i := range scenarios {
		scenarios[i].Target.Goodput = max(all, scenarios[i].Target.Goodput)
	}
	judge(t, scenarios)
}

// TestHeldOut does the same with servers that next to nothing was tuned on.
func TestHeldOut(t *testing.T) { judge(t, sim.HeldOut()) }

// TestWired does the same with servers as they are met on a network.
func TestWired(t *testing.T) { judge(t, sim.Wired()) }

// judge runs each scenario with one seed, to save time; with three if PENSTOCK_LONG
// is set.
func judge(t *testing.T, scenarios []sim.Scenario) {
	t.Helper()
	seeds := uint64(1)
	if os.Getenv("PENSTOCK_LONG") != "" {
		seeds = 3
	}
	if raceDetector {
		t.Skip("ten times as long under the race detector; TestNeverOver and others look for races")
	}
	rows := make([]string, len(scenarios))
	t.Run("all", func(t *testing.T) {
		for i, s := range scenarios {
			t.Run(strings.ReplaceAll(s.Name, "/", " per "), func(t *testing.T) {
				t.Parallel()
				worst := sim.Worst(simulate(t, s, seeds, adaptive.Options{History: history()}))
				rows[i] = strings.TrimRight(fmt.Sprintf("%-34s %s  %s", s.Name, worst.Row(), s.Short), " ")
				for _, miss := range s.Target.Explain(worst) {
					t.Errorf("%s: %s", s.Name, miss)
				}
			})
		}
	})
	t.Logf("\n%-34s %s\n%s", fmt.Sprintf("worst of %d", seeds), sim.Head, strings.Join(rows, "\n"))
}

func history() int {
	if *trace {
		return 1 << 20
	}
	return 0
}
