package adaptive_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/internal/sim"
)

// TestExperiment has servers whose latency does not vary to speak of, so that what is in
// flight never does by itself. Which of the two each limits, and a ceiling's number, has
// to be found all the same, within seconds.
//
// It varies by a ten-thousandth: of answers in the very same instant Go's scheduler says
// which is first, and a call that follows one of them would meet workers that are about to
// be free, in another order each time that the test is run.
func TestExperiment(t *testing.T) {
	if raceDetector {
		t.Skip("ten times as long under the race detector; TestNeverOver and others look for races")
	}
	const ms, some = time.Millisecond, 1e-4
	workers := func(n int) func(time.Duration) int { return func(time.Duration) int { return n } }
	for _, latency := range []time.Duration{10 * ms, 50 * ms} {
		for _, wire := range []sim.Wire{{Refusal: ms}, {Way: latency / 100, Refusal: ms / 2}} {
			for _, n := range []int{3, 8, 37} {
				experiment(t, fmt.Sprintf("above %d, %v, way %v", n, latency, wire.Way), "concurrency", n, func(seed uint64) sim.Server {
					return sim.NewWorkers(seed, sim.Around(latency, some), true, workers(n)).Over(wire)
				})
			}
			for _, burst := range []float64{5, 20} {
				experiment(t, fmt.Sprintf("150/s of %v, %v, way %v", burst, latency, wire.Way), "rate", 0, func(seed uint64) sim.Server {
					return sim.NewBucket(seed, sim.Around(latency, some), 150, burst, 0).Over(wire)
				})
			}
		}
	}
}

func experiment(t *testing.T, name, kind string, ceiling int, server func(seed uint64) sim.Server) {
	t.Run(name, func(t *testing.T) {
		for seed := range uint64(3) {
			synctest.Test(t, func(t *testing.T) {
				l, err := adaptive.New(adaptive.Options{History: 1 << 16})
				if err != nil {
					t.Fatal(err)
				}
				s := sim.Scenario{Server: server, Wants: 100, Length: 8 * time.Second, Ideal: func(time.Duration) float64 { return 1 }}
				s.Run(t.Context(), seed+1, client{l})
				if got := l.Stats().Refuses; got != kind {
					t.Errorf("seed %d: %s, want %s", seed, got, kind)
				}
				if !slices.ContainsFunc(l.History(), func(c adaptive.Change) bool { return c.Reason == adaptive.Tested }) {
					t.Errorf("seed %d: no experiment", seed)
				}
				if kind == "concurrency" && (l.Limit() < ceiling-1 || l.Limit() > ceiling+1) {
					t.Errorf("seed %d: the limit is %d, want %d or next to it", seed, l.Limit(), ceiling)
				}
			})
		}
	})
}
