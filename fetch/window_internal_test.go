package fetch

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A window over random starts and finishes, some items left out, against a
// plain list of what is unfinished.
func TestWindowAgainstModel(t *testing.T) {
	for _, span := range []int64{1, 2, 63, 64, 65, 200} {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		w := newWindow(span)
		var open []int64 // started, not finished, ascending
		next := int64(r.IntN(3)) * 1000
		for range 20_000 {
			switch {
			case len(open) == 0 && r.IntN(20) == 0:
				next += r.Int64N(10 * span) // far, as where an earlier run has done much
			case r.IntN(10) == 0:
				next += r.Int64N(3)
			}
			if len(open) == 0 || next-open[0] < span && r.IntN(2) == 0 {
				w.start(next)
				open = append(open, next)
				next++
			} else {
				at := r.IntN(len(open))
				w.finish(open[at])
				open = slices.Delete(open, at, at+1)
			}
			low := w.high
			if len(open) > 0 {
				low = open[0]
			}
			if w.low != low {
				t.Fatalf("seed %d, span %d: low is %d, want %d (open %v)", seed, span, w.low, low, open)
			}
		}
	}
}

// A queue against a slice; what is given out is forgotten.
func TestFifoAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	var q fifoOf[*int]
	var model []*int
	for range 20_000 {
		switch v := new(int); {
		case r.IntN(100) < 45:
			q.push(v)
			model = append(model, v)
		case r.IntN(100) < 20:
			q.pushFront(v)
			model = append([]*int{v}, model...)
		case len(model) > 0:
			if got := q.pop(); got != model[0] {
				t.Fatalf("seed %d: pop gave %p, want %p", seed, got, model[0])
			}
			model = model[1:]
		}
		if q.len() != len(model) || len(model) > 0 && q.front() != model[0] {
			t.Fatalf("seed %d: length %d, want %d", seed, q.len(), len(model))
		}
	}
	for range model {
		q.pop()
	}
	if kept := slices.ContainsFunc(q.ring, func(v *int) bool { return v != nil }); kept {
		t.Error("an empty queue still holds what it gave out")
	}
}
