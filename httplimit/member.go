package httplimit

import (
	"context"
	"time"

	"github.com/penstock-go/penstock"
)

// A member is a host's limits, the total and rates included, as a
// penstock.Member: what penstock.All composes with limits that are not the
// Transport's own.
type member struct{ h *host }

// Line is part of penstock.Member.
func (m member) Line() penstock.Line { return line(m) }

// AcquirePermit is part of penstock.Limiter.
func (m member) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	return penstock.All(m).AcquirePermit(ctx, n)
}

// TryAcquirePermit is part of penstock.Limiter.
func (m member) TryAcquirePermit(n int) (penstock.Permit, bool) {
	return penstock.All(m).TryAcquirePermit(n)
}

// A line is the penstock.Line of a host's member. Only the composed limiter of
// the host uses it, so at most one stands in it.
type line struct{ h *host }

// Order is part of penstock.Line. It is the same for all hosts, since they
// have one lock, and no composed limiter has two hosts.
func (p line) Order() uint64 { return p.h.l.order }

// Lock is part of penstock.Line.
func (p line) Lock() { p.h.l.mu.Lock() }

// Unlock is part of penstock.Line.
func (p line) Unlock() { p.h.l.mu.Unlock() }

// Room is part of penstock.Line. Unless it is the host's turn there is none
// while other hosts wait for theirs.
func (p line) Room(_ uint64, n int) (time.Duration, error) {
	l := p.h.l
	wait, _, err := l.wait(p.h, n)
	if wait == 0 && err == nil && !p.h.turn && (l.turning > 0 || l.ready.first != nil) {
		return -1, nil
	}
	return wait, err
}

// Take is part of penstock.Line.
func (p line) Take(n int) penstock.Permit {
	g := &slot{}
	p.h.l.take(p.h, n, &g.grant)
	p.h.turn = false // the next one after the other hosts
	return g
}

// Acquired is part of penstock.Line.
func (p line) Acquired(int, time.Duration) {}

// Join is part of penstock.Line. Nobody calls serve afterwards, so it leaves h
// where serve would have.
func (p line) Join(w *penstock.Waiter) {
	place := &waiter{cost: w.Units(), stand: w}
	w.Place = place
	p.h.queue.push(place)
	wait, all, err := p.h.l.wait(p.h, place.cost)
	switch {
	case err != nil || wait == 0 || all:
		p.h.l.offer(p.h)
		if all && wait > 0 {
			p.h.l.wakeAt(time.Now().Add(wait))
		}
	case wait > 0:
		p.h.l.schedule(p.h, time.Now().Add(wait))
	}
}

// Leave is part of penstock.Line.
func (p line) Leave(w *penstock.Waiter) {
	p.h.queue.remove(w.Place.(*waiter))
	w.Place = nil
	if p.h.queue.first == nil && p.h.isReady {
		p.h.l.ready.remove(p.h)
	}
}

// Serve is part of penstock.Line.
func (p line) Serve() {
	p.h.l.mu.Lock()
	defer p.h.l.mu.Unlock()
	p.h.l.serve()
}

// A slot is a grant as a penstock.Permit, part of a composed one.
type slot struct{ grant }

// grantOf is the grant that is part of a composed permit, without its tokens.
func grantOf(p penstock.Permit) grant {
	for _, part := range p.(interface{ Unwrap() []penstock.Permit }).Unwrap() {
		if s, ok := part.(*slot); ok {
			return grant{h: s.h, number: s.number, done: s.done}
		}
		if _, ok := part.(interface{ Unwrap() []penstock.Permit }); ok {
			return grantOf(part) // the others are no Members
		}
	}
	panic("httplimit: a permit of a host without its slot")
}

// Release is part of penstock.Permit.
func (s *slot) Release(o penstock.Outcome) { s.h.l.release(&s.grant, o) }
