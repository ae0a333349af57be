package penstock_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
)

var seedFlag = flag.Uint64("penstock.seed", 0, "seed of the model tests, 0 for one of the clock")

// seeds runs f with several seeds, each a subtest that is named after it.
func seeds(t *testing.T, n int, f func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	if *seedFlag != 0 {
		n = 1
	}
	for range n {
		seed := *seedFlag
		if seed == 0 {
			seed = rand.Uint64()>>1 + 1
		}
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("again with: go test -run '%s' -penstock.seed=%d .", t.Name(), seed)
				}
			})
			f(t, rand.New(rand.NewPCG(seed, 1)))
		})
	}
}

// A demand is one acquire of a composed limiter, as the test knows of it.
type demand struct {
	set     []int // members, by index
	n       int
	came    time.Time
	granted bool
}

// A composition is everything that goes on in one run of the model test.
type composition struct {
	t       *testing.T
	limits  []int
	members []penstock.Member
	line    []interface{ inUse() int }

	mu   sync.Mutex
	open map[*demand]bool
}

// check compares the members with the demands, when all is quiet: what is in
// use is exactly what granted demands account for, so that nobody who waits
// holds anything; and everyone who waits has a reason to.
func (c *composition) check() {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	used := make([]int, len(c.members))
	for d := range c.open {
		if d.granted {
			for _, i := range d.set {
				used[i] += d.n
			}
		}
	}
	for i, m := range c.line {
		if m.inUse() != used[i] || used[i] > c.limits[i] {
			c.t.Errorf("member %d: %d in use, granted demands account for %d, limit %d", i, m.inUse(), used[i], c.limits[i])
		}
	}
	for d := range c.open {
		if !d.granted && !c.mustWait(d, used) {
			c.t.Errorf("%+v waits, but all its limits have room and nobody was before it", *d)
		}
	}
}

// mustWait tells whether d lacks room, or somebody earlier waits for a limit
// that it wants.
func (c *composition) mustWait(d *demand, used []int) bool {
	for _, i := range d.set {
		if used[i]+d.n > c.limits[i] {
			return true
		}
		for e := range c.open {
			if !e.granted && e.came.Before(d.came) && slices.Contains(e.set, i) {
				return true
			}
		}
	}
	return false
}

// use acquires, holds and releases once.
func (c *composition) use(ctx context.Context, l penstock.Limiter, d *demand, hold time.Duration) {
	d.came = time.Now()
	c.mu.Lock()
	c.open[d] = true
	c.mu.Unlock()
	p, err := l.AcquirePermit(ctx, d.n)
	c.mu.Lock()
	if err != nil {
		delete(c.open, d)
		c.mu.Unlock()
		if ctx.Err() == nil {
			c.t.Errorf("%+v: %v", *d, err)
		}
		return
	}
	d.granted = true
	c.mu.Unlock()
	time.Sleep(hold)
	c.mu.Lock()
	delete(c.open, d)
	c.mu.Unlock()
	p.Release(penstock.Success)
}

// counted is a semaphore of which the test can see what is in use.
type counted struct{ semaphore }

func (s counted) inUse() int { return s.Stats().InUse }

// compose draws a few members and returns a limiter of them, built in one of
// the ways in which it can be.
func compose(r *rand.Rand, members []penstock.Member) (penstock.Limiter, []int) {
	set := r.Perm(len(members))[:1+r.IntN(min(4, len(members)))]
	var limiters []penstock.Limiter
	for _, i := range set {
		limiters = append(limiters, members[i])
	}
	switch {
	case len(set) == 1:
		return limiters[0], set // directly
	case len(set) > 2 && r.IntN(2) == 0:
		return penstock.All(limiters[0], penstock.All(limiters[1:]...)), set
	case r.IntN(4) == 0:
		return penstock.All(append(limiters, limiters[0])...), set
	}
	return penstock.All(limiters...), set
}

