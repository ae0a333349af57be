// Package limitertest is what every [penstock.Limiter] promises, as tests that
// any of them can run: those of one process, in a bubble, and those that many
// share, over a real server.
package limitertest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/penstock-go/penstock"
)

// A Fixture is a Limiter to be tested. Of its limit Room units are free, and a
// permit that is released as Unused gives its units back at once. What is not
// given back is not to be had again within the test.
type Fixture struct {
	Limiter penstock.Limiter
	Room    int // at least 3
	// Over is a demand that no wait could satisfy; 0 if there is none.
	Over int
	// Settle returns when so many callers wait, as far as the Limiter knows.
	Settle func(waiting int)
}

// A Kind is a kind of Limiter to be tested.
type Kind struct {
	// New makes a new one for a test.
	New func(t *testing.T) Fixture
	// Run runs a test, in a bubble or not.
	Run func(t *testing.T, f func(t *testing.T))
}

// Test runs all tests of a Limiter.
func Test(t *testing.T, k Kind) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, f Fixture)
	}{
		{"Full", full},
		{"EndedContext", endedContext},
		{"CauseOfAWait", causeOfAWait},
		{"NoTrace", noTrace},
		{"ArrivalOrder", arrivalOrder},
		{"LargeIsNotOvertaken", largeIsNotOvertaken},
		{"TryDoesNotOvertake", tryDoesNotOvertake},
		{"OverLimit", overLimit},
		{"GrantAndCancel", grantAndCancel},
		{"NeverOver", neverOver},
	} {
		t.Run(c.name, func(t *testing.T) {
			k.Run(t, func(t *testing.T) { c.test(t, k.New(t)) })
		})
	}
}

func (f Fixture) take(t *testing.T, n int) penstock.Permit {
	t.Helper()
	p, err := f.Limiter.AcquirePermit(t.Context(), n)
	if err != nil {
		t.Fatalf("acquire %d: %v", n, err)
	}
	return p
}

// empty reports whether not one unit is to be had.
func (f Fixture) empty() bool {
	p, ok := f.Limiter.TryAcquirePermit(1)
	if ok {
		p.Release(penstock.Unused)
	}
	return !ok
}

// come has a caller ask for n, and returns what it got, once it has.
func (f Fixture) come(ctx context.Context, n int, waiting int) <-chan got {
	c := make(chan got, 1)
	go func() {
		p, err := f.Limiter.AcquirePermit(ctx, n)
		c <- got{p, err}
	}()
	f.Settle(waiting)
	return c
}

type got struct {
	permit penstock.Permit
	err    error
}

// release gives back what a caller got, and fails the test if that is nothing.
func (g got) release(t *testing.T) {
	t.Helper()
	if g.err != nil {
		t.Fatal(g.err)
	}
	g.permit.Release(penstock.Unused)
}

func full(t *testing.T, f Fixture) {
	p := f.take(t, 1)
	q := f.take(t, f.Room-1)
	if !f.empty() {
		t.Fatalf("more than %d units are out", f.Room)
	}
	p.Release(penstock.Unused)
	if f.empty() {
		t.Fatal("what was given back is not to be had")
	}
	q.Release(penstock.Unused)
	f.take(t, f.Room).Release(penstock.Unused)
}

func endedContext(t *testing.T, f Fixture) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if p, err := f.Limiter.AcquirePermit(ctx, 1); !errors.Is(err, cause) || !errors.Is(err, context.Canceled) || p != nil {
		t.Fatalf("under a context that has ended: %v, %v", p, err)
	}
	f.take(t, f.Room).Release(penstock.Unused)
}

func causeOfAWait(t *testing.T, f Fixture) {
	p := f.take(t, f.Room)
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	c := f.come(ctx, 1, 1)
	cancel(cause)
	if g := <-c; !errors.Is(g.err, cause) || !errors.Is(g.err, context.Canceled) || g.permit != nil {
		t.Fatalf("a wait whose context ended: %v", g)
	}
	p.Release(penstock.Unused)
}

