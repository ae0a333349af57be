package rate

import (
	"context"
	"time"
)

// wait waits for cost. It is the second half of Wait and Acquire.
func (l *Limiter) wait(ctx context.Context, cost int) (*Permit, error) {
	w, err := l.join(ctx, cost)
	if err != nil {
		return nil, err
	}
	select {
	case <-w.ready:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		// Also if it was served in the same instant: whoever looks at the
		// context afterwards must not find itself holding something.
		return nil, l.leave(ctx, w)
	}
	if w.err != nil {
		return nil, w.err
	}
	return &w.permit, nil
}

// join puts a waiter for cost at the end of the queue, and serves who is due,
// which may be the newcomer.
func (l *Limiter) join(ctx context.Context, cost int) (w *waiter, err error) {
	if cost < 0 {
		return nil, ErrNegativeCost
	}
	var served *waiter
	s := l.lock()
	defer func() { l.unlock(s, served) }()
	gen := l.gen.Load()
	if !gen.fits(cost) {
		return nil, overLimit(cost, gen.rates)
	}
	now := gen.now()
	if deadline, ok := ctx.Deadline(); ok {
		wait, left := nanos(s.estimate(gen.plan, now, cost)), time.Until(deadline)
		if wait > 0 && wait >= left {
			return nil, &DeadlineError{Wait: wait, Left: left}
		}
	}
	w = newWaiter(l, cost, now)
	s.queue.push(w)
	s.stats.Waits++
	served = s.pump(l, gen, now)
	return w, nil
}

// leave takes w, whose context has ended, out of the queue. If w has been served
// it gives back what it got.
func (l *Limiter) leave(ctx context.Context, w *waiter) error {
	s := l.lock()
	gen := l.gen.Load()
	now := gen.now()
	switch {
	case w.queued:
		s.queue.remove(w)
	case w.err == nil:
		w.permit.giveBack(s, now)
	}
	l.unlock(s, s.pump(l, gen, now))
	return ended(ctx)
}

// wake serves those who are due. It is what the timer calls.
func (l *Limiter) wake() {
	s := l.lock()
	s.due = 0
	gen := l.gen.Load()
	l.unlock(s, s.pump(l, gen, gen.now()))
}

// pump serves the waiters who are due, sets the timer for the first who is not,
// and returns the served, linked by next, for unlock to wake.
func (s *state) pump(l *Limiter, gen *generation, now int64) (served *waiter) {
	last := &served
	for w := s.queue.first; w != nil; w = s.queue.first {
		if !gen.fits(w.cost) {
			w.err = overLimit(w.cost, gen.rates)
		} else if wait := s.tats.wait(gen.plan, now, w.cost); wait > 0 {
			s.arm(l, now, wait)
			return served
		} else {
			s.take(gen, now, w.cost, &w.permit.grant)
			s.stats.Served++
			s.stats.WaitTime += nanos(now - w.since)
		}
		s.queue.remove(w)
		*last, last = w, &w.next
	}
	if s.due != 0 {
		s.timer.Stop()
		s.due = 0
	}
	return served
}

// arm sets the timer to run at now + wait, unless it is set for that already.
func (s *state) arm(l *Limiter, now, wait int64) {
	if s.due == now+wait {
		return
	}
	s.due = now + wait
	if s.timer == nil {
		s.timer = time.AfterFunc(nanos(wait), l.wake)
		return
	}
	s.timer.Reset(nanos(wait))
}
