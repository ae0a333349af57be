package queue_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/penstock-go/penstock/queue"
)

// A model is a queue as a slice: the sequential text that a Queue has to
// match at every step, whatever waits and whatever is cancelled.
type model struct {
	kind       int
	maxsize    int
	items      []int
	getters    []*modelled
	putters    []*modelled
	joiners    []*modelled
	unfinished int
	shut       bool
}

// A modelled is a call and what the model expects of it.
type modelled struct {
	*call
	what string
	puts int // the item of a Put

	// What the model expects.
	over    bool
	wantV   int
	wantErr error
}

func (c *modelled) end(v int, err error) { c.wantV, c.wantErr, c.over = v, err, true }

// place adds v where it belongs.
func (m *model) place(v int) {
	at := len(m.items)
	if m.kind == 1 {
		at = 0
	}
	if m.kind == 2 {
		at = 0
		for at < len(m.items) && m.items[at]/10 <= v/10 {
			at++
		}
	}
	m.items = slices.Insert(m.items, at, v)
}

func (m *model) full() bool { return m.maxsize > 0 && len(m.items) == m.maxsize }

func (m *model) put(v int) error {
	switch {
	case m.shut:
		return queue.ErrShutdown
	case m.full():
		return queue.ErrFull
	}
	m.unfinished++
	if len(m.getters) > 0 {
		m.getters[0].end(v, nil)
		m.getters = m.getters[1:]
		return nil
	}
	m.place(v)
	return nil
}

func (m *model) get() (int, error) {
	switch {
	case len(m.items) > 0:
		v := m.items[0]
		m.items = m.items[1:]
		m.refill()
		return v, nil
	case m.shut:
		return 0, queue.ErrShutdown
	}
	return 0, queue.ErrEmpty
}

func (m *model) refill() {
	if len(m.putters) > 0 {
		p := m.putters[0]
		m.putters = m.putters[1:]
		m.unfinished++
		m.place(p.puts)
		p.end(0, nil)
	}
}

func (m *model) cancel(c *modelled) {
	same := func(o *modelled) bool { return o == c }
	m.getters = slices.DeleteFunc(m.getters, same)
	m.putters = slices.DeleteFunc(m.putters, same)
	m.joiners = slices.DeleteFunc(m.joiners, same)
	c.end(0, errBoom)
}

func (m *model) shutdown(drop bool) {
	m.shut = true
	for _, c := range slices.Concat(m.getters, m.putters) {
		c.end(0, queue.ErrShutdown)
	}
	m.getters, m.putters = nil, nil
	if drop {
		m.unfinished = max(0, m.unfinished-len(m.items))
		m.items = nil
	}
}

// settle ends the joins if nothing is unfinished.
func (m *model) settle() {
	if m.unfinished == 0 {
		for _, j := range m.joiners {
			j.end(0, nil)
		}
		m.joiners = nil
	}
}

// A run drives a queue and its model through the operations that data says.
type run struct {
	t     *testing.T
	q     anyQueue
	m     model
	calls []*modelled
	next  int // the next item's number
	log   []string
}

func drive(t *testing.T, data []byte) {
	if len(data) < 2 {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		r := &run{t: t, m: model{kind: int(data[0]) % len(kinds), maxsize: int(data[1]) % 6}}
		r.q = kinds[r.m.kind].make(r.m.maxsize)
		for _, b := range data[2:] {
			r.step(int(b)%20, int(b)/20)
			synctest.Wait()
			r.m.settle()
			r.check()
			if t.Failed() {
				t.Fatalf("%s for %d:\n%s", kinds[r.m.kind].name, r.m.maxsize, r.log)
			}
		}
	})
}

// step does operation op, on the n-th call where there are several.
func (r *run) step(op, n int) {
	m := &r.m
	waiting := slices.Concat(m.getters, m.putters, m.joiners)
	switch {
	case op < 3:
		v := r.item(n)
		r.note("TryPut(%d)", v)
		r.same(0, r.q.TryPut(v), 0, m.put(v))
	case op < 6:
		r.note("TryGet()")
		v, err := r.q.TryGet()
		wantV, want := m.get()
		r.same(v, err, wantV, want)
	case op < 9:
		r.startPut(r.item(n))
	case op < 12:
		r.startGet()
	case op < 14 && len(waiting) > 0:
		c := waiting[n%len(waiting)]
		r.note("cancel the %s", c.what)
		c.cancel(errBoom)
		m.cancel(c)
	case op == 14 && len(m.getters) > 0:
		r.cancelAsItArrives(m.getters[n%len(m.getters)], n)
	case op == 15 && len(m.putters) > 0:
		r.cancelAsRoomArrives(m.putters[n%len(m.putters)], n)
	case op < 18:
		r.note("TaskDone()")
		var want error
		if m.unfinished == 0 {
			want = queue.ErrTaskDone
		} else {
			m.unfinished--
		}
		r.same(0, r.q.TaskDone(), 0, want)
	case op == 18:
		r.note("Join")
		c := &modelled{what: "Join", call: startJoin(r.t, r.q)}
		r.calls = append(r.calls, c)
		m.joiners = append(m.joiners, c)
	case n%4 == 0: // seldom, because little happens afterwards
		r.note("ShutdownNow()")
		r.q.ShutdownNow()
		m.shutdown(true)
	case n%4 == 1:
		r.note("Shutdown()")
		r.q.Shutdown()
		m.shutdown(false)
	}
}

