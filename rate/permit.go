package rate

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/penstock-go/penstock"
)

// A Permit is what Acquire has taken of a Limiter. Time gives it back to the
// budgets, not Release, so a Permit that is dropped does no harm. Its methods
// may be called by several goroutines.
type Permit struct {
	limiter *Limiter
	grant   grant
	cost    int  // as settled so far; under state.mu
	undone  bool // released as Unused; under state.mu
	ended   atomic.Bool
}

// A grant is when each budget will have been paid for a demand, in ticks of the
// generation in which that was computed.
type grant struct {
	gen  *generation
	end  int64   // of the first budget
	more []int64 // of the others
}

func (g *grant) of(i int) *int64 {
	if i == 0 {
		return &g.end
	}
	return &g.more[i-1]
}

// Acquire is Wait, with the same waiting and errors, and returns a Permit by
// which the cost can be settled or given back.
func (l *Limiter) Acquire(ctx context.Context, cost int) (*Permit, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	if p := l.tryAcquire(cost); p != nil {
		return p, nil
	}
	return l.wait(ctx, cost)
}

// AcquirePermit is Acquire, for a [penstock.Limiter].
func (l *Limiter) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	p, err := l.Acquire(ctx, n)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// TryAcquirePermit is Allow, and returns what was taken as a *Permit.
func (l *Limiter) TryAcquirePermit(n int) (penstock.Permit, bool) {
	if p := l.tryAcquire(n); p != nil {
		return p, true
	}
	return nil, false
}

func (l *Limiter) tryAcquire(cost int) *Permit {
	var g grant
	if l.try(l.gen.Load().now(), cost, &g) > 0 {
		return nil
	}
	return &Permit{limiter: l, grant: g, cost: cost}
}

// Release ends the permit. The outcome [penstock.Unused] gives back what was
// taken, as far as time has not done so; every other outcome changes nothing. It
// never blocks for long, and panics with an error that is
// [penstock.ErrOverRelease] when called a second time.
func (p *Permit) Release(o penstock.Outcome) {
	if p.ended.Swap(true) {
		panic(fmt.Errorf("rate: a permit was released twice: %w", penstock.ErrOverRelease))
	}
	if o != penstock.Unused {
		return
	}
	l := p.limiter
	s := l.lock()
	p.giveBack(s, l.gen.Load().now())
	l.serve(s)
}

// Settle says what the operation has really cost, where Acquire's cost was an
// estimate: the tokens of an answer, the bytes of a body. What is over is given
// back, as far as time has not done so already; what is missing is charged, as a
// debt that those who come and those who wait now wait for. A rate that counts
// Requests is not concerned. Below zero counts as zero.
//
// It may be called again when more is known, before Release and after; but what
// was charged on top of the estimate comes back only while the estimate itself is
// still being paid for. Once the permit was released as Unused it does nothing. It
// never blocks for long.
func (p *Permit) Settle(actual int) {
	l := p.limiter
	s := l.lock()
	if !p.undone {
		p.settle(s, l.gen.Load().now(), max(actual, 0))
	}
	l.serve(s)
}

// giveBack undoes the permit. The caller holds s.
func (p *Permit) giveBack(s *state, now int64) {
	p.settle(s, now, 0)
	for i := range p.grant.gen.budgets {
		if b := &p.grant.gen.budgets[i]; b.requests {
			s.tats[i] = refund(s.tats[i], now, *p.grant.of(i), b.interval)
		}
	}
	p.undone = true
}

// settle changes the permit's cost. The caller holds s.
func (p *Permit) settle(s *state, now int64, actual int) {
	p.grant.update()
	budgets := p.grant.gen.budgets
	for i := range budgets {
		b, end := &budgets[i], p.grant.of(i)
		switch {
		case b.requests:
		case actual < p.cost:
			back := b.ticks(p.cost - actual)
			s.tats[i] = refund(s.tats[i], now, *end, back)
			*end -= back
		case actual > p.cost:
			// end stays: when some of this is given back again, only what
			// was surely not paid by then is.
			start := max(s.tats[i], now)
			s.tats[i] = min(start+b.ticks(actual-p.cost), max(start, now+maxDebt))
		}
	}
	p.cost = actual
}

// update brings g to the Limiter's present generation: each SetRate since has
// moved the instants at which things are paid for.
func (g *grant) update() {
	for ; g.gen.next != nil; g.gen = g.gen.next {
		from, to := g.gen.budgets, g.gen.next.budgets
		for i := range from {
			end := g.of(i)
			*end = rescale(*end, g.gen.changed, from[i].interval, to[i].interval)
		}
	}
}
