package sim

import "time"

const (
	ms = time.Millisecond
	s  = time.Second
)

// nothing is less than one of all that a run sends.
const nothing = 1e-9

// usual is the latency of most servers here.
func usual() Latency { return Around(50*ms, 0.1) }

func always(n float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return n }
}

func workers(n int) func(time.Duration) int { return func(time.Duration) int { return n } }

// between returns in from t to u and out else.
func between[T any](t, u time.Duration, in, out T) func(time.Duration) T {
	return func(age time.Duration) T {
		if age >= t && age < u {
			return in
		}
		return out
	}
}

// Scenarios are the servers that the controls were made for.
func Scenarios() []Scenario {
	return []Scenario{
		{
			Name:   "a queue above 37",
			Server: func(seed uint64) Server { return NewWorkers(seed, usual(), false, workers(37)) },
			Ideal:  always(740),
			Target: Target{Steady: 0.98, P99: 65 * ms, Converged: 3 * s},
		},
		{
			Name:   "b refusal above 37",
			Server: func(seed uint64) Server { return NewWorkers(seed, usual(), true, workers(37)) },
			Ideal:  always(740),
			Target: Target{Goodput: 0.97, Refused: 0.002},
		},
		{
			Name:   "c bucket 100/s, Retry-After",
			Server: func(seed uint64) Server { return NewBucket(seed, usual(), 100, 10, s) },
			Ideal:  always(100),
			Target: Target{Goodput: 0.90, Steady: 0.97, Refused: 0.002},
		},
		{
			Name:   "d bucket 100/s, 429 alone",
			Server: func(seed uint64) Server { return NewBucket(seed, usual(), 100, 10, 0) },
			Ideal:  always(100),
			Target: Target{Goodput: 0.99, Refused: 0.001},
		},
		{
			Name: "e 37, 18, 37",
			Server: func(seed uint64) Server {
				return NewWorkers(seed, usual(), false, between(40*s, 80*s, 18, 37))
			},
			Ideal:  between(40*s, 80*s, 360.0, 740),
			Target: Target{Goodput: 0.96, P99: 80 * ms},
		},
		{
			Name:   "f log-normal",
			Server: func(seed uint64) Server { return NewWorkers(seed, LogNormal(50*ms, 1), false, workers(37)) },
			Ideal:  always(740),
			Target: Target{Goodput: 0.97},
		},
		{
			Name:   "g no limit",
			Server: func(seed uint64) Server { return NewWorkers(seed, usual(), false, workers(1e9)) },
			Wants:  400, Length: 30 * s,
			Ideal:  always(8000),
			Target: Target{Goodput: 0.90},
		},
		{
			Name:   "h wants only 5",
			Server: func(seed uint64) Server { return NewWorkers(seed, usual(), false, workers(37)) },
			Wants:  5,
			Ideal:  always(100),
			Target: Target{Goodput: 0.99},
		},
		{
			// Latency that hardly varies: see HeldOut for what usually does. Five at a
			// time are then exactly enough, and six, which are enough of the other,
			// take 60 ms by themselves.
			Name:   "i shaped by delay",
			Server: func(seed uint64) Server { return NewShaper(seed, Around(50*ms, 0.01), 100) },
			Ideal:  always(100),
			Target: Target{Goodput: 0.98, P50: 60 * ms},
		},
		{
			Name:   "j window with headers",
			Server: func(seed uint64) Server { return NewWindow(seed, usual(), 1000, 10*s) },
			Ideal:  always(100),
			Target: Target{Goodput: 0.97, Refused: nothing},
		},
		{
			Name:   "k 8 workers of 2 s",
			Server: func(seed uint64) Server { return NewWorkers(seed, Around(2*s, 0.1), false, workers(8)) },
			Ideal:  between(0, 2*s, 0.0, 4),
			Target: Target{Goodput: 0.95, P50: 2500 * ms},
		},
		{
			Name:   "l all take 2 s",
			Server: func(seed uint64) Server { return NewSlower(seed) },
			Ideal:  jumped,
			Target: Target{Goodput: 0.95, Steady: 0.95},
		},
		{
			Name: "m outage of 60 s",
			Server: func(seed uint64) Server {
				return NewOutage(NewWorkers(seed, usual(), false, workers(37)), 40*s, 100*s)
			},
			Ideal:  between(40*s, 100*s, 0.0, 740),
			Steady: 100 * s,
			Target: Target{Sent: 60, Goodput: 0.90},
		},
	}
}

// jumped is the ideal of l: nothing ends for the first 2 s.
func jumped(age time.Duration) float64 {
	switch {
	case age < 40*s:
		return 740
	case age < 42*s:
		return 0
	}
	return 18.5
}
