package penstock

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
