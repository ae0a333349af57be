package penstock_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
)

// permits acquires n of l and keeps the permit in *p.
func permits(l penstock.Limiter, n int, p *penstock.Permit) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		*p, err = l.AcquirePermit(ctx, n)
		return err
	}
}

// takePermit acquires n of l, which must succeed at once.
func takePermit(t *testing.T, l penstock.Limiter, n int) penstock.Permit {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	p, err := l.AcquirePermit(ctx, n)
	if err != nil {
		t.Fatalf("acquire %d: %v", n, err)
	}
	return p
}

func TestAllTakesAllOrNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newSemaphore(3), newBounded(2), newSemaphore(4)
		all := penstock.All(a, b, c)
		p := takePermit(t, all, 2)
		counts(t, a, 3, 2, 0)
		counts(t, b, 2, 2, 0)
		counts(t, c, 4, 2, 0)

		var j journal
		var q penstock.Permit
		waiter := call(t, &j, "waiter", permits(all, 1, &q))
		waiter.waits()
		counts(t, a, 3, 2, 0) // it waits for b, and holds nothing of a and c
		counts(t, b, 2, 2, 1)
		counts(t, c, 4, 2, 0)
		if _, ok := all.TryAcquirePermit(1); ok {
			t.Error("TryAcquirePermit took what is not there")
		}
		p.Release(penstock.Success)
		waiter.ended(nil)
		counts(t, a, 3, 1, 0)
		counts(t, b, 2, 1, 0)
		counts(t, c, 4, 1, 0)
		r, ok := all.TryAcquirePermit(1)
		if !ok {
			t.Fatal("TryAcquirePermit did not take what is there")
		}
		q.Release(penstock.Success)
		r.Release(penstock.Success)
		for _, s := range []semaphore{a, b, c} {
			counts(t, s, s.Limit(), 0, 0)
			if got := s.Stats().Acquired; got != 3 {
				t.Errorf("%d acquired, want 3: nothing is taken and given back on the way", got)
			}
		}
	})
}

// Promise 6: no host waits for another.
func TestAllFullMemberHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		total, slow, fast := newSemaphore(2), newSemaphore(1), newSemaphore(2)
		for _, order := range []string{"host first", "total first"} {
			toSlow, toFast := penstock.All(slow, total), penstock.All(fast, total)
			if order == "total first" {
				toSlow, toFast = penstock.All(total, slow), penstock.All(total, fast)
			}
			var wg sync.WaitGroup
			start := time.Now()
			run := func(l penstock.Limiter, n int, work time.Duration) (last time.Duration) {
				for range n {
					p, err := l.AcquirePermit(t.Context(), 1)
					if err != nil {
						t.Error(err)
						return 0
					}
					time.Sleep(work)
					p.Release(penstock.Success)
				}
				return time.Since(start)
			}
			for range 10 {
				wg.Go(func() { run(toSlow, 1, time.Hour) })
			}
			synctest.Wait()
			counts(t, total, 2, 1, 0)
			if d := run(toFast, 100, time.Second); d != 100*time.Second {
				t.Errorf("%s: 100 operations took %v beside a slow host, want 100s", order, d)
			}
			wg.Wait()
			if d := time.Since(start); d != 10*time.Hour {
				t.Errorf("%s: the slow host's took %v, want 10h", order, d)
			}
		}
	})
}

func TestAllServesInArrivalOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		total, a, b := newSemaphore(1), newSemaphore(1), newSemaphore(1)
		toA, toB := penstock.All(a, total), penstock.All(total, b)
		takeTotal := takePermit(t, total, 1)
		takeA := takePermit(t, a, 1)

		var j journal
		var p [5]penstock.Permit
		call(t, &j, "a0", permits(toA, 1, &p[0]))
		call(t, &j, "b1", permits(toB, 1, &p[1]))
		call(t, &j, "total2", permits(total, 1, &p[2]))
		call(t, &j, "a3", permits(toA, 1, &p[3]))
		call(t, &j, "b4", permits(toB, 1, &p[4]))
		counts(t, total, 1, 1, 3) // those for a wait there, not here
		counts(t, a, 1, 1, 2)

		takeTotal.Release(penstock.Success)
		j.expect(t, "b1") // a0 is passed by, its other limit is full
		takeA.Release(penstock.Success)
		j.expect(t, "b1")
		counts(t, a, 1, 0, 0)
		counts(t, total, 1, 1, 4) // a0 and a3 now stand here, for a0 before 2
		p[1].Release(penstock.Success)
		j.expect(t, "b1", "a0")
		p[0].Release(penstock.Success)
		j.expect(t, "b1", "a0", "total2")
		p[2].Release(penstock.Success)
		j.expect(t, "b1", "a0", "total2", "a3")
		p[3].Release(penstock.Success)
		j.expect(t, "b1", "a0", "total2", "a3", "b4")
	})
}

func TestAllNewcomersDoNotOvertake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSemaphore(2), newSemaphore(2)
		ab, ba := penstock.All(a, b), penstock.All(b, a)
		held := takePermit(t, a, 1)
		var j journal
		var p [3]penstock.Permit
		large := call(t, &j, "large", permits(ab, 2, &p[0]))
		for name, l := range map[string]penstock.Limiter{"ab": ab, "ba": ba, "a": a} {
			if _, ok := l.TryAcquirePermit(1); ok {
				t.Errorf("a newcomer of %s overtook", name)
			}
		}
		same := call(t, &j, "same", permits(ab, 1, &p[1]))
		other := call(t, &j, "other", permits(ba, 1, &p[2]))
		takePermit(t, b, 1).Release(penstock.Success) // nobody waits for b
		large.waits()
		same.waits()
		other.waits()
		held.Release(penstock.Success)
		large.ended(nil)
		same.waits()
		p[0].Release(penstock.Success)
		same.ended(nil)
		other.ended(nil)
	})
}

func TestAllCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newBounded(3), newBounded(3)
		all := penstock.All(a, b)
		var j journal
		for i := range 20 { // whether a waiter sees its grant or its end first is left to chance
			held := takePermit(t, b, 1)
			var p [4]penstock.Permit
			large := call(t, &j, "large", permits(all, 3, &p[0]))
			behind := call(t, &j, "behind", permits(all, 3, &p[1]))
			small := call(t, &j, "small", permits(all, 1, &p[2]))
			middle := call(t, &j, "middle", permits(all, 1, &p[3]))
			middle.cancel(errGone)
			middle.ended(errGone)
			counts(t, b, 3, 1, 3)
			if i%2 == 0 {
				large.cancel(errGone)
				held.Release(penstock.Success)
				large.ended(errGone)
			} else {
				held.Release(penstock.Success) // large is granted, and mostly not yet awake
				large.cancel(errGone)
				large.raced(func() { p[0].Release(penstock.Success) })
			}
			behind.ended(nil)
			small.waits()
			behind.cancel(nil)
			p[1].Release(penstock.Success)
			small.ended(nil)
			counts(t, a, 3, 1, 0)
			counts(t, b, 3, 1, 0)
			p[2].Release(penstock.Success)
		}

		// The one in front gone, smaller ones behind it fit.
		held := takePermit(t, b, 1)
		var p [3]penstock.Permit
		large := call(t, &j, "large", permits(all, 3, &p[0]))
		small := call(t, &j, "small", permits(all, 2, &p[1]))
		direct := call(t, &j, "direct", permits(b, 1, &p[2]))
		large.cancel(errGone)
		small.ended(nil)
		direct.waits()
		held.Release(penstock.Success)
		direct.ended(nil)
		counts(t, b, 3, 3, 0)
		p[1].Release(penstock.Success)
		p[2].Release(penstock.Success)

		// The next of them does not fit, but one who waits for the limit itself does.
		held = takePermit(t, b, 2)
		large = call(t, &j, "large", permits(all, 3, &p[0]))
		direct = call(t, &j, "direct", permits(b, 1, &p[2]))
		next := call(t, &j, "next", permits(all, 2, &p[1]))
		large.cancel(errGone)
		direct.ended(nil)
		next.waits()
		held.Release(penstock.Success)
		next.ended(nil)

		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errGone)
		if p, err := all.AcquirePermit(ctx, 1); !errors.Is(err, errGone) || p != nil {
			t.Errorf("under an ended context: %v, %v", p, err)
		}
	})
}

func TestAllOverLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSemaphore(5), newSemaphore(2)
		for _, all := range []penstock.Limiter{penstock.All(a, b), penstock.All(b, a)} {
			var j journal
			var p, q, none penstock.Permit
			over := func() {
				t.Helper()
				call(t, &j, "over", permits(all, 3, &none)).ended(penstock.ErrOverLimit)
			}
			over()
			held := takePermit(t, a, 5)
			over() // at once, also where it would have to wait for a first
			waiter := call(t, &j, "waiter", permits(all, 2, &q))
			over() // and while others wait
			small := call(t, &j, "small", permits(all, 1, &p))
			set(t, b, 1)
			waiter.waits()
			held.Release(penstock.Success)
			waiter.ended(penstock.ErrOverLimit)
			small.ended(nil)
			p.Release(penstock.Success)
			counts(t, a, 5, 0, 0)
			counts(t, b, 1, 0, 0)
			set(t, b, 2)
		}
	})
}

func TestAllResized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSemaphore(1), newSemaphore(0)
		all := penstock.All(a, b)
		var j journal
		var p [4]penstock.Permit
		for i := range p {
			call(t, &j, fmt.Sprint(i), permits(all, 1, &p[i]))
		}
		counts(t, a, 1, 0, 0)
		set(t, b, 2)
		j.expect(t, "0")
		counts(t, a, 1, 1, 3)
		set(t, a, 9)
		j.expect(t, "0", "1")
		counts(t, b, 2, 2, 2)
		set(t, b, 4)
		synctest.Wait()
		counts(t, a, 9, 4, 0)
		counts(t, b, 4, 4, 0)
	})
}

func TestAllOfOneTwiceAndNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newBounded(4), newBounded(4)
		twice := penstock.All(a, penstock.All(b, a), penstock.PerCall(a))
		p := takePermit(t, twice, 3)
		counts(t, a, 4, 3, 0)
		counts(t, b, 4, 3, 0)
		p.Release(penstock.Success)
		counts(t, a, 4, 0, 0)

		one := takePermit(t, penstock.All(a), 2)
		counts(t, a, 4, 2, 0)
		one.Release(penstock.Success)
		counts(t, a, 4, 0, 0)

		none := penstock.All()
		takePermit(t, none, 1_000_000).Release(penstock.Success)
		if _, ok := none.TryAcquirePermit(7); !ok {
			t.Error("All of nothing refuses")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := none.AcquirePermit(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("All of nothing under an ended context: %v", err)
		}

		for _, all := range []penstock.Limiter{penstock.All(a, b), penstock.PerCall(a), penstock.All(a, newFakeLimiter(1))} {
			if _, err := all.AcquirePermit(t.Context(), -1); !errors.Is(err, penstock.ErrNegativeWeight) {
				t.Errorf("AcquirePermit(-1): %v", err)
			}
			if err := panics(t, func() { all.TryAcquirePermit(-1) }); !errors.Is(err, penstock.ErrNegativeWeight) {
				t.Errorf("TryAcquirePermit(-1) panics with %v", err)
			}
		}
		defer func() {
			if recover() == nil {
				t.Error("All of a nil Limiter does not panic")
			}
		}()
		penstock.All(a, nil)
	})
}

func TestAllPerCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connections, tokens := newBounded(2), newBounded(1000)
		for _, all := range []penstock.Limiter{
			penstock.All(penstock.PerCall(connections), tokens),
			penstock.All(tokens, penstock.PerCall(penstock.All(connections, connections))),
			penstock.All(tokens, penstock.All(penstock.PerCall(connections)), penstock.PerCall(tokens)),
		} {
			p := takePermit(t, all, 700)
			counts(t, connections, 2, 1, 0)
			counts(t, tokens, 1000, 700, 0)
			q := takePermit(t, all, 0)
			counts(t, connections, 2, 2, 0)
			var j journal
			var r penstock.Permit
			c := call(t, &j, "c", permits(all, 300, &r))
			c.waits()
			q.Release(penstock.Success)
			c.ended(nil)
			counts(t, tokens, 1000, 1000, 0)
			p.Release(penstock.Success)
			r.Release(penstock.Success)
			counts(t, connections, 2, 0, 0)
			counts(t, tokens, 1000, 0, 0)
		}
		p := takePermit(t, penstock.PerCall(connections), 999)
		counts(t, connections, 2, 1, 0)
		q, ok := penstock.PerCall(connections).TryAcquirePermit(999)
		if !ok {
			t.Error("TryAcquirePermit refused")
		}
		p.Release(penstock.Success)
		q.Release(penstock.Success)
	})
}

// One waits for a limit in an All for as long as that limit is what holds it
// up, and its wait is the limit's that made it end.
func TestAllStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSemaphore(1), newSemaphore(1)
		all := penstock.All(a, b)
		holdA, holdB := takePermit(t, a, 1), takePermit(t, b, 1)
		var j journal
		var p penstock.Permit
		c := call(t, &j, "c", permits(all, 1, &p))
		counts(t, a, 1, 1, 1)
		counts(t, b, 1, 1, 0)
		time.Sleep(time.Second)
		holdA.Release(penstock.Success)
		c.waits()
		counts(t, a, 1, 0, 0)
		counts(t, b, 1, 1, 1)
		time.Sleep(time.Second)
		holdB.Release(penstock.Success)
		c.ended(nil)
		if got := a.Stats(); got.Waited != 0 {
			t.Errorf("a counts %d waits, want none", got.Waited)
		}
		if got := b.Stats(); got.Waited != 1 || got.LongestWait != 2*time.Second || got.TotalWait != 2*time.Second {
			t.Errorf("b counts %+v, want one wait of 2s", got)
		}
	})
}

// Limiters that offer nothing but the two methods: still never one held while
// another is waited for, and all given back.
func TestAllOfForeignLimiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, s := newFakeLimiter(1), newFakeLimiter(2), newBounded(2)
		all := penstock.All(a, s, b)
		p := takePermit(t, all, 1)
		var j journal
		var q penstock.Permit
		c := call(t, &j, "c", permits(all, 1, &q))
		c.waits()
		if a.inUse() != 1 || b.inUse() != 1 {
			t.Errorf("in use: %d and %d, want 1 and 1", a.inUse(), b.inUse())
		}
		counts(t, s, 2, 1, 0)
		if _, ok := all.TryAcquirePermit(1); ok {
			t.Error("TryAcquirePermit took what is not there")
		}
		counts(t, s, 2, 1, 0)
		p.Release(penstock.Success)
		c.ended(nil)
		if a.inUse() != 1 || b.inUse() != 1 {
			t.Errorf("in use: %d and %d, want 1 and 1", a.inUse(), b.inUse())
		}
		q.Release(penstock.Success)
		if a.inUse() != 0 || b.inUse() != 0 {
			t.Errorf("in use: %d and %d, want none", a.inUse(), b.inUse())
		}
		counts(t, s, 2, 0, 0)
		if _, err := all.AcquirePermit(t.Context(), 2); !errors.Is(err, penstock.ErrOverLimit) {
			t.Errorf("more than a allows: %v", err)
		}
		counts(t, s, 2, 0, 0)

		held := takePermit(t, b, 2)
		c = call(t, &j, "c", permits(all, 1, &q))
		counts(t, s, 2, 0, 0)
		c.cancel(errGone)
		c.ended(errGone)
		held.Release(penstock.Success)
		takePermit(t, all, 1).Release(penstock.Success)
		if a.outcomes[penstock.Success] == 0 || a.outcomes[penstock.Unused] == 0 {
			t.Errorf("outcomes %v, want some given back as unused", a.outcomes)
		}
	})
}

func (l *fakeLimiter) inUse() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.whole - l.free
}
