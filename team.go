package penstock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
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
	mu    sync.Mutex
	parts []part // as given to All, all Members
	// locking is the parts whose lines are distinct, in the order in which
	// these are locked. fixed says that no line ever changes.
	locking []*part
	fixed   bool
	queue   waitlist
	at      Line // in which stand stands, or nil
	stand   Waiter
	pool    waiterPool
}

func newTeam(parts []part) *team {
	t := &team{parts: parts, fixed: true}
	t.stand.team = t
	t.stand.node.stand = &t.stand
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
		return nil, fmt.Errorf("penstock: acquire %d: %w", n, ErrNegativeWeight)
	}
	permit, w, err := t.enter(n)
	if w == nil {
		return permit, err
	}
	if !w.await(ctx) {
		t.giveUp(w)
		return nil, contextError(ctx)
	}
	permit, err = w.permit, w.err
	switch {
	case err != nil:
	case ctx.Err() != nil:
		permit.Release(Unused) // granted, but too late
		permit, err = nil, contextError(ctx)
	default:
		if l, ok := w.line.(interface{ Waited(time.Duration) }); ok {
			l.Waited(now() - w.since)
		}
	}
	t.pool.put(w)
	return permit, err
}

// TryAcquirePermit is part of Limiter.
func (t *team) TryAcquirePermit(n int) (Permit, bool) {
	if n < 0 {
		panic(fmt.Errorf("penstock: acquire %d: %w", n, ErrNegativeWeight))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.queue.head != nil {
		return nil, false
	}
	lacking, err := t.lockAndLook(n)
	defer t.unlockLines()
	if lacking != nil || err != nil {
		return nil, false
	}
	return t.take(n), true
}

// enter takes n of all limits, or returns the waiter that it has put into the
// queue for it.
func (t *team) enter(n int) (Permit, *waiter, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	lacking, err := t.lockAndLook(n)
	defer t.unlockLines()
	switch {
	case err != nil:
		return nil, nil, err
	case t.queue.head != nil:
		return nil, t.newcomer(n), nil
	case lacking == nil:
		return t.take(n), nil, nil
	}
	t.pool.drop()
	w := t.newcomer(n)
	t.standIn(lacking, w)
	return nil, w, nil
}

// newcomer puts a new waiter at the end of the queue.
func (t *team) newcomer(n int) *waiter {
	w := t.pool.get(n, tickets.Add(1))
	w.since = now()
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
		permit := w.permit
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
	t.lockLines()
	for w := t.queue.head; w != nil; w = t.queue.head {
		if t.stand.node.ticket != w.ticket {
			t.leave() // it would stand in w's way
		}
		lacking, err := t.look(w.ticket, w.n)
		if errors.Is(err, ErrLineGone) {
			t.leave()
			t.unlockLines()
			t.resolve()
			t.lockLines()
			continue
		}
		if lacking != nil {
			t.standIn(lacking, w)
			break
		}
		if err == nil {
			w.permit = t.take(w.n)
		}
		w.done, w.err, w.line = true, err, left
		t.queue.remove(w)
		t.stand.size.Add(-1)
		woken.push(w)
	}
	if t.queue.head == nil {
		t.leave()
	}
	t.unlockLines()
	return woken, left
}

// standIn puts the Waiter into the locked line of p, for w.
func (t *team) standIn(p *part, w *waiter) {
	if t.at != nil && t.at.Order() == p.order && t.stand.node.ticket == w.ticket {
		return
	}
	t.leave()
	t.stand.node.ticket, t.stand.node.n = w.ticket, p.cost(w.n)
	t.at = p.line
	t.at.Join(&t.stand)
}

// leave takes the Waiter out of the locked line in which it stands, if any.
func (t *team) leave() {
	if t.at != nil {
		t.at.Leave(&t.stand)
		t.at = nil
	}
}

// take takes n of all locked lines, which have room for it.
func (t *team) take(n int) Permit {
	switch len(t.locking) {
	case 0:
		return noPermit{}
	case 1:
		p := t.locking[0]
		return p.line.Take(p.cost(n))
	}
	all := &allPermit{}
	all.permits = all.few[:0]
	for i := range t.parts {
		if p := &t.parts[i]; !p.twin {
			all.permits = append(all.permits, p.line.Take(p.cost(n)))
		}
	}
	return all
}

// look returns the part that lacks room for n of one who came with that
// ticket, or nil if none does. Of several it returns one of which only a
// release can make room, where there is one, else the one that takes longest:
// so it is rare that another turns out to lack room then.
func (t *team) look(ticket uint64, n int) (lacking *part, err error) {
	var longest time.Duration
	for i := range t.parts {
		p := &t.parts[i]
		if p.twin {
			continue
		}
		room, err := p.line.Room(ticket, p.cost(n))
		if err != nil {
			return nil, err
		}
		if longest >= 0 && room != 0 && (room < 0 || room > longest) {
			lacking, longest = p, room
		}
	}
	return lacking, nil
}

// lockAndLook locks the lines and looks for a newcomer.
func (t *team) lockAndLook(n int) (lacking *part, err error) {
	for {
		if t.queue.head == nil {
			t.resolve()
		}
		t.lockLines()
		lacking, err := t.look(math.MaxUint64, n)
		if t.queue.head != nil || !errors.Is(err, ErrLineGone) {
			return lacking, err
		}
		t.unlockLines()
	}
}

// resolve asks the members for their lines. The Waiter must stand nowhere.
func (t *team) resolve() {
	if t.fixed && t.locking != nil {
		return
	}
	t.locking = t.locking[:0]
	for i := range t.parts {
		p := &t.parts[i]
		p.line, p.twin = p.member.Line(), false
		p.order = p.line.Order()
		same := func(q *part) bool { return q.order == p.order }
		switch j := slices.IndexFunc(t.locking, same); {
		case j < 0:
			t.locking = append(t.locking, p)
		case t.locking[j].perCall && !p.perCall:
			t.locking[j].twin = true // p takes at least as much
			t.locking[j] = p
		default:
			p.twin = true
		}
	}
	slices.SortFunc(t.locking, func(p, q *part) int { return cmp.Compare(p.order, q.order) })
}

func (t *team) lockLines() {
	for _, p := range t.locking {
		p.line.Lock()
	}
}

func (t *team) unlockLines() {
	for _, p := range slices.Backward(t.locking) {
		p.line.Unlock()
	}
}
