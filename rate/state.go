package rate

import (
	"slices"
	"sync"
	"time"
)

// A state is what a Limiter has once a single word does not do: several
// budgets, a queue of those who wait, and the timer that wakes the first.
type state struct {
	mu    sync.Mutex
	tats  instants // valid under mu
	queue queue
	timer *time.Timer // runs when the first in the queue is due; nil until first used
	due   int64       // when timer is set for; 0 if it is not
	stats Stats       // without Waiting and Wait
}

// lock makes the state the caller's: it stops the fast path of try, and puts the
// word into tats.
func (l *Limiter) lock() *state {
	s := l.state.Load()
	if s == nil {
		s = &state{tats: make(instants, len(l.first.budgets))}
		if !l.state.CompareAndSwap(nil, s) {
			s = l.state.Load()
		}
	}
	s.mu.Lock()
	if len(s.tats) == 1 {
		s.tats[0] = l.word.Or(busy) >> 1
	}
	return s
}

// unlock gives the state back, and wakes those who were served.
func (l *Limiter) unlock(s *state, served *waiter) {
	if len(s.tats) == 1 {
		w := s.tats[0] << 1
		if s.queue.first != nil {
			w |= busy
		}
		l.word.Store(w)
	}
	s.mu.Unlock()
	for w := served; w != nil; {
		next := w.next // w is its owner's once it is woken
		w.next = nil
		close(w.ready)
		w = next
	}
}

// trySlow is try for every case.
func (l *Limiter) trySlow(now int64, cost int, g *grant) (wait int64) {
	if cost < 0 {
		return horizon
	}
	s := l.lock()
	defer l.unlock(s, nil)
	gen := l.gen.Load()
	switch {
	case !gen.fits(cost):
		return horizon
	case gen.free(cost):
	case s.queue.first != nil:
		// The first may be due already and not yet awake: this one still waits.
		return max(1, s.estimate(gen.plan, now, cost))
	default:
		if wait := s.tats.wait(gen.plan, now, cost); wait > 0 {
			return wait
		}
	}
	s.take(gen, now, cost, g)
	return 0
}

// take charges cost to all budgets at now, and notes in g, if that is not nil,
// when each will have been paid.
func (s *state) take(gen *generation, now int64, cost int, g *grant) {
	s.tats.take(gen.plan, now, cost)
	if g == nil {
		return
	}
	g.gen, g.end = gen, s.tats[0]
	if len(s.tats) > 1 {
		g.more = slices.Clone(s.tats[1:])
	}
}

// estimate returns how long after now a newcomer's cost could be had, when all
// who wait have been served on time. It takes a step for each of them.
func (s *state) estimate(p *plan, now int64, cost int) int64 {
	if s.queue.first == nil {
		return s.tats.wait(p, now, cost)
	}
	ahead, at := slices.Clone(s.tats), now
	for w := s.queue.first; w != nil && at < horizon; w = w.next {
		at += ahead.wait(p, at, w.cost)
		ahead.take(p, at, w.cost)
	}
	at += ahead.wait(p, at, cost)
	return min(at, horizon-1) - now
}
