package adaptive

import (
	"time"

	"github.com/penstock-go/penstock"
)

// A waiter stands in the queue until it is served or leaves.
type waiter struct {
	next, prev *waiter
	ticket     uint64 // its place: the queue is in the order of tickets
	n          int
	since      time.Time
	queued     bool
	permit     *Permit          // once served
	stand      *penstock.Waiter // set for one that stands here for an All
	ready      chan struct{}    // closed when served
}

// A queue is a list of waiters, first come first. The Limiter's lock guards it.
type queue struct {
	first, last *waiter
}

// insert puts w behind all whose ticket is smaller. Mostly that is the end.
func (q *queue) insert(w *waiter) {
	before := q.last
	for before != nil && before.ticket > w.ticket {
		before = before.prev
	}
	w.prev = before
	if before == nil {
		w.next, q.first = q.first, w
	} else {
		w.next, before.next = before.next, w
	}
	if w.next == nil {
		q.last = w
	} else {
		w.next.prev = w
	}
	w.queued = true
}

// remove takes w out.
func (q *queue) remove(w *waiter) {
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.next, w.prev, w.queued = nil, nil, false
}

// serve serves those who are first as far as there is room, and unlocks l.
func (l *Limiter) serve(now time.Time) {
	for {
		stand := l.pump(now)
		l.unlock()
		if stand == nil {
			return
		}
		// Its turn here, but it needs other limits too, whose locks come in an
		// order of their own. It leaves the queue or there is no more room.
		stand.Turn(line{l})
		l.mu.Lock()
		now = time.Now()
	}
}

// pump serves those who are first up to one that stands for an All, which it
// returns, and sets the timer for the first who has to wait for the gate.
func (l *Limiter) pump(now time.Time) *penstock.Waiter {
	for w := l.queue.first; w != nil; w = l.queue.first {
		if wait := l.room(now, w.n); wait != 0 {
			l.arm(now, wait)
			return nil
		}
		if w.stand != nil {
			return w.stand
		}
		l.queue.remove(w)
		w.permit = l.take(now, w.n)
		l.stats.served(now.Sub(w.since))
		l.woken = append(l.woken, w)
	}
	l.arm(now, -1)
	return nil
}

// arm sets the timer, or stops it where only a release can make room.
func (l *Limiter) arm(now time.Time, wait time.Duration) {
	if wait < 0 {
		if !l.due.IsZero() {
			l.timer.Stop()
			l.due = time.Time{}
		}
		return
	}
	due := now.Add(wait)
	if due.Equal(l.due) {
		return
	}
	l.due = due
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.wake)
		return
	}
	l.timer.Reset(wait)
}

// wake is what the timer calls.
func (l *Limiter) wake() {
	l.mu.Lock()
	l.due = time.Time{}
	l.serve(time.Now())
}

// unlock unlocks l, wakes those who were served, and reports changes.
func (l *Limiter) unlock() {
	woken := l.woken
	l.woken = nil
	report := len(l.changes.pending) > 0 && !l.reporting
	if report {
		l.reporting = true
	}
	l.mu.Unlock()
	for _, w := range woken {
		close(w.ready)
	}
	if report {
		l.report()
	}
}
