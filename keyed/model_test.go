package keyed_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/keyed"
)

// The model of a Limiter is a map from which nothing is ever dropped. One script
// of acquires, releases and cancels is run against both, each in a bubble of its
// own; the script for the Limiter also drops keys all the time. Every call must
// end in the same way at the same instant.
//
// The script's instants are all different, so that the order in which goroutines
// of one instant run plays no part. And so are the rates of the keys: two that were
// taken at one instant, when a permit of the total came back, would else be due at
// one instant too.

// An op is one call of the script, and what becomes of it.
type op struct {
	key    string
	n      int
	at     time.Duration // when it comes
	hold   time.Duration // for how long it holds what it gets
	giveUp time.Duration // when its context ends; 0 for never
	try    bool
	all    bool // by way of an All with the total
	out    penstock.Outcome
}

// pace is the rate of each key.
var pace = map[string]string{
	"key0": "17/s", "key1": "19/s", "key2": "23/s", "key3": "29/s", "key4": "31/s", "key5": "37/s",
}

type result struct {
	Op    int
	At    time.Duration
	Got   bool
	Error string
}

func script(r *rand.Rand, n int) []op {
	ops := make([]op, n)
	at := time.Duration(0)
	// instants are odd multiples of 1 ns apart from all others.
	odd := func(d int) time.Duration {
		return time.Duration(r.IntN(d))*time.Microsecond + time.Duration(r.IntN(499)*2+1)
	}
	for i := range ops {
		at += odd(40_000)
		if r.IntN(20) == 0 {
			at += odd(3_000_000) // long enough for most to be idle
		}
		ops[i] = op{
			key: fmt.Sprint("key", r.IntN(6)), n: 1 + r.IntN(3), at: at, hold: odd(300_000),
			try: r.IntN(4) == 0, all: r.IntN(3) == 0,
			out: []penstock.Outcome{penstock.Success, penstock.Failure, penstock.Unused}[r.IntN(3)],
		}
		if r.IntN(4) == 0 {
			ops[i].giveUp = odd(300_000)
		}
	}
	return ops
}

// play runs the script and returns what became of it. limit gives the limiter of
// a key, and between is called before each op.
func play(t *testing.T, ops []op, limit func(key string) penstock.Limiter, between func()) (results []result) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		total := penstock.NewSemaphore(5)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i, o := range ops {
			time.Sleep(o.at - time.Since(start))
			synctest.Wait()
			between()
			wg.Go(func() {
				l := limit(o.key)
				if o.all {
					l = penstock.All(l, total)
				}
				res, p := call(t, o, l)
				res.Op, res.At = i, time.Since(start)
				mu.Lock()
				results = append(results, res)
				mu.Unlock()
				if p != nil {
					time.Sleep(o.hold)
					p.Release(o.out)
				}
			})
		}
		wg.Wait()
		if n := total.Stats().InUse; n != 0 {
			t.Errorf("%d of the total are left in use", n)
		}
	})
	slices.SortFunc(results, func(a, b result) int { return cmp.Compare(a.Op, b.Op) })
	return results
}

func call(t *testing.T, o op, l penstock.Limiter) (result, penstock.Permit) {
	if o.try {
		p, ok := l.TryAcquirePermit(o.n)
		return result{Got: ok}, p
	}
	ctx := t.Context()
	if o.giveUp > 0 {
		// Not a deadline, which a rate would look ahead to.
		c, cancel := context.WithCancel(ctx)
		defer time.AfterFunc(o.giveUp, cancel).Stop()
		ctx = c
	}
	p, err := l.AcquirePermit(ctx, o.n)
	return result{Got: err == nil, Error: fmt.Sprint(err)}, p
}

func TestModel(t *testing.T) {
	kinds := map[string]func(t *testing.T, key string) penstock.Limiter{
		"semaphore": func(*testing.T, string) penstock.Limiter { return penstock.NewSemaphore(3) },
		"bounded":   func(*testing.T, string) penstock.Limiter { return penstock.NewBoundedSemaphore(4) },
		"rate":      func(t *testing.T, key string) penstock.Limiter { return newRate(t, pace[key]+" burst 4") },
		"spaced":    func(t *testing.T, key string) penstock.Limiter { return newRate(t, pace[key]) },
		"two rates": func(t *testing.T, key string) penstock.Limiter {
			return newRate(t, pace[key]+" burst 4, 9 requests/s burst 3")
		},
	}
	for kind, newLimit := range kinds {
		t.Run(kind, func(t *testing.T) {
			seeds(t, 20, func(t *testing.T, seed uint64) {
				r := rand.New(rand.NewPCG(seed, 7))
				ops := script(r, 400)
				model := map[string]penstock.Limiter{}
				want := play(t, ops, func(key string) penstock.Limiter { return model[key] }, func() {
					if len(model) > 0 {
						return
					}
					for key := range pace { // in the bubble, as the others are
						model[key] = newLimit(t, key)
					}
				})
				l := keyed.New(func(key string) penstock.Limiter { return newLimit(t, key) }, keyed.Options{MaxIdle: r.IntN(4) - 1})
				got := play(t, ops, l.For, func() {
					if r.IntN(2) == 0 {
						l.DropIdle()
					}
				})
				compare(t, ops, got, want)
				st := l.Stats(10)
				if st.Dropped < 20 || st.Made != st.Dropped+int64(st.Keys) || st.Waiting+st.InUse != 0 {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}

func compare(t *testing.T, ops []op, got, want []result) {
	t.Helper()
	if len(got) != len(ops) || len(want) != len(ops) {
		t.Fatalf("%d and %d results of %d", len(got), len(want), len(ops))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("op %d %+v:\n got %+v\nwant %+v", i, ops[i], got[i], want[i])
		}
	}
}
