package queue

import (
	"runtime"
	"sync/atomic"
)

// A waiter is a call of Get that waits for an item, or one of Put that waits
// for room.
type waiter[T any] struct {
	// These are guarded by the lock of the queue until the waiter is woken,
	// and the waiting call's own from then on.
	prev, next *waiter[T]
	line       *line[T]
	v          T // what a putter brings, or what a getter was given
	outcome    outcome
	step       int             // the step of the queue that granted it
	done       <-chan struct{} // of the waiting call's context

	signal atomic.Uint32
	// ready is closed to wake a parked waiter. It is made for each parking:
	// waiters are used again, but a channel made in one synctest bubble kills
	// the process when it is used in another.
	ready chan struct{}
}

// An outcome is how a wait stands.
type outcome uint8

const (
	waiting  outcome = iota // in line
	granted                 // a getter has its item, a putter's item is in
	refused                 // the queue was shut down
	departed                // its context ended: out of the line, with nothing
)

// The values of waiter.signal.
const (
	running uint32 = iota // not parked yet
	parked                // needs ready to be closed
	woken                 // its outcome stands
)

// park blocks until w is woken or done is closed, and reports whether it was
// woken.
func (w *waiter[T]) park(done <-chan struct{}) bool {
	// The other side is often just about to come: letting it run costs less
	// than a select.
	runtime.Gosched()
	if w.signal.Load() == woken {
		return true
	}
	w.ready = make(chan struct{})
	if !w.signal.CompareAndSwap(running, parked) {
		return true
	}
	select {
	case <-w.ready:
		return true
	case <-done:
		return false
	}
}

// grant takes w out of its line because the given step of the queue serves it.
func (w *waiter[T]) grant(step int) {
	w.line.remove(w, granted)
	w.step = step
}

// wake wakes w, which may be nil, and all that are linked behind it. The lock
// must not be held.
func (w *waiter[T]) wake() {
	if w != nil {
		w.wakeAll()
	}
}

func (w *waiter[T]) wakeAll() {
	for w != nil {
		next := w.next // once woken, w may already serve another call
		if w.signal.Swap(woken) == parked {
			close(w.ready)
		}
		w = next
	}
}

// A line holds waiters in order of arrival.
type line[T any] struct {
	first, last *waiter[T]
	n           int
}

// next returns the waiter that is to be served next, nil if there is none. It
// takes those out whose context has ended: they will find themselves departed
// when they come to run.
func (l *line[T]) next() *waiter[T] {
	if l.first == nil {
		return nil
	}
	return l.nextLive()
}

func (l *line[T]) nextLive() *waiter[T] {
	for w := l.first; w != nil; w = l.first {
		if !ended(w.done) {
			return w
		}
		l.remove(w, departed)
	}
	return nil
}

// push puts w at the end.
func (l *line[T]) push(w *waiter[T]) {
	w.line, w.prev, w.next = l, l.last, nil
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	l.n++
}

// remove takes w out, with what has become of it.
func (l *line[T]) remove(w *waiter[T], o outcome) {
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.outcome = nil, nil, o
	l.n--
}

// refuse empties the line because the queue was shut down, and returns those
// to wake, linked.
func (l *line[T]) refuse() *waiter[T] {
	var refusals line[T]
	for w := l.next(); w != nil; w = l.next() {
		l.remove(w, refused)
		refusals.push(w)
	}
	return refusals.first
}
