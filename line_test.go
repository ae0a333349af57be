package penstock_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
)

// A pacer is the least that a Member of another package can be: it lets one unit
// pass per interval, and nobody can wait for it but in an All.
type pacer struct {
	interval time.Duration
	order    uint64

	mu       sync.Mutex
	next     time.Time // when the next unit may pass
	standing []*penstock.Waiter
	timer    *time.Timer
	passed   []time.Time
	turns    int
}

func newPacer(interval time.Duration) *pacer {
	return &pacer{interval: interval, order: penstock.NewOrder()}
}

func (p *pacer) AcquirePermit(context.Context, int) (penstock.Permit, error) {
	return nil, errors.New("not without All")
}
func (p *pacer) TryAcquirePermit(int) (penstock.Permit, bool) { return nil, false }
func (p *pacer) Line() penstock.Line                          { return p }
func (p *pacer) Order() uint64                                { return p.order }
func (p *pacer) Lock()                                        { p.mu.Lock() }
func (p *pacer) Unlock()                                      { p.mu.Unlock() }
func (p *pacer) Acquired(int, time.Duration)                  {}

func (p *pacer) Room(ticket uint64, n int) (time.Duration, error) {
	if len(p.standing) > 0 && p.standing[0].Ticket() < ticket {
		return -1, nil
	}
	return max(0, time.Until(p.next)), nil
}

func (p *pacer) Take(n int) penstock.Permit {
	p.passed = append(p.passed, time.Now())
	p.next = time.Now().Add(time.Duration(n) * p.interval)
	return &pacerPermit{p, n}
}

func (p *pacer) Join(w *penstock.Waiter) {
	i, _ := slices.BinarySearchFunc(p.standing, w, func(a, b *penstock.Waiter) int { return int(a.Ticket()) - int(b.Ticket()) })
	p.standing = slices.Insert(p.standing, i, w)
	if i == 0 {
		p.arm()
	}
}

func (p *pacer) Leave(w *penstock.Waiter) {
	i := slices.Index(p.standing, w)
	p.standing = slices.Delete(p.standing, i, i+1)
}

func (p *pacer) arm() {
	if p.timer == nil {
		p.timer = time.AfterFunc(time.Until(p.next), p.Serve)
	} else {
		p.timer.Reset(time.Until(p.next))
	}
}

func (p *pacer) Serve() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.standing) > 0 {
		if time.Until(p.next) > 0 {
			p.arm()
			return
		}
		w := p.standing[0]
		p.turns++
		p.mu.Unlock()
		w.Turn(p)
		p.mu.Lock()
	}
}

type pacerPermit struct {
	p *pacer
	n int
}

func (pp *pacerPermit) Release(o penstock.Outcome) {
	if o != penstock.Unused {
		return
	}
	pp.p.mu.Lock()
	pp.p.next = pp.p.next.Add(-time.Duration(pp.n) * pp.p.interval)
	pp.p.mu.Unlock()
	pp.p.Serve()
}

// A token is taken when the operation starts, and not before: the rate holds
// where it is observed.
func TestAllRateMember(t *testing.T) {
	for _, order := range []string{"rate first", "semaphore first"} {
		synctest.Test(t, func(t *testing.T) {
			s, rate := newSemaphore(2), newPacer(time.Second)
			all := penstock.All(rate, s)
			if order == "semaphore first" {
				all = penstock.All(s, rate)
			}
			var starts []time.Duration
			var mu sync.Mutex
			var wg sync.WaitGroup
			begin := time.Now()
			for range 6 {
				wg.Go(func() {
					p, err := all.AcquirePermit(t.Context(), 1)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					starts = append(starts, time.Since(begin))
					mu.Unlock()
					time.Sleep(3500 * time.Millisecond)
					p.Release(penstock.Success)
				})
				synctest.Wait()
			}
			wg.Wait()
			var want []time.Duration
			for _, ms := range []int{0, 1000, 3500, 4500, 7000, 8000} {
				want = append(want, time.Duration(ms)*time.Millisecond)
			}
			if !slices.Equal(starts, want) {
				t.Errorf("%s: started at %v, want %v", order, starts, want)
			}
			for i, at := range rate.passed {
				if d := at.Sub(begin); d != want[i] {
					t.Errorf("%s: token %d was taken at %v, its operation began at %v", order, i, d, want[i])
				}
			}
		})
	}
}

func TestAllTwoRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fast, slow := newPacer(time.Second), newPacer(7*time.Second)
		all := penstock.All(fast, slow)
		var j journal
		var p [3]penstock.Permit
		begin := time.Now()
		call(t, &j, "0", permits(all, 1, &p[0])).ended(nil)
		one := call(t, &j, "1", permits(all, 1, &p[1]))
		two := call(t, &j, "2", permits(all, 1, &p[2]))
		<-one.done
		if d := time.Since(begin); d != 7*time.Second {
			t.Errorf("the second passed after %v, want 7s", d)
		}
		if fast.turns+slow.turns != 1 {
			t.Errorf("%d turns, want one: it waits for the slower", fast.turns+slow.turns)
		}
		two.cancel(errGone)
		two.ended(errGone)
		if len(fast.standing)+len(slow.standing) != 0 {
			t.Error("one who has gone still stands in a line")
		}
		// Given back unused, a token is there for the next.
		p[1].Release(penstock.Unused)
		two = call(t, &j, "2", permits(all, 1, &p[2]))
		two.ended(nil)
	})
}

// A granted waiter whose context has ended gives its token back as unused.
func TestAllCancelledWhileGrantedGivesTokensBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, rate := newSemaphore(1), newPacer(time.Minute)
		all := penstock.All(rate, s)
		held := takePermit(t, s, 1)
		var j journal
		var p [2]penstock.Permit
		first := call(t, &j, "first", permits(all, 1, &p[0]))
		second := call(t, &j, "second", permits(all, 1, &p[1]))
		held.Release(penstock.Success)
		first.cancel(errGone)
		first.raced(func() { p[0].Release(penstock.Unused) })
		second.ended(nil)
		counts(t, s, 1, 1, 0)
	})
}

// perKey makes a semaphore for a key when it is needed, and drops it when it is
// idle, while others may be about to use it.
type perKey struct {
	mu    sync.Mutex
	entry *keyEntry
	made  int
}

type keyEntry struct {
	penstock.Line
	s    *penstock.Semaphore
	gone bool // under the line's lock
}

func (e *keyEntry) Room(ticket uint64, n int) (time.Duration, error) {
	if e.gone {
		return 0, penstock.ErrLineGone
	}
	return e.Line.Room(ticket, n)
}

func (k *perKey) Line() penstock.Line {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.entry == nil {
		s := penstock.NewSemaphore(1)
		k.entry = &keyEntry{Line: s.Line(), s: s}
		k.made++
	}
	return k.entry
}

// drop forgets the entry if nobody uses it or waits for it.
func (k *perKey) drop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.entry == nil {
		return
	}
	if stats := k.entry.s.Stats(); stats.InUse+stats.Waiting > 0 {
		return
	}
	k.entry.Lock()
	k.entry.gone = true
	k.entry.Unlock()
	k.entry = nil
}

func (k *perKey) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	return nil, errors.New("not without All")
}
func (k *perKey) TryAcquirePermit(n int) (penstock.Permit, bool) { return nil, false }

func TestAllLineGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, total := &perKey{}, newSemaphore(1)
		all := penstock.All(key, total)
		takePermit(t, all, 1).Release(penstock.Success)
		key.drop()
		takePermit(t, all, 1).Release(penstock.Success)
		if key.made != 2 {
			t.Errorf("%d entries were made, want 2", key.made)
		}

		// While two wait for the total, the key is idle, and is dropped.
		held := takePermit(t, total, 1)
		var j journal
		var p [3]penstock.Permit
		a := call(t, &j, "a", permits(all, 1, &p[0]))
		b := call(t, &j, "b", permits(all, 1, &p[1]))
		key.drop()
		c := call(t, &j, "c", permits(all, 1, &p[2]))
		held.Release(penstock.Success)
		a.ended(nil)
		b.waits()
		if key.made != 3 || key.entry.s.Stats().InUse != 1 {
			t.Errorf("entry %d has %+v, want a third in use", key.made, key.entry.s.Stats())
		}
		key.drop()
		p[0].Release(penstock.Success)
		b.ended(nil)
		p[1].Release(penstock.Success)
		c.ended(nil)
		p[2].Release(penstock.Success)
		key.drop()
		if key.entry != nil {
			t.Error("the key is still in use")
		}
	})
}

// Tickets and orders only grow, and are never 0.
func TestTicketsAndOrders(t *testing.T) {
	for _, next := range []func() uint64{penstock.NewTicket, penstock.NewOrder} {
		a, b := next(), next()
		if a == 0 || b <= a {
			t.Errorf("%d, %d", a, b)
		}
	}
}
