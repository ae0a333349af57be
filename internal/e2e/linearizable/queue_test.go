package linearizable_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/penstock-go/penstock/queue"
)

// A queueOp is an operation of a queue's history. item is 0 for none.
type queueOp struct {
	kind   string
	waits  bool // a part of a call that may wait
	client int
	item   byte
}

const queueCap = 2

// A queueState is the sequential queue. It is comparable. A client who has
// arrived is in putters or getters, or in done.
type queueState struct {
	items   string
	putters string        // client, item, client, item, ...
	getters string        // client, client, ...
	done    [clients]byte // the item that was put, or that was handed over
	arrived [clients]bool
}

// put is a put that need not wait.
func (s queueState) put(item byte) (bool, queueState) {
	switch {
	case s.getters != "":
		s.done[s.getters[0]], s.getters = item, s.getters[1:]
	case len(s.items) < queueCap:
		s.items += string([]byte{item})
	default:
		return false, s
	}
	return true, s
}

// get is a get that need not wait.
func (s queueState) get() (byte, queueState) {
	if s.items == "" {
		return 0, s
	}
	item := s.items[0]
	s.items = s.items[1:]
	if s.putters != "" {
		s.done[s.putters[0]] = s.putters[1]
		s.items += s.putters[1:2]
		s.putters = s.putters[2:]
	}
	return item, s
}

// step takes an operation. A call that its context has ended must look as if it
// had never been given anything: where it need not wait it does nothing at all.
func (s queueState) step(op queueOp) (bool, queueState) {
	c := op.client
	if op.waits {
		arrives := strings.HasSuffix(op.kind, " arrives")
		if s.arrived[c] == arrives {
			return false, s // a call begins before it ends
		}
		s.arrived[c] = arrives
	}
	switch op.kind {
	case "put arrives", "cancelled put arrives":
		ok, next := s.put(op.item)
		switch {
		case !ok:
			s.putters += string([]byte{byte(c), op.item})
		case op.kind == "put arrives":
			s = next
			s.done[c] = op.item
		}
		return true, s
	case "get arrives", "cancelled get arrives":
		item, next := s.get()
		switch {
		case item == 0:
			s.getters += string([]byte{byte(c)})
		case op.kind == "get arrives":
			s = next
			s.done[c] = item
		}
		return true, s
	case "put", "got":
		ok := op.item != 0 && s.done[c] == op.item
		s.done[c] = 0
		return ok, s
	case "put cancelled":
		if i := strings.Index(s.putters, string([]byte{byte(c), op.item})); i >= 0 {
			s.putters = s.putters[:i] + s.putters[i+2:]
		}
		return s.done[c] == 0, s
	case "get cancelled":
		s.getters = strings.ReplaceAll(s.getters, string([]byte{byte(c)}), "")
		return s.done[c] == 0, s
	case "try put":
		return s.put(op.item)
	case "full":
		ok, _ := s.put(op.item)
		return !ok, s
	case "try get": // 0 is for empty
		item, next := s.get()
		return item == op.item, next
	}
	panic("no such operation: " + op.kind)
}

var queueModel = porcupine.Model{
	Init: func() any { return queueState{} },
	Step: func(state, input, _ any) (bool, any) { return state.(queueState).step(input.(queueOp)) },
}

// TestQueueIsLinearizable checks histories of puts, gets, tries and
// cancellations of a queue for two items.
func TestQueueIsLinearizable(t *testing.T) {
	first := rand.Uint64()
	t.Logf("seeds from %d", first)
	seen := map[string]int{}
	for seed := first; seed < first+histories; seed++ {
		q := queue.New[byte](queueCap)
		history := play(seed, func(r *recorder) {
			for i := range callsOfEach {
				r.pause()
				// No item is a client's number: see "put cancelled".
				useQueue(r, q, byte(clients+1+r.client*callsOfEach+i))
			}
		})
		for _, op := range history {
			seen[op.Input.(queueOp).kind]++
		}
		checkHistory(t, queueModel, seed, history)
	}
	need(t, seen, "put", "got", "put cancelled", "get cancelled", "try put", "full", "try get")
}

// useQueue does something to q.
func useQueue(r *recorder, q *queue.Queue[byte], item byte) {
	switch r.rng.IntN(6) {
	case 0:
		call, kind := r.clock.Add(1), "try put"
		if q.TryPut(item) != nil {
			kind = "full"
		}
		r.note(call, queueOp{kind: kind, item: item})
	case 1:
		call := r.clock.Add(1)
		item, _ := q.TryGet() // 0 with an error
		r.note(call, queueOp{kind: "try get", item: item})
	case 2, 3:
		ctx := r.ending()
		call := r.clock.Add(1)
		if err := q.Put(ctx, item); err != nil {
			r.noteWait(call, "cancelled put arrives", "put cancelled", item)
			return
		}
		r.noteWait(call, "put arrives", "put", item)
	default:
		ctx := r.ending()
		call := r.clock.Add(1)
		item, err := q.Get(ctx)
		if err != nil {
			r.noteWait(call, "cancelled get arrives", "get cancelled", 0)
			return
		}
		r.noteWait(call, "get arrives", "got", item)
	}
}

// noteWait records a call that may have waited.
func (r *recorder) noteWait(call int64, arrives, ends string, item byte) {
	r.note(call,
		queueOp{kind: arrives, waits: true, client: r.client, item: item},
		queueOp{kind: ends, waits: true, client: r.client, item: item})
}