func TestAllModel(t *testing.T) {
	seeds(t, 30, func(t *testing.T, r *rand.Rand) {
		synctest.Test(t, func(t *testing.T) {
			c := &composition{t: t, open: map[*demand]bool{}}
			for range 2 + r.IntN(5) {
				limit := 1 + r.IntN(4)
				s := counted{[]func(int) semaphore{newSemaphore, newBounded}[r.IntN(2)](limit)}
				var m penstock.Member = s.semaphore
				if r.IntN(4) == 0 {
					m = wrapped{s.semaphore}
				}
				c.limits, c.members, c.line = append(c.limits, limit), append(c.members, m), append(c.line, s)
			}
			var wg sync.WaitGroup
			for range 2 + r.IntN(6) {
				l, set := compose(r, c.members)
				least := c.limits[set[0]]
				for _, i := range set {
					least = min(least, c.limits[i])
				}
				for range 1 + r.IntN(4) {
					r := rand.New(rand.NewPCG(r.Uint64(), 2))
					wg.Go(func() {
						for range 40 {
							time.Sleep(time.Duration(r.IntN(1_000_000_000)))
							ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
							if r.IntN(3) == 0 {
								ctx, cancel = context.WithTimeout(context.Background(), time.Duration(r.IntN(2_000_000_000)))
							}
							c.use(ctx, l, &demand{set: set, n: 1 + r.IntN(least)}, time.Duration(r.IntN(2_000_000_000)))
							cancel()
						}
					})
				}
			}
			var done atomic.Bool
			go func() { wg.Wait(); done.Store(true) }()
			for !done.Load() && !t.Failed() {
				time.Sleep(time.Duration(50_000_000 + r.IntN(50_000_000)))
				c.check()
			}
			wg.Wait()
			c.check()
		})
	})
}

// wrapped is a limiter built on a semaphore, the way the packages below do it.
type wrapped struct{ s semaphore }

func (w wrapped) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	p, err := w.s.AcquirePermit(ctx, n)
	if err != nil {
		return nil, err
	}
	return &wrappedPermit{p}, nil
}

func (w wrapped) TryAcquirePermit(n int) (penstock.Permit, bool) {
	p, ok := w.s.TryAcquirePermit(n)
	if !ok {
		return nil, false
	}
	return &wrappedPermit{p}, true
}

func (w wrapped) Line() penstock.Line { return wrappedLine{w.s.Line()} }

type wrappedLine struct{ penstock.Line }

func (l wrappedLine) Take(n int) penstock.Permit { return &wrappedPermit{l.Line.Take(n)} }

type wrappedPermit struct{ p penstock.Permit }

func (p *wrappedPermit) Release(o penstock.Outcome) {
	p.p.Release(o)
	p.p = nil // a second Release panics
}

// slow is a Line that lets others run while it is locked, so that a wrong order
// of locking does not go unnoticed.
type slow struct{ wrappedLine }

func (l slow) Lock() {
	l.wrappedLine.Lock()
	runtime.Gosched()
}

type slowly struct{ wrapped }

func (s slowly) Line() penstock.Line { return slow{wrappedLine{s.s.Line()}} }

// Real concurrency: no limit is ever exceeded, everyone finishes, in whatever
// order the limits are composed.
func TestAllUnderLoad(t *testing.T) {
	const rounds = 300
	members := []penstock.Member{
		penstock.NewSemaphore(2), slowly{wrapped{newBounded(3)}}, wrapped{newSemaphore(1)}, slowly{wrapped{newSemaphore(4)}},
	}
	limits := []int64{2, 3, 1, 4}
	used := make([]atomic.Int64, len(members))
	var wg sync.WaitGroup
	for i := range 12 {
		r := rand.New(rand.NewPCG(uint64(i), 3))
		set := r.Perm(len(members))[:2+i%3]
		var limiters []penstock.Limiter
		for _, m := range set {
			limiters = append(limiters, members[m])
		}
		all := penstock.All(limiters...)
		for range 3 {
			r := rand.New(rand.NewPCG(r.Uint64(), 4))
			wg.Go(func() {
				for range rounds {
					ctx, cancel := context.WithCancel(context.Background())
					if r.IntN(5) == 0 {
						go cancel()
					}
					p, err := all.AcquirePermit(ctx, 1)
					if err == nil {
						for _, m := range set {
							if now := used[m].Add(1); now > limits[m] {
								t.Errorf("member %d: %d in use of %d", m, now, limits[m])
							}
						}
						for _, m := range set {
							used[m].Add(-1)
						}
						p.Release(penstock.Success)
					}
					cancel()
				}
			})
		}
	}
	wg.Wait()
	for i, m := range members {
		if p, ok := m.TryAcquirePermit(int(limits[i])); !ok {
			t.Errorf("member %d is not free at the end", i)
		} else {
			p.Release(penstock.Success)
		}
	}
}
