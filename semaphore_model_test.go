package penstock_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/penstock-go/penstock"
)

// A model is a semaphore as plain as it can be: no concurrency, one list.
type model struct {
	bounded   bool
	limit     int
	inUse     int
	queue     []*modelCall
	acquired  int64
	waited    int64
	cancelled int64
}

// A modelCall is one acquire: what it wants, and how the model says it stands.
type modelCall struct {
	n      int
	state  string // waits, holds, refused, gone, released
	real   *caller
	shares int // which of the shared contexts it has, -1 for one of its own
}

func (m *model) refuses(n int) bool { return m.limit > 0 && n > m.limit }

func (m *model) fits(n int) bool { return m.inUse+n <= m.limit }

func (m *model) acquire(c *modelCall) {
	switch {
	case m.refuses(c.n):
		c.state = "refused"
	case len(m.queue) == 0 && m.fits(c.n):
		c.state = "holds"
		m.inUse += c.n
		m.acquired++
	default:
		c.state = "waits"
		m.queue = append(m.queue, c)
	}
}

func (m *model) serve() {
	for len(m.queue) > 0 {
		c := m.queue[0]
		switch {
		case m.refuses(c.n):
			c.state = "refused"
		case m.fits(c.n):
			c.state = "holds"
			m.inUse += c.n
			m.acquired++
			m.waited++
		default:
			return
		}
		m.queue = m.queue[1:]
	}
}

func (m *model) cancel(calls ...*modelCall) {
	for _, c := range calls {
		c.state = "gone"
		m.cancelled++
	}
	m.queue = slices.DeleteFunc(m.queue, func(d *modelCall) bool { return d.state == "gone" })
	m.serve()
}

// release returns false for what must panic.
func (m *model) release(n int) bool {
	if n > m.inUse && m.bounded {
		return false
	}
	m.limit += max(0, n-m.inUse)
	m.inUse -= min(n, m.inUse)
	m.serve()
	return true
}

// A modelRun drives a semaphore and its model by the same random steps.
type modelRun struct {
	t     *testing.T
	r     *rand.Rand
	s     semaphore
	m     model
	calls []*modelCall // that wait or hold
	extra int          // units held that belong to no call: of TryAcquire
	j     journal

	shared [2]ending // that several calls have
}

// An ending is a context, and how to end it.
type ending struct {
	ctx context.Context
	end context.CancelCauseFunc
}

// newEnding returns an ending that has not ended.
func newEnding() (e ending) {
	e.ctx, e.end = context.WithCancelCause(context.Background())
	return e
}

