package penstock

import (
	"context"
	"errors"
	"math"
	"sync"
)

// A team is what All makes of Members, and those who wait in it. They queue up
// in arrival order in the team; for the first of them, and so for all, a
// Waiter stands in the line of one limit that lacks room for it. Whoever makes
// room there gives the Waiter its turn: under the locks of all lines it takes
// all, or goes to stand in the line of another that lacks room.
//
// docs/decisions/0001-composing-limits.md argues that this neither deadlocks
// nor leaves anybody standing who could go.
//
// Locks are taken in this order: a team's mu, then its lines by Order, then
// nothing. A line is served, which takes other teams' mu, with no lock held.
type team struct {
	parts []part // all Members
	fixed bool   // no part's line ever changes

	mu    sync.Mutex
	lines *lineSet // up to date at the latest when somebody comes
	queue waitlist
	at    Line // in which stand stands, or nil
	stand Waiter
	pool  waiterPool
}

func newTeam(parts []part) *team {
	t := &team{parts: parts, fixed: true}
	t.stand.team = t
	t.stand.node.extra().stand = &t.stand
	for i := range parts {
		switch parts[i].limiter.(type) {
		case *Semaphore, *BoundedSemaphore:
		default:
			t.fixed = false
		}
	}
	return t
}

// AcquirePermit is part of Limiter.
func (t *team) AcquirePermit(ctx context.Context, n int) (Permit, error) {
	if ctx.Err() != nil {
		return nil, contextError(ctx)
	}
	if n < 0 {
		return nil, negativeWeight("acquire", n)
	}
	permit, lines, w, err := t.enter(n)
	switch {
	case err != nil:
		return nil, err
	case w == nil:
		lines.acquired(n, nil, 0)
		return permit, nil
	case !w.await(ctx):
		t.giveUp(w)
		return nil, contextError(ctx)
	}
	got, waited := *w.more, now()-w.since
	t.pool.put(w)
	switch {
	case got.err != nil:
		return nil, got.err
	case ctx.Err() != nil:
		got.permit.Release(Unused) // granted, but too late
		return nil, contextError(ctx)
	}
	got.lines.acquired(n, got.last, waited)
	return got.permit, nil
}

// TryAcquirePermit is part of Limiter.
func (t *team) TryAcquirePermit(n int) (Permit, bool) {
	if n < 0 {
		panic(negativeWeight("acquire", n))
	}
	t.mu.Lock()
	if t.queue.head != nil {
		t.mu.Unlock()
		return nil, false
	}
	lacking, err := t.lockAndLook(n)
	lines := t.lines
	var permit Permit
	if lacking == nil && err == nil {
		permit = lines.take(n)
	}
	lines.unlock()
	t.mu.Unlock()
	if permit == nil {
		return nil, false
	}
	lines.acquired(n, nil, 0)
	return permit, true
}

// enter takes n of all limits, or returns the waiter that it has put into the
// queue for it.
func (t *team) enter(n int) (Permit, *lineSet, *waiter, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	lacking, err := t.lockAndLook(n)
	defer t.lines.unlock()
	switch {
	case err != nil:
		return nil, nil, nil, err
	case t.queue.head != nil:
		return nil, nil, t.newcomer(n), nil
	case lacking == nil:
		return t.lines.take(n), t.lines, nil, nil
	}
	t.pool.drop()
	w := t.newcomer(n)
	t.standIn(lacking, w)
	return nil, nil, w, nil
}

// lockAndLook locks the lines and looks what a newcomer lacks. Where others wait
// only its error counts, and the lines may be out of date: they are asked for
// again when it is somebody's turn.
func (t *team) lockAndLook(n int) (lacking *memberLine, err error) {
	for {
		if t.queue.head == nil && (t.lines == nil || !t.fixed) {
			t.lines = linesOf(t.parts)
		}
		t.lines.lock()
		lacking, err := t.lines.look(math.MaxUint64, n)
		if !errors.Is(err, ErrLineGone) {
			return lacking, err
		}
		if t.queue.head != nil {
			return lacking, nil
		}
		t.lines.unlock()
	}
}

// newcomer puts a new waiter at the end of the queue.
func (t *team) newcomer(n int) *waiter {
	w := t.pool.get()
	w.n, w.ticket, w.since = n, tickets.Add(1), now()
	w.extra().by = anyCaller(n)
	t.queue.push(w)
	t.stand.size.Add(1)
	return w
}

// giveUp ends the wait of w, whose context has ended.
func (t *team) giveUp(w *waiter) {
	t.mu.Lock()
	if w.done {
		// In the same instant. A wake-up is under way to w, which therefore
		// cannot be used for another wait.
		permit := w.more.permit
		t.mu.Unlock()
		if permit != nil {
			permit.Release(Unused)
		}
		return
	}
	first := t.queue.head == w
	t.queue.remove(w)
	t.stand.size.Add(-1)
	t.pool.put(w)
	if !first {
		t.mu.Unlock()
		return
	}
	woken, left := t.advance() // a smaller one may fit where w did not
	t.mu.Unlock()
	woken.wake()
	if left != nil {
		left.Serve()
	}
}

// turn is what the Waiter does when there is room for it in line.
func (t *team) turn(line Line) {
	t.mu.Lock()
	woken, left := t.advance()
	t.mu.Unlock()
	woken.wake()
	// Who serves the line goes on with it, and must not be sent there again.
	if left != nil && left.Order() != line.Order() {
		left.Serve()
	}
}

// advance lets those at the head of the queue go as far as there is room for
// them, and puts the Waiter where the next lacks it. It returns those to wake
// and the line in which the Waiter stood, for the caller to serve, both once
// mu is free.
func (t *team) advance() (woken waitlist, left Line) {
	left = t.at
	t.lines.lock()
	for w := t.queue.head; w != nil; w = t.queue.head {
		if t.stand.node.ticket != w.ticket {
			t.leave() // it would stand in w's way
		}
		lacking, err := t.lines.look(w.ticket, w.n)
		if errors.Is(err, ErrLineGone) {
			t.leave()
			t.lines.unlock()
			t.lines = linesOf(t.parts)
			t.lines.lock()
			continue
		}
		if lacking != nil {
			t.standIn(lacking, w)
			break
		}
		if err == nil {
			w.more.permit, w.more.lines = t.lines.take(w.n), t.lines
		}
		w.done, w.more.err, w.more.last = true, err, left
		t.queue.remove(w)
		t.stand.size.Add(-1)
		woken.push(w)
	}
	if t.queue.head == nil {
		t.leave()
	}
	t.lines.unlock()
	return woken, left
}

// standIn puts the Waiter into the locked line l, for w.
func (t *team) standIn(l *memberLine, w *waiter) {
	if t.at != nil && t.at.Order() == l.order && t.stand.node.ticket == w.ticket {
		return
	}
	t.leave()
	t.stand.node.ticket, t.stand.node.n = w.ticket, l.cost(w.n)
	t.at = l.Line
	t.at.Join(&t.stand)
}

// leave takes the Waiter out of the locked line in which it stands, if any.
func (t *team) leave() {
	if t.at != nil {
		t.at.Leave(&t.stand)
		t.at = nil
	}
}
