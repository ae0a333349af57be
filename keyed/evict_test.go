package keyed_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/keyed"
)

// A key with a rate is dropped from the very instant at which all is paid for.
func TestIdleRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rates(t, "1/s burst 3", 0)
		for range 3 {
			l.Allow("a", 1)
		}
		time.Sleep(3*time.Second - 1)
		if n := l.DropIdle(); n != 0 {
			t.Errorf("%d dropped 1 ns before all is paid for", n)
		}
		time.Sleep(time.Nanosecond)
		if n := l.DropIdle(); n != 1 {
			t.Errorf("%d dropped when all is paid for", n)
		}
		has(t, l, 0)
	})
}

// A key is not dropped while a permit is out or somebody waits, by whatever way.
func TestBusyIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := semaphores(1, -1)
		p := take(t, l.For("a"), 1)
		total := penstock.NewSemaphore(1)
		all := penstock.All(l.For("a"), total)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, waiter := range []penstock.Limiter{l.For("a"), all} {
			wg.Go(func() {
				if _, err := waiter.AcquirePermit(ctx, 1); err == nil {
					t.Error("served")
				}
			})
		}
		synctest.Wait()
		kept := func(why string) {
			t.Helper()
			if n := l.DropIdle(); n != 0 {
				t.Errorf("dropped though %s", why)
			}
		}
		kept("a permit is out and two wait")
		// Only the second waits still, in an All; then nobody; then nothing is out.
		cancel()
		wg.Wait()
		kept("a permit is out")
		p.Release(penstock.Success)
		p = take(t, all, 1)
		kept("a permit of an All is out")
		p.Release(penstock.Success)
		for _, s := range l.Range() {
			kept("a loop is at it")
			s.Acquire(t.Context(), 1)
			defer s.Release(1)
		}
		kept("a permit was acquired past the Limiter")
	})
}

// Nothing is known of other limits, and those that can tell are asked.
func TestWhatIsIdle(t *testing.T) {
	for _, c := range []struct {
		name    string
		limiter penstock.Limiter
		idle    bool
	}{
		{"Semaphore", penstock.NewSemaphore(1), true},
		{"BoundedSemaphore", penstock.NewBoundedSemaphore(1), true},
		{"another Limiter", plain{penstock.NewSemaphore(1)}, false},
		{"All", penstock.All(penstock.NewSemaphore(1), penstock.NewSemaphore(1)), false},
		{"Idler that is", &idler{Semaphore: penstock.NewSemaphore(1), answer: func() bool { return true }}, true},
		{"Idler that is not", &idler{Semaphore: penstock.NewSemaphore(1), answer: func() bool { return false }}, false},
	} {
		l := keyed.New(func(string) penstock.Limiter { return c.limiter }, keyed.Options{})
		l.Allow("a", 1)
		if dropped := l.DropIdle() == 1; dropped != c.idle {
			t.Errorf("%s: dropped is %v", c.name, dropped)
		}
	}
}

// An idler is a semaphore that says it is idle when answer says so.
type idler struct {
	*penstock.Semaphore
	answer func() bool
}

func (i *idler) Idle(time.Time) bool { return i.answer() }

// An onlooker is a limit that looks at its Limiter while it is called.
type onlooker struct {
	*idler
	look func()
}

func (o *onlooker) Allow(int) bool                  { o.look(); return true }
func (o *onlooker) Wait(context.Context, int) error { o.look(); return nil }

func (o *onlooker) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	o.look()
	return o.Semaphore.AcquirePermit(ctx, n)
}

func (o *onlooker) TryAcquirePermit(n int) (penstock.Permit, bool) {
	o.look()
	return o.Semaphore.TryAcquirePermit(n)
}

