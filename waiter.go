package penstock

import (
	"context"
	"sync/atomic"
	"time"
)

// tickets numbers those who wait in an All in order of arrival: one who waits for
// several limits keeps its place when it moves between their lines. One who
// waits for a single semaphore never moves, and so takes no number but the last
// one given: it came after that one and before the next.
var tickets atomic.Uint64

// A waiter is one who waits. All but ready, and next in the pool, is guarded
// by the lock of the list in which it stands.
type waiter struct {
	prev, next *waiter
	ticket     uint64
	n          int
	// done says that it has left the list by being granted what it asked for,
	// or, where err is set, by being refused.
	done   bool
	err    error
	permit Permit // of one who waited in an All, once granted
	line   Line   // in which one who waited in an All stood last, once granted
	stand  *Waiter
	since  time.Duration // as of now()
	ready  chan struct{} // gets one value once done is set
}

// await blocks until w is done or ctx has ended, and reports which.
func (w *waiter) await(ctx context.Context) (done bool) {
	ended := ctx.Done()
	if ended == nil {
		<-w.ready
		return true
	}
	select {
	case <-w.ready:
		return true
	case <-ended:
		return false
	}
}

// A waitlist is a list of waiters sorted by ticket.
type waitlist struct {
	head, tail *waiter
}

// insert puts w, which has a number of its own, at the place that gives.
// Newcomers have the latest and go to the end at once; one that comes from
// another line mostly has an early one, so its place is looked for from both
// ends.
func (q *waitlist) insert(w *waiter) {
	front, back := q.head, q.tail
	for back != nil && back.ticket >= w.ticket {
		if front.ticket >= w.ticket {
			back = front.prev
			break
		}
		front, back = front.next, back.prev
	}
	q.insertAfter(back, w)
}

// insertAfter puts w behind at, or first where at is nil.
func (q *waitlist) insertAfter(at, w *waiter) {
	w.prev = at
	if at == nil {
		w.next, q.head = q.head, w
	} else {
		w.next, at.next = at.next, w
	}
	if w.next == nil {
		q.tail = w
	} else {
		w.next.prev = w
	}
}

// push puts w at the end.
func (q *waitlist) push(w *waiter) { q.insertAfter(q.tail, w) }

// remove takes w out.
func (q *waitlist) remove(w *waiter) {
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}

// wake tells every waiter of the list that it is done. No lock may be held.
func (q *waitlist) wake() {
	for w := q.head; w != nil; {
		next := w.next // w is its owner's again once it is told
		w.ready <- struct{}{}
		w = next
	}
}

// A waiterPool keeps waiters for use by those who come next. Where a line is
// never empty, waiting allocates nothing.
//
// It is tempting to use a sync.Pool, or to keep the waiters for good. But a
// channel made in one synctest bubble kills the process when it is used in
// another, and a limit may be a package's variable that several tests use.
// So drop forgets all of them whenever somebody comes to an empty line.
type waiterPool struct {
	free atomic.Pointer[waiter]
}

// get returns a waiter for n units with that ticket. The lock of the
// pool's owner must be held: two calls at once could both see a waiter that
// one of them takes and brings back, and lose the rest of the list.
func (p *waiterPool) get(n int, ticket uint64) *waiter {
	w := p.free.Load()
	for w != nil && !p.free.CompareAndSwap(w, w.next) {
		w = p.free.Load()
	}
	if w == nil {
		w = &waiter{ready: make(chan struct{}, 1)}
	}
	w.prev, w.next, w.done = nil, nil, false
	w.n, w.ticket = n, ticket
	return w
}

// put brings back a waiter that is in no list and to which no wake-up is
// under way. It needs no lock.
func (p *waiterPool) put(w *waiter) {
	w.err, w.permit, w.line = nil, nil, nil
	for {
		head := p.free.Load()
		w.next = head
		if p.free.CompareAndSwap(head, w) {
			return
		}
	}
}

// drop forgets the waiters kept.
func (p *waiterPool) drop() { p.free.Store(nil) }
