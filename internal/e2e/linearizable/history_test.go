// Package linearizable_test checks histories of real goroutines that use the
// semaphore and the queue against sequential models, by Wing and Gong's search
// as porcupine has it (Lowe, Testing for linearizability, 2017).
//
// A call that may wait takes effect twice: when it comes, which gives it its
// place in line, and when it ends. Both lie between its call and its return,
// so it stands in the history as two operations over the same span of time.
// The models give out all that is to be had at once and to who came first, so
// that a permit lost, a waiter overtaken and one forgotten all show.
package linearizable_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	histories   = 400 // of each kind
	clients     = 5
	callsOfEach = 12
)

// A recorder notes the operations of one client.
type recorder struct {
	client int
	rng    *rand.Rand
	clock  *atomic.Int64 // shared: the order of calls and returns in all clients
	shared *atomic.Pointer[ending]
	ops    []porcupine.Operation
	cancel sync.WaitGroup
}

// note records ops, which all began at call and have ended now.
func (r *recorder) note(call int64, ops ...any) {
	end := r.clock.Add(1)
	for _, op := range ops {
		r.ops = append(r.ops, porcupine.Operation{ClientId: r.client, Input: op, Call: call, Return: end})
	}
}

// pause lets others run, sometimes.
func (r *recorder) pause() {
	for range r.rng.IntN(6) {
		runtime.Gosched()
	}
}

// An ending is a context that several clients wait under, and its end.
type ending struct {
	context.Context
	cancel context.CancelFunc
}

func newEnding() *ending {
	ctx, cancel := context.WithCancel(context.Background())
	return &ending{ctx, cancel}
}

// context returns a context that never ends, one that several clients have, or
// one that ends soon.
func (r *recorder) context() context.Context {
	switch r.rng.IntN(4) {
	case 0:
		return context.Background()
	case 1, 2:
		return r.shared.Load()
	}
	return r.ending()
}

// endShared ends the context of several clients, and gives those who come
// later another.
func (r *recorder) endShared() { r.shared.Swap(newEnding()).cancel() }

// ending returns a context that somebody cancels soon, or has cancelled.
func (r *recorder) ending() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	yields := r.rng.IntN(16)
	if yields == 0 {
		cancel()
		return ctx
	}
	r.cancel.Go(func() {
		for range yields {
			runtime.Gosched()
		}
		cancel()
	})
	return ctx
}

// play runs the clients of one history, which are told apart by their number.
func play(seed uint64, client func(r *recorder)) (history []porcupine.Operation) {
	var clock atomic.Int64
	var shared atomic.Pointer[ending]
	shared.Store(newEnding())
	defer func() { shared.Load().cancel() }()
	var running sync.WaitGroup
	recorders := make([]recorder, clients)
	for i := range recorders {
		r := &recorders[i]
		r.client, r.rng = i, rand.New(rand.NewPCG(seed, uint64(i)))
		r.clock, r.shared = &clock, &shared
		running.Go(func() {
			client(r)
			r.cancel.Wait()
		})
	}
	running.Wait()
	for i := range recorders {
		history = append(history, recorders[i].ops...)
	}
	return history
}

// checkHistory fails the test unless history could have come from the model.
func checkHistory(t *testing.T, model porcupine.Model, seed uint64, history []porcupine.Operation) {
	t.Helper()
	result := porcupine.CheckOperationsTimeout(model, history, 20*time.Second)
	if result == porcupine.Ok {
		return
	}
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	for _, op := range history {
		t.Logf("%4d to %4d: %+v", op.Call, op.Return, op.Input)
	}
	t.Fatalf("seed %d: the history above is not linearizable: %v", seed, result)
}

// need fails the test if one of the outcomes that it is about never came.
func need[K comparable](t *testing.T, seen map[K]int, outcomes ...K) {
	t.Helper()
	t.Logf("outcomes: %v", seen)
	for _, o := range outcomes {
		if seen[o] == 0 {
			t.Errorf("%v never happened: the histories are too tame", o)
		}
	}
}