func noTrace(t *testing.T, f Fixture) {
	p := f.take(t, f.Room)
	ctx, cancel := context.WithCancel(t.Context())
	large := f.come(ctx, f.Room, 1)
	small := f.come(t.Context(), 1, 2)
	cancel()
	if g := <-large; g.err == nil {
		t.Fatal("granted though nothing was free")
	}
	p.Release(penstock.Unused)
	(<-small).release(t)
	f.take(t, f.Room).Release(penstock.Unused)
}

func arrivalOrder(t *testing.T, f Fixture) {
	p := f.take(t, f.Room)
	const callers = 10
	var mu sync.Mutex
	var order []int
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			q, err := f.Limiter.AcquirePermit(t.Context(), f.Room)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			q.Release(penstock.Unused)
		})
		f.Settle(i + 1)
	}
	p.Release(penstock.Unused)
	all.Wait()
	if !slices.IsSorted(order) || len(order) != callers {
		t.Fatalf("served in the order %v", order)
	}
}

func largeIsNotOvertaken(t *testing.T, f Fixture) {
	p, q := f.take(t, 1), f.take(t, f.Room-1)
	large := f.come(t.Context(), f.Room, 1)
	small := f.come(t.Context(), 1, 2)
	p.Release(penstock.Unused)
	f.Settle(2)
	select {
	case g := <-small:
		t.Fatalf("a small demand has overtaken a large one: %v", g)
	default:
	}
	q.Release(penstock.Unused)
	(<-large).release(t)
	(<-small).release(t)
}

func tryDoesNotOvertake(t *testing.T, f Fixture) {
	p, q := f.take(t, 1), f.take(t, f.Room-1)
	large := f.come(t.Context(), f.Room, 1)
	p.Release(penstock.Unused)
	f.Settle(1)
	if !f.empty() {
		t.Fatal("a try has overtaken one who waits")
	}
	q.Release(penstock.Unused)
	(<-large).release(t)
}

func overLimit(t *testing.T, f Fixture) {
	if f.Over == 0 {
		t.Skip("there is no demand that it refuses")
	}
	p := f.take(t, 1)
	if _, err := f.Limiter.AcquirePermit(t.Context(), f.Over); !errors.Is(err, penstock.ErrOverLimit) {
		t.Fatalf("acquire %d: %v", f.Over, err)
	}
	if _, ok := f.Limiter.TryAcquirePermit(f.Over); ok {
		t.Fatalf("try %d: had", f.Over)
	}
	p.Release(penstock.Unused)
	f.take(t, f.Room).Release(penstock.Unused)
}

// grantAndCancel cancels waiters at the moment in which they are granted.
func grantAndCancel(t *testing.T, f Fixture) {
	for range 50 {
		p := f.take(t, f.Room)
		ctx, cancel := context.WithCancel(t.Context())
		c := f.come(ctx, f.Room, 1)
		go cancel()
		p.Release(penstock.Unused)
		if g := <-c; g.err == nil {
			g.permit.Release(penstock.Unused)
		} else if !errors.Is(g.err, context.Canceled) {
			t.Fatal(g.err)
		}
		cancel()
	}
	f.take(t, f.Room).Release(penstock.Unused)
}

// neverOver has many callers take, try, give up and give back at random.
func neverOver(t *testing.T, f Fixture) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var out atomic.Int64
	use := func(p penstock.Permit, n int) {
		if o := out.Add(int64(n)); o > int64(f.Room) {
			t.Errorf("%d units are out, of %d", o, f.Room)
		}
		out.Add(-int64(n))
		p.Release(penstock.Unused)
	}
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for range 50 {
				n := 1 + r.IntN(f.Room)
				if r.IntN(4) == 0 {
					if p, ok := f.Limiter.TryAcquirePermit(n); ok {
						use(p, n)
					}
					continue
				}
				ctx, cancel := context.WithCancel(t.Context())
				if r.IntN(4) == 0 {
					go cancel()
				}
				if p, err := f.Limiter.AcquirePermit(ctx, n); err == nil {
					use(p, n)
				} else if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	all.Wait()
	f.take(t, f.Room).Release(penstock.Unused)
}
