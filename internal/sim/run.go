package sim

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A Limiter is what is simulated: ours, or a peer's.
type Limiter interface {
	// Acquire waits for a permit, and returns how to give it back with what the
	// server has answered.
	Acquire(ctx context.Context) (release func(Reply), err error)
}

// A Scenario is a server, and what a client wants of it.
type Scenario struct {
	Name string
	// Server makes the server, in the bubble.
	Server func(seed uint64) Server
	// Wants is how many calls the client would have under way if it could: 200
	// unless given.
	Wants int
	// Length is how long the run is: 2 minutes unless given.
	Length time.Duration
	// Ideal is how many calls a second an all-knowing client would get done.
	Ideal func(age time.Duration) float64
	// Steady is when the client should have found out all there is to it: half
	// of Length unless given.
	Steady time.Duration
	// Target is what is to be reached.
	Target Target
	// Short says why Target is less than is asked of all.
	Short string
}

// A Target is what a Result has to reach. What is zero is not asked for.
type Target struct {
	Goodput, Steady float64 // at least, of the ideal
	Refused         float64 // at most, of all sent
	P50, P99        time.Duration
	Converged       time.Duration
	Sent            int // during an outage
}

// A Result is what came of a run.
type Result struct {
	Goodput, Steady, Refused float64
	P50, P99                 time.Duration
	Converged                time.Duration // below zero for never
	Sent                     int
}

// slice is how finely goodput is looked at for Converged.
const slice = 500 * time.Millisecond

type run struct {
	mu        sync.Mutex
	latencies []time.Duration
	done      []float64 // in each slice
	steady    float64
	refused   int
}

// Run runs the scenario. It must be called in a bubble.
func (s *Scenario) Run(ctx context.Context, seed uint64, l Limiter) Result {
	s.defaults()
	server := s.Server(seed)
	start := time.Now()
	r := run{done: make([]float64, int(s.Length/slice)+1)}
	ctx, cancel := context.WithDeadline(ctx, start.Add(s.Length))
	defer cancel()
	var group sync.WaitGroup
	for range s.Wants {
		group.Go(func() {
			for ctx.Err() == nil {
				release, err := l.Acquire(ctx)
				if err != nil {
					return
				}
				sent := time.Now()
				reply := server.Serve()
				r.add(s, start, sent, reply)
				release(reply)
			}
		})
	}
	group.Wait()
	result := r.result(s)
	if o, ok := server.(*Outage); ok {
		result.Sent = o.Sent
	}
	return result
}

func (s *Scenario) defaults() {
	if s.Wants == 0 {
		s.Wants = 200
	}
	if s.Length == 0 {
		s.Length = 2 * time.Minute
	}
	if s.Steady == 0 {
		s.Steady = s.Length / 2
	}
}

func (r *run) add(s *Scenario, start, sent time.Time, reply Reply) {
	age := time.Since(start)
	r.mu.Lock()
	defer r.mu.Unlock()
	if reply.Refused {
		r.refused++
		return
	}
	r.latencies = append(r.latencies, time.Since(sent))
	if age >= s.Length {
		return
	}
	r.done[age/slice]++
	if age >= s.Steady {
		r.steady++
	}
}

// ideal integrates Ideal.
func (s *Scenario) ideal(from, to time.Duration) float64 {
	const step = 10 * time.Millisecond
	var sum float64
	for t := from; t < to; t += step {
		sum += s.Ideal(t) * step.Seconds()
	}
	return sum
}

func (r *run) result(s *Scenario) Result {
	var sum float64
	for _, n := range r.done {
		sum += n
	}
	slices.Sort(r.latencies)
	result := Result{
		Goodput:   sum / s.ideal(0, s.Length),
		Steady:    r.steady / s.ideal(s.Steady, s.Length),
		Converged: r.converged(s),
	}
	if n := len(r.latencies); n > 0 {
		result.Refused = float64(r.refused) / float64(n+r.refused)
		result.P50, result.P99 = r.latencies[n/2], r.latencies[n*99/100]
	}
	return result
}

// converged returns the beginning of the first two seconds in each slice of which
// nine tenths of the ideal are done.
func (r *run) converged(s *Scenario) time.Duration {
	const need = 4
	row := 0
	for i := range r.done {
		from := time.Duration(i) * slice
		if row++; r.done[i] < 0.9*s.ideal(from, from+slice)-1 {
			row = 0
		}
		if row == need {
			return from - (need-1)*slice
		}
	}
	return -1
}
