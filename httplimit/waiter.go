package httplimit

import (
	"github.com/penstock-go/penstock"
)

// A waiter is a request that waits in its host's queue, or stands there for
// those that wait in a composed limit.
type waiter struct {
	prev, next *waiter
	queued     bool
	cost       int
	ready      chan struct{} // closed when it was served
	err        error         // or why it never will be
	grant      *grant        // to fill in
	stand      *penstock.Waiter
}

// A waitQueue is a host's requests in order of arrival.
type waitQueue struct{ first, last *waiter }

func (q *waitQueue) push(w *waiter) {
	w.queued, w.prev, w.next = true, q.last, nil
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
}

// pushFront is for one that had its turn before.
func (q *waitQueue) pushFront(w *waiter) {
	w.queued, w.prev, w.next = true, nil, q.first
	if q.first == nil {
		q.last = w
	} else {
		q.first.prev = w
	}
	q.first = w
}

func (q *waitQueue) remove(w *waiter) {
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
	w.queued, w.prev, w.next = false, nil, nil
}

// A ring is the hosts that have a request to send and room for it, in the order
// of their turns.
type ring struct{ first, last *host }

func (r *ring) push(h *host) {
	h.isReady, h.prev, h.next = true, r.last, nil
	if r.last == nil {
		r.first = h
	} else {
		r.last.next = h
	}
	r.last = h
}

func (r *ring) remove(h *host) {
	if h.prev == nil {
		r.first = h.next
	} else {
		h.prev.next = h.next
	}
	if h.next == nil {
		r.last = h.prev
	} else {
		h.next.prev = h.prev
	}
	h.isReady, h.prev, h.next = false, nil, nil
}
