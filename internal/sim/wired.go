package sim

import (
	"fmt"
	"time"
)

// Wired are servers as they are met on a fast network: each call takes almost
// exactly as long as any other, so that what is sent together comes back together
// and is sent together again; calls overtake each other on their way; a refusal
// takes no time to speak of; and a worker counts as busy for a moment longer than
// it seems to the client. The buckets are there so that what tells a limit of
// concurrency in spite of that does not see one everywhere.
//
// Where workers linger, as many at a time as there are find no room now and then: of 8
// that take 20 ms and up to 0.5 ms more, a fixed limit of 7 has 1 % refused, 6 has 0.3 % and
// 5, which is 62 % of the ideal, 0.02 %. So less is asked there.
func Wired() []Scenario {
	var all []Scenario
	wires := []struct {
		name string
		wire Wire
	}{
		{"1 ms", Wire{Refusal: ms}},
		{"way 0.2 ms", Wire{Way: 200 * time.Microsecond, Refusal: 300 * time.Microsecond}},
		{"linger 0.5 ms", Wire{Way: 200 * time.Microsecond, Refusal: 300 * time.Microsecond, Linger: 500 * time.Microsecond}},
	}
	for _, w := range wires {
		for _, latency := range []time.Duration{20 * ms, 50 * ms} {
			for _, n := range []int{8, 37} {
				scenario := wired(fmt.Sprintf("refusal above %d, %v, %s", n, latency, w.name),
					float64(n)/latency.Seconds(), func(seed uint64) Server {
						return NewWorkers(seed, Around(latency, 0.005), true, workers(n)).Over(w.wire)
					})
				if w.wire.Linger > 0 {
					scenario.Target.Goodput, scenario.Short = 0.8, "a worker that lingers is in the way of the next call"
					if n < 10 {
						scenario.Target.Goodput = 0.6
					}
				}
				all = append(all, scenario)
			}
			for _, r := range []float64{100, 400} {
				all = append(all, wired(fmt.Sprintf("bucket %v/s of 20, %v, %s", r, latency, w.name),
					r, func(seed uint64) Server {
						return NewBucket(seed, Around(latency, 0.005), r, 20, 0).Over(w.wire)
					}))
			}
		}
	}
	return all
}

func wired(name string, ideal float64, server func(seed uint64) Server) Scenario {
	return Scenario{
		Name: name, Server: server, Ideal: always(ideal), Wants: 100, Length: 40 * s,
		Target: Target{Goodput: 0.95, Refused: 0.006}, // of buckets 0.5 % is reached, of ceilings 0.2 %
	}
}