// A key is kept from the beginning of a call to its end.
func TestCalledIsKept(t *testing.T) {
	var l *keyed.Limiter[string, *onlooker]
	looks := 0
	l = keyed.New(func(string) *onlooker {
		return &onlooker{
			&idler{Semaphore: penstock.NewSemaphore(1), answer: func() bool { return true }},
			func() {
				if looks++; l.DropIdle() != 0 || l.Stats(1).Waiting != 1 {
					t.Errorf("look %d: dropped, or %+v", looks, l.Stats(1))
				}
			},
		}
	}, keyed.Options{MaxIdle: -1})
	l.Allow("a", 1)
	if err := l.Wait(t.Context(), "a", 1); err != nil {
		t.Error(err)
	}
	take(t, l.For("a"), 1).Release(penstock.Success)
	p, err := l.AcquirePermit(t.Context(), "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	p.Release(penstock.Success)
	if n := l.DropIdle(); n != 1 || looks != 4 {
		t.Errorf("%d dropped after %d looks", n, looks)
	}
}

// A key that is used while it is looked at is kept, whatever the answer was, and
// also if nobody uses it any more by then.
func TestUsedWhileLookedAt(t *testing.T) {
	var l *keyed.Limiter[string, *idler]
	var out penstock.Permit
	for name, use := range map[string]func(){
		"for a moment":            func() { l.Allow("a", 1) },
		"a permit that stays out": func() { out, _ = l.TryAcquirePermit("a", 1) },
		"and DropIdle again":      func() { l.Allow("a", 1); l.DropIdle() },
		"by a line of an All":     func() { take(t, penstock.All(l.For("a")), 1).Release(penstock.Success) },
	} {
		out = nil
		asked := 0
		l = keyed.New(func(string) *idler {
			return &idler{Semaphore: penstock.NewSemaphore(1), answer: func() bool {
				if asked++; asked == 1 {
					use()
				}
				return true
			}}
		}, keyed.Options{})
		l.Allow("a", 1)
		if n := l.DropIdle(); n != 0 {
			t.Errorf("%s: dropped", name)
		}
		if out != nil {
			out.Release(penstock.Success)
		}
		if n := l.DropIdle(); n != 1 || asked != 2 {
			t.Errorf("%s: later %d dropped, asked %d times", name, n, asked)
		}
	}
}

// Idle keys make room for new ones.
func TestMaxIdle(t *testing.T) {
	for maxIdle, want := range map[int]int{-1: 1, 1: 1, 7: 7, 1000: 1000, 0: keyed.DefaultMaxIdle} {
		l := semaphores(1, maxIdle)
		for i := range 2*want + 100 {
			l.Allow(fmt.Sprint(i), 1)
			if l.Len() > want {
				t.Fatalf("MaxIdle %d: %d keys after %d", maxIdle, l.Len(), i+1)
			}
		}
		has(t, l, want)
		st := l.Stats(0)
		if st.Made != int64(2*want+100) || st.Dropped != st.Made-int64(want) || st.Keys != want {
			t.Errorf("MaxIdle %d: %+v", maxIdle, st)
		}
	}
}

// Where keys in use are more than MaxIdle, idle ones are still found: no more
// than one key in seven is kept for nothing.
func TestMaxIdleBesideBusyKeys(t *testing.T) {
	const busy, idle = 3500, 40_000
	l := semaphores(1, 100)
	var permits []penstock.Permit
	for i := range busy {
		permits = append(permits, take(t, l.For(fmt.Sprint("busy", i)), 1))
	}
	most := 0
	for i := range idle {
		l.Allow(fmt.Sprint("idle", i), 1)
		most = max(most, l.Len())
	}
	if most > busy*8/7+busy/25 {
		t.Errorf("%d keys, with %d in use", most, busy)
	}
	if l.Stats(0).InUse != busy {
		t.Errorf("%d permits are out, want %d", l.Stats(0).InUse, busy)
	}
	for _, p := range permits {
		p.Release(penstock.Success)
	}
	// Newcomers alone bring the number down again.
	for i := range busy {
		l.Allow(fmt.Sprint("idle again", i), 1)
	}
	has(t, l, 100)
}

// A semaphore is never over its limit, and a rate never over its promise, while
// keys are made and dropped all the time.
func TestNeverOverAcrossDrops(t *testing.T) {
	const keys, limit, rounds = 6, 2, 6_000
	sems, rate := semaphores(limit, -1), rates(t, "200/s burst 5", -1)
	total := penstock.NewSemaphore(4)
	var inUse, allowed [keys]atomic.Int64
	start := time.Now()
	var wg, dropping sync.WaitGroup
	var stop atomic.Bool
	for range 2 {
		dropping.Go(func() {
			for !stop.Load() {
				sems.DropIdle()
				rate.DropIdle()
			}
		})
	}
	use := func(k int, p penstock.Permit) {
		if n := inUse[k].Add(1); n > limit {
			t.Errorf("%d permits of key %d at once", n, k)
		}
		inUse[k].Add(-1)
		p.Release(penstock.Success)
	}
	for g := range 4 {
		wg.Go(func() {
			for i := range rounds {
				// Much at one key's rate, while the others have time to be idle.
				if k := i / 300 % keys; rate.Allow(fmt.Sprint(k), 1) {
					allowed[k].Add(1)
				}
				k := (i*7 + g) % keys
				key := fmt.Sprint(k)
				var from penstock.Limiter = sems.For(key)
				if i%3 == 0 {
					from = penstock.All(total, from)
				}
				if p, err := from.AcquirePermit(t.Context(), 1); err == nil {
					use(k, p)
				} else {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	stop.Store(true)
	dropping.Wait()
	for k := range allowed {
		if n := allowed[k].Load(); float64(n) > 5+200*elapsed.Seconds() {
			t.Errorf("key %d: %d in %v", k, n, elapsed)
		}
	}
	for name, st := range map[string]keyed.Stats[string]{"semaphores": sems.Stats(1), "rates": rate.Stats(1)} {
		t.Logf("%s: %+v", name, st)
		if st.Dropped < 1 || st.InUse+st.Waiting != 0 || len(st.Top) != 0 {
			t.Errorf("%s: %+v", name, st)
		}
	}
	if sems.DropIdle(); sems.Len() != 0 || total.Stats().InUse != 0 {
		t.Errorf("%d keys and %d of the total left", sems.Len(), total.Stats().InUse)
	}
}
