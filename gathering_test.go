package penstock_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
)

// A gauge counts how many tasks are running and how many ever were at once.
type gauge struct{ now, most, started atomic.Int64 }

func (g *gauge) enter() {
	g.started.Add(1)
	n := g.now.Add(1)
	for {
		most := g.most.Load()
		if n <= most || g.most.CompareAndSwap(most, n) {
			return
		}
	}
}

func (g *gauge) leave() { g.now.Add(-1) }

// A fakeLimiter admits a number of units, first come first served, and writes
// down how its permits came back.
type fakeLimiter struct {
	mu       sync.Mutex
	free     int
	whole    int
	waiters  []*fakeWaiter
	outcomes map[penstock.Outcome]int
	most     int
	broken   error // what every acquire says, if not nil
	// released is called with each outcome before its permit is free again.
	released func(penstock.Outcome)
	lingers  time.Duration // how long Release takes after that
}

type fakeWaiter struct {
	n     int
	ready chan struct{}
}

func newFakeLimiter(n int) *fakeLimiter {
	return &fakeLimiter{free: n, whole: n, outcomes: map[penstock.Outcome]int{}}
}

func (l *fakeLimiter) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("fake: %w", context.Cause(ctx))
	}
	if n > l.whole {
		return nil, fmt.Errorf("fake: %w", penstock.ErrOverLimit)
	}
	if p, ok := l.TryAcquirePermit(n); ok {
		return p, nil
	}
	l.mu.Lock()
	if l.broken != nil {
		l.mu.Unlock()
		return nil, l.broken
	}
	w := &fakeWaiter{n, make(chan struct{})}
	l.waiters = append(l.waiters, w)
	l.grant()
	l.mu.Unlock()
	select {
	case <-w.ready:
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		for i := range l.waiters {
			if l.waiters[i] == w {
				l.waiters = append(l.waiters[:i], l.waiters[i+1:]...)
				l.grant()
				return nil, fmt.Errorf("fake: %w", context.Cause(ctx))
			}
		}
	}
	return &fakePermit{l: l, n: n}, nil
}

func (l *fakeLimiter) TryAcquirePermit(n int) (penstock.Permit, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil || len(l.waiters) > 0 || l.free < n {
		return nil, false
	}
	l.take(n)
	return &fakePermit{l: l, n: n}, true
}

func (l *fakeLimiter) take(n int) {
	l.free -= n
	l.most = max(l.most, l.whole-l.free)
}

func (l *fakeLimiter) grant() {
	for len(l.waiters) > 0 && l.waiters[0].n <= l.free {
		l.take(l.waiters[0].n)
		close(l.waiters[0].ready)
		l.waiters = l.waiters[1:]
	}
}

// idle says whether every permit has come back, and checks that nothing waits.
func (l *fakeLimiter) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.free == l.whole && len(l.waiters) == 0
}

type fakePermit struct {
	l    *fakeLimiter
	n    int
	once atomic.Bool
}

func (p *fakePermit) Release(o penstock.Outcome) {
	if p.once.Swap(true) {
		panic("a permit was released twice")
	}
	if p.l.released != nil {
		p.l.released(o)
	}
	p.l.mu.Lock()
	p.l.free += p.n
	p.l.outcomes[o]++
	p.l.grant()
	lingers := p.l.lingers
	p.l.mu.Unlock()
	if lingers > 0 {
		time.Sleep(lingers)
	}
}

// naturals is 0, 1, 2, ... without end; pulled counts how many were asked for.
func naturals(pulled *atomic.Int64) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; ; i++ {
			pulled.Add(1)
			if !yield(i) {
				return
			}
		}
	}
}

func upTo(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// sleepFor blocks for d or until ctx ends.
func sleepFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// eachLimit runs test under a plain number and under Limiters of the same
// size, which every gathering must treat alike.
func eachLimit(t *testing.T, n int, test func(t *testing.T, limit any)) {
	t.Helper()
	t.Run("plain", func(t *testing.T) { test(t, n) })
	t.Run("limiter", func(t *testing.T) { test(t, newFakeLimiter(n)) })
}

// gather, and the rest, call the generic function with a limit that is a
// plain number or a Limiter.
func gather[In, Out any](
	ctx context.Context, limit any, in []In, f func(context.Context, In) (Out, error),
) ([]Out, error) {
	if l, ok := limit.(penstock.Limiter); ok {
		return penstock.Gather(ctx, penstock.By(l), in, f)
	}
	return penstock.Gather(ctx, limit.(int), in, f)
}

func gatherAll[In, Out any](
	ctx context.Context, limit any, in []In, f func(context.Context, In) (Out, error),
) []penstock.Result[Out] {
	if l, ok := limit.(penstock.Limiter); ok {
		return penstock.GatherAll(ctx, penstock.By(l), in, f)
	}
	return penstock.GatherAll(ctx, limit.(int), in, f)
}

func mapOf[In, Out any](
	ctx context.Context, limit any, seq iter.Seq[In], f func(context.Context, In) (Out, error),
) iter.Seq2[Out, error] {
	if l, ok := limit.(penstock.Limiter); ok {
		return penstock.Map(ctx, penstock.By(l), seq, f)
	}
	return penstock.Map(ctx, limit.(int), seq, f)
}

func asCompleted[In, Out any](
	ctx context.Context, limit any, seq iter.Seq[In], f func(context.Context, In) (Out, error),
) iter.Seq2[penstock.Completed[In, Out], error] {
	if l, ok := limit.(penstock.Limiter); ok {
		return penstock.AsCompleted(ctx, penstock.By(l), seq, f)
	}
	return penstock.AsCompleted(ctx, limit.(int), seq, f)
}

func forEach[In any](
	ctx context.Context, limit any, seq iter.Seq[In], f func(context.Context, In) error,
) error {
	if l, ok := limit.(penstock.Limiter); ok {
		return penstock.ForEach(ctx, penstock.By(l), seq, f)
	}
	return penstock.ForEach(ctx, limit.(int), seq, f)
}

func newGroup(ctx context.Context, limit any) *penstock.Group {
	if l, ok := limit.(penstock.Limiter); ok {
		return penstock.NewGroup(ctx, penstock.By(l))
	}
	return penstock.NewGroup(ctx, limit.(int))
}