func (r *run) startPut(v int) {
	r.note("Put(%d)", v)
	c := &modelled{what: fmt.Sprintf("Put(%d)", v), puts: v, call: startPut(r.t, r.q, v)}
	r.calls = append(r.calls, c)
	if err := r.m.put(v); errors.Is(err, queue.ErrFull) {
		r.m.putters = append(r.m.putters, c)
	} else {
		c.end(0, err)
	}
}

func (r *run) startGet() {
	r.note("Get")
	c := &modelled{what: "Get", call: startGet(r.t, r.q)}
	r.calls = append(r.calls, c)
	if v, err := r.m.get(); errors.Is(err, queue.ErrEmpty) {
		r.m.getters = append(r.m.getters, c)
	} else {
		c.end(v, err)
	}
}

// cancelAsItArrives puts an item and cancels the getter g, in either order.
// Cancelled first, g takes nothing. Cancelled afterwards, it takes nothing
// either, unless it came to run in between, which the model cannot know.
func (r *run) cancelAsItArrives(g *modelled, n int) {
	v := r.item(n)
	if n%2 == 1 {
		r.note("cancel the Get and TryPut(%d)", v)
		g.cancel(errBoom)
		r.m.cancel(g)
		r.same(0, r.q.TryPut(v), 0, r.m.put(v))
		return
	}
	r.note("TryPut(%d) and cancel the Get", v)
	r.same(0, r.q.TryPut(v), 0, nil)
	g.cancel(errBoom)
	synctest.Wait()
	if g.err != nil || g != r.m.getters[0] {
		r.m.cancel(g)
	}
	_ = r.m.put(v)
}

// cancelAsRoomArrives takes an item and cancels the putter p, in either
// order.
func (r *run) cancelAsRoomArrives(p *modelled, n int) {
	if n%2 == 1 {
		r.note("cancel the %s and TryGet()", p.what)
		p.cancel(errBoom)
		r.m.cancel(p)
		v, err := r.q.TryGet()
		wantV, want := r.m.get()
		r.same(v, err, wantV, want)
		return
	}
	r.note("TryGet() and cancel the %s", p.what)
	v, err := r.q.TryGet()
	p.cancel(errBoom)
	synctest.Wait()
	if p.err != nil || p != r.m.putters[0] {
		r.m.cancel(p)
	}
	wantV, want := r.m.get()
	r.same(v, err, wantV, want)
}

// item is a new item with priority n.
func (r *run) item(n int) int {
	r.next++
	return n*10 + r.next%10
}

func (r *run) note(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

func (r *run) same(v int, err error, wantV int, want error) {
	r.t.Helper()
	if v != wantV || !errors.Is(err, want) {
		r.t.Errorf("%d, %v; the model says %d, %v", v, err, wantV, want)
	}
}

// check compares all that can be seen of the queue with the model.
func (r *run) check() {
	r.t.Helper()
	for _, c := range r.calls {
		if c.ended != c.over {
			r.t.Errorf("the %s has ended: %v; the model says %v", c.what, c.ended, c.over)
		} else if c.over {
			r.same(c.v, c.err, c.wantV, c.wantErr)
		}
	}
	s := r.q.Stats()
	seen := [...]int{s.Len, s.Cap, s.Getters, s.Putters, s.Unfinished, s.Put - s.Got - s.Dropped}
	m := &r.m
	want := [...]int{len(m.items), m.maxsize, len(m.getters), len(m.putters), m.unfinished, len(m.items)}
	if seen != want || s.Shutdown != m.shut {
		r.t.Errorf("%+v; the model says %+v", s, want)
	}
}

// FuzzQueue decodes operations from bytes and compares the queue with a slice
// model after each. The first two bytes are the kind and the size.
func FuzzQueue(f *testing.F) {
	f.Add([]byte{0, 1, 0, 6, 6, 14, 3, 15, 3})
	f.Add([]byte{2, 3, 9, 9, 14, 34, 54, 12})
	f.Add([]byte{1, 2, 0, 0, 6, 6, 15, 35, 18, 16, 19})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 400 {
			return
		}
		drive(t, data)
	})
}

// TestQueueMatchesTheModel is the fuzz target with long random inputs, for
// runs that do not fuzz.
func TestQueueMatchesTheModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	data := make([]byte, 300)
	for range 300 {
		for i := range data {
			data[i] = byte(r.Uint32())
			if i > 2 && data[i]%20 == 19 && r.IntN(20) > 0 {
				data[i]-- // shutting down early leaves little to see
			}
		}
		drive(t, data)
	}
}
