package redislimit

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock-go/penstock"
)

// A Permit is a permit of a shared limit. Its methods may be called by several
// goroutines.
type Permit struct {
	shared *shared
	id     uint64 // 0 for a permit for nothing
	n      int
	fence  Fence
	ends   string // when each rate will have been paid for it
	local  bool   // Redis does not know it
	begun  time.Time

	ctx    context.Context //nolint:containedctx // it is what Context returns
	cancel context.CancelCauseFunc

	// Under shared.mu.
	cost     int
	released bool
	undone   bool
	lost     error
}

// bind makes the permit's context one of ctx.
func (p *Permit) bind(ctx context.Context) {
	if !p.shared.counts {
		p.ctx = ctx
		return
	}
	p.shared.mu.Lock()
	defer p.shared.mu.Unlock()
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	if p.lost != nil {
		p.cancel(p.lost)
	}
}

// Context returns a context of the one that the permit was acquired with. It
// ends when the permit is released, and when it is lost: its cause is then an
// error that is [ErrLost]. That of a [Rate], which holds nothing, is the
// acquire's own.
func (p *Permit) Context() context.Context { return p.ctx }

// Fence returns the permit's fencing token, for the one who receives what is
// done under the permit to tell a late act from a present one.
func (p *Permit) Fence() Fence { return p.fence }

// Begin says that the operation begins only now, where that is not as soon as the
// permit was there: an [Adaptive] learns from how long it takes from here to
// Release. For other limits it does nothing.
func (p *Permit) Begin() {
	p.shared.mu.Lock()
	defer p.shared.mu.Unlock()
	p.begun = time.Now()
}

// Release gives the permit back. It does not wait for Redis to know. The
// outcome [penstock.Unused] also gives back what was taken of a rate, as far as
// time has not done so; other outcomes make no difference. Of a permit that was
// lost there is nothing to give back. It panics with an error that is
// [penstock.ErrOverRelease] when called a second time.
func (p *Permit) Release(o penstock.Outcome) {
	l := p.shared
	l.mu.Lock()
	if p.released {
		l.mu.Unlock()
		panic(fmt.Errorf("redislimit: a permit was released twice: %w", penstock.ErrOverRelease))
	}
	p.released = true
	cancel := p.cancel
	if p.id != 0 {
		if o == penstock.Unused && p.ends != "" {
			l.out.settles = append(l.out.settles, settle{old: p.cost, undone: true, ends: p.ends})
			p.undone = true
			l.poke()
		}
		if l.held[p.id] == p {
			l.giveBack(p, o)
		}
	}
	l.mu.Unlock()
	if cancel != nil {
		cancel(nil)
	}
}

// giveBack is Release for what is held. The caller has the lock.
func (l *shared) giveBack(p *Permit, o penstock.Outcome) {
	delete(l.held, p.id)
	l.stats.InUse -= p.n
	if l.away.is {
		l.giveBackAway(p)
		return
	}
	if p.local {
		// Redis may have learnt of it since: to tell everything is right
		// either way.
		l.sync = true
	}
	f := freed{id: p.id}
	if l.lead != nil {
		f.note = p.note(o, time.Now())
		if o == penstock.Overload {
			l.lead.refused()
		}
	}
	l.out.frees = append(l.out.frees, f)
	l.poke()
}

// Settle says what the operation has really cost, where what was acquired was
// an estimate: of rates, what is over is given back, as far as time has not
// done so already, and what is missing is charged to those who come. How many
// permits are held does not change. It may be called again when more is known,
// before Release and after. Below zero counts as zero. It does not wait for
// Redis to know.
func (p *Permit) Settle(actual int) {
	l := p.shared
	l.mu.Lock()
	defer l.mu.Unlock()
	actual = max(actual, 0)
	if p.id == 0 || p.undone || p.ends == "" || actual == p.cost {
		return
	}
	l.out.settles = append(l.out.settles, settle{old: p.cost, cost: actual, ends: p.ends})
	p.cost = actual
	l.poke()
}

// lose ends the lease of p. The caller has the lock, and calls what is returned
// without it.
func (l *shared) lose(p *Permit, err error) (cancel func()) {
	delete(l.held, p.id)
	l.out.frees = append(l.out.frees, freed{id: p.id})
	l.stats.InUse -= p.n
	l.stats.Lost++
	p.lost = err
	if p.cancel == nil {
		return func() {}
	}
	return func() { p.cancel(err) }
}
