package rate

import (
	"context"
	"time"

	"github.com/penstock-go/penstock"
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
func (l *Limiter) join(ctx context.Context, cost int) (*waiter, error) {
	s := l.lock()
	gen := l.gen.Load()
	now := gen.now()
	if err := s.refuse(ctx, gen.plan, now, cost); err != nil {
		l.unlock(s)
		return nil, err
	}
	w := newWaiter(l, cost, now)
	s.queue.insert(w)
	s.stats.Waits++
	l.serve(s)
	return w, nil
}

// refuse returns why a wait for cost is in vain, if it is.
func (s *state) refuse(ctx context.Context, p *plan, now int64, cost int) error {
	if err := p.refuse(cost); err != nil {
		return err
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		return nil
	}
	wait, left := nanos(s.estimate(p, now, cost)), time.Until(deadline)
	if wait >= left {
		return &DeadlineError{Wait: wait, Left: left}
	}
	return nil
}

// leave takes w, whose context has ended, out of the queue. If w has been served
// it gives back what it got.
func (l *Limiter) leave(ctx context.Context, w *waiter) error {
	s := l.lock()
	switch {
	case w.queued:
		s.queue.remove(w)
	case w.err == nil:
		w.permit.giveBack(s, l.gen.Load().now())
	}
	l.serve(s)
	return ended(ctx)
}

// wake serves those who are due. It is what the timer calls.
func (l *Limiter) wake() {
	s := l.lock()
	s.due = 0 // it has run: arm it again even for the same instant
	l.serve(s)
}

// serve serves the waiters who are due, and unlocks s.
func (l *Limiter) serve(s *state) {
	for {
		gen := l.gen.Load()
		stand := s.pump(l, gen, gen.now())
		l.unlock(s)
		if stand == nil {
			return
		}
		// Its turn here, but it needs other limits too, whose locks come in an
		// order of their own. It leaves the queue or there is no more room.
		stand.Turn(s)
		l.lock()
	}
}

// pump serves the waiters who are due up to one that stands for an All, which it
// returns, and sets the timer for the first who is not due.
func (s *state) pump(l *Limiter, gen *generation, now int64) *penstock.Waiter {
	for w := s.queue.first; w != nil; w = s.queue.first {
		if !gen.fits(w.cost) {
			return w.stand // expel has left no other; its turn will find out
		}
		if wait := s.tats.wait(gen.plan, now, w.cost); wait > 0 {
			s.arm(l, now, wait)
			return nil
		}
		if w.stand != nil {
			return w.stand
		}
		s.take(gen, now, w.cost, &w.permit.grant)
		s.stats.Served++
		s.stats.TotalWait += nanos(now - w.since)
		s.dismiss(w)
	}
	if s.due != 0 {
		s.timer.Stop()
		s.due = 0
	}
	return nil
}

// expel fails the waiters whose demands gen can never give.
func (s *state) expel(gen *generation) {
	var next *waiter
	for w := s.queue.first; w != nil; w = next {
		next = w.next
		if w.stand == nil && !gen.fits(w.cost) {
			w.err = gen.refuse(w.cost)
			s.dismiss(w)
		}
	}
}

// dismiss takes w out of the queue, for unlock to wake.
func (s *state) dismiss(w *waiter) {
	s.queue.remove(w)
	if s.done == nil {
		s.last = &s.done
	}
	*s.last, s.last = w, &w.next
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
