package rate

import (
	"slices"
	"sync"
	"time"

	"github.com/penstock-go/penstock"
)

// A state is what a Limiter has once a single word does not do: several
// budgets, a queue of those who wait, and the timer that wakes the first.
//
// It is also the [penstock.Line] of the Limiter.
type state struct {
	limiter *Limiter
	order   uint64
	mu      sync.Mutex
	tats    instants // valid under mu
	queue   queue
	timer   *time.Timer // runs when the first in the queue is due; nil until first used
	due     int64       // when timer is set for; 0 if it is not
	done    *waiter     // those who have left the queue and are to be woken, linked by next
	last    **waiter    // the end of done
	stats   Stats       // without Waiting and Wait
}

// lock makes the state the caller's: it stops the fast path of try, and puts the
// word into tats.
func (l *Limiter) lock() *state {
	s := l.state.Load()
	if s == nil {
		s = &state{limiter: l, order: penstock.NewOrder(), tats: slices.Repeat(instants{-latest}, len(l.first.budgets))}
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

// unlock gives the state back, and wakes those who are done.
func (l *Limiter) unlock(s *state) {
	if len(s.tats) == 1 {
		w := s.tats[0] << 1
		if s.queue.first != nil {
			w |= busy
		}
		l.word.Store(w)
	}
	w := s.done
	s.done = nil
	s.mu.Unlock()
	for w != nil {
		next := w.next // once woken, w is its owner's
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
	defer l.unlock(s)
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
// who wait have been served on time. It takes a step for each of them. Those who
// stand here for an All do not count: they may find no room elsewhere.
func (s *state) estimate(p *plan, now int64, cost int) int64 {
	if s.queue.first == nil {
		return s.tats.wait(p, now, cost)
	}
	ahead, at := slices.Clone(s.tats), now
	for w := s.queue.first; w != nil && at < horizon; w = w.next {
		if w.stand != nil {
			continue
		}
		// They are served by a clock that has whole nanoseconds.
		at = min(at+ticks(nanos(ahead.wait(p, at, w.cost))), horizon)
		ahead.take(p, at, w.cost)
	}
	at += ahead.wait(p, at, cost)
	return min(at, horizon-1) - now
}
