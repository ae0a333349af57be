package rate

import "github.com/penstock-go/penstock"

// A waiter stands in a queue until it is served, failed or leaves.
type waiter struct {
	next, prev *waiter
	ticket     uint64 // its place: the queue is in the order of tickets
	cost       int
	since      int64            // when it came
	queued     bool             // false once it is out of the queue
	permit     Permit           // filled in when it is served
	stand      *penstock.Waiter // set for one that stands here for an All, and has no permit
	err        error            // why it cannot be served; before ready
	ready      chan struct{}    // closed when it is out of the queue, unless it left
}

func newWaiter(l *Limiter, cost int, now int64) *waiter {
	return &waiter{
		ticket: penstock.NewTicket(),
		cost:   cost,
		since:  now,
		permit: Permit{limiter: l, cost: cost},
		ready:  make(chan struct{}),
	}
}

// A queue is a list of waiters, first come first. Its owner's lock guards it and
// them.
type queue struct {
	first, last *waiter
}

// insert puts w behind all whose ticket is not larger. Mostly that is the end,
// so it looks from there.
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
