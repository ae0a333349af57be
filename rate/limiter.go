package rate

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/penstock-go/penstock"
)

// A Limiter keeps one or several rates, which it takes together or not at all.
// Most callers want Wait; Acquire is for a cost that is only estimated; Allow
// and At never block.
//
// A Limiter is made by New; the zero Limiter is not ready for use and panics. It
// must not be copied, and is safe for concurrent use. It owns no goroutine, so one
// in which nobody waits can simply be dropped. It is a [penstock.Limiter], and a
// [penstock.Member]: penstock.All waits for it without holding any other limit.
//
// A demand is an int of 0 or more. Of each rate it takes that many units, or one
// if the rate counts Requests. A demand that takes nothing (0, and no rate
// counts Requests) is had at once.
type Limiter struct {
	// word is the whole state of a single budget: its instant (see take), in
	// ticks, shifted left by one. The lowest bit says that the state belongs
	// to the holder of state.mu, or that somebody waits, or that there are
	// several budgets: then everyone goes by way of lock.
	word  atomic.Int64
	gen   atomic.Pointer[generation]
	state atomic.Pointer[state] // made when first needed
	// first is what gen points at until SetRate.
	first generation
}

// busy is the lowest bit of a Limiter's word.
const busy = 1

var _ penstock.Member = (*Limiter)(nil)

// A plan is the unchanging part of one or more Limiters.
type plan struct {
	epoch   time.Time // instant 0; a reading of the monotonic clock
	single  budget    // budgets[0], without the indirection
	budgets []budget
	rates   List
}

// A generation is a plan with its place in the history of one Limiter, by which
// a Permit of an older plan finds what its instants have become.
type generation struct {
	*plan
	next    *generation // the plan that replaced this one; under state.mu
	changed int64       // when it did
}

// New returns a Limiter that keeps all of rates, with nothing taken yet: what
// may be had at once is a Burst, or one demand. The error is an [*InvalidError]
// if a rate is not valid or none is given.
func New(rates ...Rate) (*Limiter, error) {
	p, err := newPlan(time.Now(), rates)
	if err != nil {
		return nil, err
	}
	return p.limiter(), nil
}

// Fresh returns a new Limiter of the rates that l has now, with nothing taken
// and nobody waiting. It shares their description with l, so that each of many
// Limiters of one rate, say one for each key, costs 48 bytes until somebody has to
// wait in it.
func (l *Limiter) Fresh() *Limiter {
	return l.gen.Load().plan.limiter()
}

func newPlan(epoch time.Time, rates List) (*plan, error) {
	if err := rates.validate(); err != nil {
		return nil, err
	}
	p := &plan{epoch: epoch, rates: slices.Clone(rates), budgets: make([]budget, len(rates))}
	for i, r := range rates {
		p.budgets[i] = newBudget(r)
	}
	p.single = p.budgets[0]
	return p, nil
}

func (p *plan) limiter() *Limiter {
	l := &Limiter{}
	l.first.plan = p
	l.gen.Store(&l.first)
	l.word.Store(-latest << 1)
	if len(p.budgets) > 1 {
		l.word.Store(busy)
	}
	return l
}

// now returns the instant that is now, by the monotonic clock.
func (p *plan) now() int64 { return int64(time.Since(p.epoch)) << tickBits }

// fits reports whether all budgets could give cost after some wait.
func (p *plan) fits(cost int) bool {
	for i := range p.budgets {
		if !p.budgets[i].fits(cost) {
			return false
		}
	}
	return true
}

// refuse returns why cost could not be had after any wait, if so.
func (p *plan) refuse(cost int) error {
	if cost < 0 {
		return fmt.Errorf("rate: a cost of %d: %w", cost, penstock.ErrNegativeWeight)
	}
	if !p.fits(cost) {
		return fmt.Errorf("rate: a cost of %d at %v: %w", cost, p.rates, penstock.ErrOverLimit)
	}
	return nil
}

// free reports whether cost takes nothing from any budget.
func (p *plan) free(cost int) bool {
	if cost != 0 {
		return false
	}
	for i := range p.budgets {
		if p.budgets[i].requests {
			return false
		}
	}
	return true
}

// Rates returns the rates that l keeps now. The caller may change the list.
func (l *Limiter) Rates() List { return slices.Clone(l.gen.Load().rates) }

// Wait waits, first come, first served, until cost can be had of all rates, and
// takes it. It returns nil when it has; else it has taken nothing, and returns
//   - an error that wraps context.Cause(ctx) when ctx ends first, also when it
//     had ended before the call;
//   - a [*DeadlineError], which is context.DeadlineExceeded, at once if the wait
//     could only end at or after ctx's deadline;
//   - an error that is [penstock.ErrOverLimit], at once or when SetRate makes it
//     so, if cost is more than a Burst or takes more than MaxDebt to come back;
//   - an error that is [penstock.ErrNegativeWeight], if cost is below zero.
func (l *Limiter) Wait(ctx context.Context, cost int) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if l.try(l.gen.Load().now(), cost, nil) <= 0 {
		return nil
	}
	_, err := l.wait(ctx, cost)
	return err
}

// Allow takes cost of all rates if it can be had now and nobody waits, and
// reports whether it did. It never blocks. A cost below zero is never had.
func (l *Limiter) Allow(cost int) bool {
	return l.try(l.gen.Load().now(), cost, nil) <= 0
}

// At is Allow for a scheduler that has its own clock reading: it takes cost at
// now, which is a reading of time.Now, if it can be had then and nobody waits.
// If not, it changes nothing and returns how long after now it could be had, once
// those who wait already have been served and if nobody else comes; Never if no
// wait is long enough. It never blocks.
func (l *Limiter) At(now time.Time, cost int) (wait time.Duration, ok bool) {
	t := l.try(ticks(now.Sub(l.gen.Load().epoch)), cost, nil)
	switch {
	case t <= 0:
		return 0, true
	case t >= horizon:
		return Never, false
	}
	return nanos(t), false
}

// try takes cost at now and returns 0 or less, with what a Permit needs to know
// in g if that is not nil; or takes nothing and returns how long until it could,
// or horizon for never.
func (l *Limiter) try(now int64, cost int, g *grant) (wait int64) {
	for cost > 0 {
		w := l.word.Load()
		if w&busy != 0 {
			break
		}
		// The word was read before the plan: SetRate changes both, so a
		// plan that is out of date fails the swap.
		gen := l.gen.Load()
		b := &gen.single
		if !b.fits(cost) {
			return horizon
		}
		end, wait := b.take(w>>1, now, b.charge(cost))
		if wait > 0 {
			return wait
		}
		if l.word.CompareAndSwap(w, end<<1) {
			if g != nil {
				g.gen, g.end = gen, end
			}
			return 0
		}
	}
	return l.trySlow(now, cost, g)
}
