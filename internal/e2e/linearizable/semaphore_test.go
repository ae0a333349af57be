package linearizable_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/penstock-go/penstock"
)

// A semOp is an operation of a semaphore's history.
type semOp struct {
	kind   string
	client int
	n      int // weight, or the new limit
	stats  [3]int
}

// A semState is the sequential semaphore. It is comparable.
type semState struct {
	limit, inUse int
	queue        string        // those who wait: client, weight, client, weight, ...
	granted      [clients]int  // permits of those who have not been told yet
	refused      [clients]bool // likewise
	arrived      [clients]bool
}

func (s semState) fits(n int) bool { return s.inUse+n <= s.limit }

func (s semState) over(n int) bool { return s.limit != 0 && n > s.limit }

// settle serves those who are first.
func (s semState) settle() semState {
	for s.queue != "" {
		client, n := s.queue[0], int(s.queue[1])
		switch {
		case s.over(n):
			s.refused[client] = true
		case s.fits(n):
			s.inUse += n
			s.granted[client] = n
		default:
			return s
		}
		s.queue = s.queue[2:]
	}
	return s
}

// leave takes out one whose context has ended, with all that it was given.
func (s semState) leave(client int) semState {
	for i := 0; i < len(s.queue); i += 2 {
		if int(s.queue[i]) == client {
			s.queue = s.queue[:i] + s.queue[i+2:]
			break
		}
	}
	s.inUse -= s.granted[client]
	s.granted[client], s.refused[client], s.arrived[client] = 0, false, false
	return s.settle()
}

func (s semState) step(op semOp) (bool, semState) {
	c := op.client
	switch op.kind {
	case "arrive":
		s.arrived[c] = true
		if s.over(op.n) {
			s.refused[c] = true
			return true, s
		}
		s.queue += string([]byte{byte(c), byte(op.n)})
		return true, s.settle()
	case "acquired":
		ok := s.arrived[c] && s.granted[c] == op.n
		s.granted[c], s.arrived[c] = 0, false
		return ok, s
	case "refused":
		ok := s.arrived[c] && s.refused[c]
		s.refused[c], s.arrived[c] = false, false
		return ok, s
	case "cancelled":
		return s.arrived[c], s.leave(c)
	case "took":
		ok := s.queue == "" && s.fits(op.n)
		s.inUse += op.n
		return ok, s
	case "took not":
		return s.queue != "" || !s.fits(op.n), s
	case "release":
		s.inUse -= op.n
		return true, s.settle()
	case "limit":
		s.limit = op.n
		return true, s.settle()
	case "stats":
		return op.stats == [3]int{s.limit, s.inUse, len(s.queue) / 2}, s
	}
	panic("no such operation: " + op.kind)
}

var semModel = porcupine.Model{
	Init: func() any { return semState{limit: 4} },
	Step: func(state, input, _ any) (bool, any) { return state.(semState).step(input.(semOp)) },
}

// TestSemaphoreIsLinearizable checks histories of acquires of several weights,
// tries, releases, cancellations and changes of the limit.
func TestSemaphoreIsLinearizable(t *testing.T) {
	first := rand.Uint64()
	t.Logf("seeds from %d", first)
	seen := map[string]int{}
	for seed := first; seed < first+histories; seed++ {
		s := penstock.NewSemaphore(4)
		history := play(seed, func(r *recorder) {
			if r.client == 0 {
				resize(r, s)
				return
			}
			for range callsOfEach {
				holdSome(r, s)
			}
		})
		for _, op := range history {
			seen[op.Input.(semOp).kind]++
		}
		checkHistory(t, semModel, seed, history)
		if stats := s.Stats(); stats.InUse != 0 || stats.Waiting != 0 {
			t.Fatalf("seed %d: at the end %+v", seed, stats)
		}
	}
	need(t, seen, "acquired", "refused", "cancelled", "took", "took not", "stats")
}

// resize changes the limit, and leaves it where everybody fits.
func resize(r *recorder, s *penstock.Semaphore) {
	for i := range callsOfEach {
		n := r.rng.IntN(6)
		if i == callsOfEach-1 {
			n = 4
		}
		call := r.clock.Add(1)
		_ = s.SetLimit(n) // n is not negative
		r.note(call, semOp{kind: "limit", n: n})
		r.pause()
		r.endShared()
		call = r.clock.Add(1)
		stats := s.Stats()
		r.note(call, semOp{kind: "stats", stats: [3]int{stats.Limit, stats.InUse, stats.Waiting}})
		r.pause()
	}
}

// holdSome acquires, or tries to, and releases in one or two parts.
func holdSome(r *recorder, s *penstock.Semaphore) {
	n := 1 + r.rng.IntN(4)
	r.pause()
	if !take(r, s, n) {
		return
	}
	for n > 0 {
		r.pause()
		part := 1 + r.rng.IntN(n)
		call := r.clock.Add(1)
		s.Release(part)
		r.note(call, semOp{kind: "release", n: part})
		n -= part
	}
}

func take(r *recorder, s *penstock.Semaphore, n int) bool {
	if r.rng.IntN(4) == 0 {
		call := r.clock.Add(1)
		ok, kind := s.TryAcquire(n), "took not"
		if ok {
			kind = "took"
		}
		r.note(call, semOp{kind: kind, n: n})
		return ok
	}
	ctx := r.context()
	call := r.clock.Add(1)
	err := s.Acquire(ctx, n)
	kind := "acquired"
	switch {
	case errors.Is(err, context.Canceled):
		kind = "cancelled"
	case err != nil:
		kind = "refused"
	}
	r.note(call, semOp{kind: "arrive", client: r.client, n: n}, semOp{kind: kind, client: r.client, n: n})
	return err == nil
}