// pick returns a random call in that state, or nil.
func (run *modelRun) pick(state string) *modelCall {
	var found []*modelCall
	for _, c := range run.calls {
		if c.state == state {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[run.r.IntN(len(found))]
}

// check compares every call and all counts, once all is quiet.
func (run *modelRun) check(step int, what string) {
	run.t.Helper()
	synctest.Wait()
	for _, c := range run.calls {
		var state string
		select {
		case <-c.real.done:
			switch err := c.real.err; {
			case err == nil:
				state = "holds"
			case errors.Is(err, penstock.ErrOverLimit):
				state = "refused"
			case errors.Is(err, errGone):
				state = "gone"
			}
		default:
			state = "waits"
		}
		if state != c.state {
			run.t.Fatalf("step %d, %s: an acquire of %d %s, want that it %s", step, what, c.n, state, c.state)
		}
	}
	run.calls = slices.DeleteFunc(run.calls, func(c *modelCall) bool { return c.state == "refused" || c.state == "gone" })
	got := run.s.Stats()
	want := penstock.SemaphoreStats{
		Limit: run.m.limit, InUse: run.m.inUse, Waiting: len(run.m.queue), MostInUse: got.MostInUse,
		Acquired: run.m.acquired, Waited: run.m.waited, Cancelled: run.m.cancelled,
	}
	if got != want {
		run.t.Fatalf("step %d, %s: %+v, want %+v", step, what, got, want)
	}
}

func (run *modelRun) acquire() {
	n := 1 + run.r.IntN(4)
	if run.r.IntN(8) == 0 {
		n = 1 + run.r.IntN(12)
	}
	c := &modelCall{n: n, shares: run.r.IntN(len(run.shared)+1) - 1}
	run.m.acquire(c)
	var shared context.Context
	if c.shares >= 0 {
		shared = run.shared[c.shares].ctx
	}
	c.real = callAtOnce(run.t, &run.j, "", func(ctx context.Context) error {
		if shared != nil {
			ctx = shared
		}
		if n%2 == 0 {
			_, err := run.s.AcquirePermit(ctx, n)
			return err
		}
		return run.s.Acquire(ctx, n)
	})
	run.calls = append(run.calls, c)
	synctest.Wait() // so that the next one comes later
}

func (run *modelRun) try(step int) {
	n := run.r.IntN(4)
	want := n == 0 || len(run.m.queue) == 0 && run.m.fits(n) && !run.m.refuses(n)
	if got := run.s.TryAcquire(n); got != want {
		run.t.Fatalf("step %d: TryAcquire(%d) = %v, want %v", step, n, got, want)
	}
	if want && n > 0 {
		run.m.inUse += n
		run.m.acquired++
		run.extra += n
	}
}

func (run *modelRun) cancel() {
	c := run.pick("waits")
	switch {
	case c == nil:
	case c.shares < 0:
		c.real.cancel(errGone)
		run.m.cancel(c)
	default:
		var all []*modelCall
		for _, d := range run.m.queue {
			if d.shares == c.shares {
				all = append(all, d)
			}
		}
		run.shared[c.shares].end(errGone)
		run.shared[c.shares] = newEnding()
		run.m.cancel(all...)
	}
}

func (run *modelRun) release(step int) {
	n := 0
	if c := run.pick("holds"); c != nil && run.r.IntN(4) > 0 {
		n, c.state = c.n, "released"
		run.calls = slices.DeleteFunc(run.calls, func(d *modelCall) bool { return d == c })
	} else if run.extra > 0 {
		n = 1 + run.r.IntN(run.extra)
		run.extra -= n
	} else if run.r.IntN(20) == 0 {
		n = run.m.inUse + 1 + run.r.IntN(2)
		run.overRelease(step, n)
		return
	}
	run.s.Release(n)
	run.m.release(n)
}

func (run *modelRun) overRelease(step, n int) {
	defer func() {
		err, _ := recover().(error)
		before := slices.Clone(run.calls)
		before = slices.DeleteFunc(before, func(c *modelCall) bool { return c.state != "holds" })
		ok := run.m.release(n)
		if ok != (err == nil) || !ok && !errors.Is(err, penstock.ErrOverRelease) {
			run.t.Fatalf("step %d: Release(%d) panics with %v", step, n, err)
		}
		if ok { // all that was held is given back, and more
			run.calls = slices.DeleteFunc(run.calls, func(c *modelCall) bool { return slices.Contains(before, c) })
			run.extra = 0
		}
	}()
	run.s.Release(n)
}

func isDone(c *caller) bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (run *modelRun) resize() {
	limit := run.r.IntN(12)
	if run.r.IntN(3) == 0 {
		limit = 0
	}
	set(run.t, run.s, limit)
	run.m.limit = limit
	run.m.serve()
}

// race makes room for the first in line and cancels it at the same time. Which
// of the two it sees is not determined; what comes after is.
func (run *modelRun) race() {
	if len(run.m.queue) == 0 || run.extra == 0 || run.m.queue[0].shares >= 0 {
		return
	}
	first, n := run.m.queue[0], run.extra
	run.extra = 0
	if run.r.IntN(2) == 0 {
		run.s.Release(n)
		first.real.cancel(errGone)
	} else {
		first.real.cancel(errGone)
		run.s.Release(n)
	}
	synctest.Wait()
	if !isDone(first.real) || first.real.err != nil {
		run.m.cancel(first)
	}
	run.m.release(n)
}

func TestSemaphoreModel(t *testing.T) {
	for _, bounded := range []bool{false, true} {
		name, steps := "Semaphore", 2500
		if bounded {
			name = "BoundedSemaphore"
		}
		t.Run(name, func(t *testing.T) {
			seeds(t, 6, func(t *testing.T, r *rand.Rand) {
				synctest.Test(t, func(t *testing.T) {
					run := &modelRun{t: t, r: r, s: newSemaphore(5), m: model{limit: 5, bounded: bounded}}
					if bounded {
						run.s = newBounded(5)
					}
					run.shared = [2]ending{newEnding(), newEnding()}
					defer func() {
						for _, c := range run.calls {
							c.real.cancel(errGone)
						}
						run.shared[0].end(errGone)
						run.shared[1].end(errGone)
					}()
					for step := range steps {
						var what string
						switch k := r.IntN(20); {
						case k < 8:
							what = "acquire"
							run.acquire()
						case k < 10:
							what = "try"
							run.try(step)
						case k < 12:
							what = "cancel"
							run.cancel()
						case k < 17:
							what = "release"
							run.release(step)
						case k < 18:
							what = "resize"
							run.resize()
						default:
							what = "race"
							run.race()
						}
						run.check(step, what)
					}
				})
			})
		})
	}
}
