package keyed_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/keyed"
)

// One who waits for a full host holds nothing of the total, and so no other host
// waits for it.
func TestForInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts, total := semaphores(1, -1), penstock.NewSemaphore(2)
		first := take(t, penstock.All(hosts.For("slow"), total), 1)
		var wg sync.WaitGroup
		start := time.Now()
		slow := penstock.All(total, hosts.For("slow")) // another All, in another order
		for range 3 {
			wg.Go(func() {
				p, err := slow.AcquirePermit(t.Context(), 1)
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Second)
				p.Release(penstock.Success)
			})
		}
		synctest.Wait()
		if n := total.Stats().InUse; n != 1 {
			t.Errorf("%d of the total are in use, want 1", n)
		}
		st := hosts.Stats(5)
		if len(st.Top) != 1 || st.Top[0] != (keyed.KeyStats[string]{Key: "slow", Waiting: 3, InUse: 1}) {
			t.Errorf("%+v", st.Top)
		}
		take(t, penstock.All(hosts.For("quick"), total), 1).Release(penstock.Success)
		first.Release(penstock.Success)
		wg.Wait()
		if time.Since(start) != 3*time.Second {
			t.Errorf("three took %v at a host, want 3s", time.Since(start))
		}
		hosts.DropIdle()
		has(t, hosts, 0)
	})
}

// A key that is idle while its All waits for another limit is dropped, and made
// again when it is its turn; and what it remembered until then counted.
func TestDroppedWhileAllWaitsElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts, pace, total := semaphores(1, -1), rates(t, "1/m", -1), penstock.NewSemaphore(1)
		all := penstock.All(hosts.For("a"), pace.For("a"), total)
		held := take(t, total, 1)
		var served []time.Duration
		var mu sync.Mutex
		var wg sync.WaitGroup
		start := time.Now()
		for range 2 {
			wg.Go(func() {
				p, err := all.AcquirePermit(t.Context(), 1)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				served = append(served, time.Since(start))
				mu.Unlock()
				p.Release(penstock.Success)
			})
		}
		synctest.Wait()
		if n := hosts.DropIdle() + pace.DropIdle(); n != 2 {
			t.Errorf("%d dropped, want 2", n)
		}
		time.Sleep(time.Second)
		held.Release(penstock.Success)
		synctest.Wait()
		hosts.DropIdle()
		if n := pace.DropIdle(); n != 0 {
			t.Error("a rate was dropped with a debt and a waiter")
		}
		wg.Wait()
		if len(served) != 2 || served[0] != time.Second || served[1] != 61*time.Second {
			t.Errorf("served after %v, want 1s and 1m1s", served)
		}
		if st := hosts.Stats(0); st.Made != 2+1 || st.InUse+st.Waiting != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// One whose context ends in an All leaves nothing at the key.
func TestForInAllCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts, total := semaphores(1, -1), penstock.NewSemaphore(9)
		p := take(t, hosts.For("a"), 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := penstock.All(hosts.For("a"), total).AcquirePermit(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if st := hosts.Stats(1); st.Waiting != 0 || st.InUse != 1 || total.Stats().InUse != 0 {
			t.Errorf("%+v, %+v", st, total.Stats())
		}
		p.Release(penstock.Success)
		hosts.DropIdle()
		has(t, hosts, 0)
	})
}

// For is a Member where the limits are, and where they are not All does with
// what there is.
func TestForIsMember(t *testing.T) {
	sem := func(string) *penstock.Semaphore { return penstock.NewSemaphore(1) }
	mixed := keyed.New(func(key string) penstock.Limiter {
		if strings.HasPrefix(key, "plain") {
			return plain{sem(key)}
		}
		return sem(key)
	}, keyed.Options{})
	for name, c := range map[string]struct {
		l    penstock.Limiter
		want bool
	}{
		"semaphore":              {keyed.New(sem, keyed.Options{}).For("a"), true},
		"no Member":              {keyed.New(func(k string) plain { return plain{sem(k)} }, keyed.Options{}).For("a"), false},
		"interface: semaphore":   {mixed.For("a"), true},
		"interface: no Member":   {mixed.For("plain"), false},
		"interface: when needed": {mixed.For("plain b"), false},
	} {
		_, ok := c.l.(penstock.Member)
		if ok != c.want {
			t.Errorf("%s: a Member is %v", name, ok)
		}
		total := penstock.NewSemaphore(1)
		all := penstock.All(c.l, total)
		p := take(t, all, 1)
		if _, ok := c.l.TryAcquirePermit(1); ok {
			t.Errorf("%s: its only permit was to be had twice", name)
		}
		p.Release(penstock.Success)
		take(t, c.l, 1).Release(penstock.Success)
	}
}

// The same key twice in an All is taken once.
func TestForTwiceInAll(t *testing.T) {
	hosts := semaphores(1, -1)
	take(t, penstock.All(hosts.For("a"), hosts.For("a")), 1).Release(penstock.Success)
	has(t, hosts, 1)
}

func TestMemberOnceIsMemberAlways(t *testing.T) {
	member := true
	l := keyed.New(func(string) penstock.Limiter {
		if member {
			return penstock.NewSemaphore(1)
		}
		return plain{penstock.NewSemaphore(1)}
	}, keyed.Options{})
	view := l.For("a")
	l.DropIdle()
	member = false
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
		if st := l.Stats(0); st.Waiting != 0 {
			t.Errorf("%+v", st)
		}
	}()
	view.(penstock.Member).Line()
}
