package queue

import "context"

// putLater is the rest of a Put that has found no room.
func (q *core[T, S, P]) putLater(ctx context.Context, v T) error {
	done := ctx.Done() // the user's code, and so not called under the lock
	q.mu.lock()
	if q.shut || !q.full() { // things have changed meanwhile
		q.mu.Unlock()
		return q.Put(ctx, v)
	}
	w := q.enter(&q.putters, done)
	w.v = v
	q.counters.putsWaited++
	q.mu.Unlock()
	_, err := q.await(ctx, w, "put")
	return err
}

// getLater is the rest of a Get that has found no item.
func (q *core[T, S, P]) getLater(ctx context.Context) (T, error) {
	done := ctx.Done()
	q.mu.lock()
	if q.shut || q.n > 0 {
		q.mu.Unlock()
		return q.Get(ctx)
	}
	w := q.enter(&q.getters, done)
	q.counters.getsWaited++
	q.mu.Unlock()
	return q.await(ctx, w, "get")
}

// enter puts a new waiter at the end of l.
func (q *core[T, S, P]) enter(l *line[T], done <-chan struct{}) *waiter[T] {
	w, _ := q.spare.Get().(*waiter[T])
	if w == nil {
		w = new(waiter[T])
	}
	w.outcome, w.done = waiting, done
	w.signal.Store(running)
	l.push(w)
	return w
}

// await blocks until w is served or ctx has ended, and is the end of the call
// that waited: it returns what w was given, or the call's error.
func (q *core[T, S, P]) await(ctx context.Context, w *waiter[T], call string) (v T, err error) {
	reusable := w.park(w.done)
	if !reusable || ended(w.done) {
		// One whose outcome stands but that nobody has woken yet is about to
		// be woken, and cannot be used for another wait.
		reusable = q.depart(w) || reusable
	}
	switch w.outcome {
	case granted:
		v = w.v
	case refused:
		err = ErrShutdown
	default:
		err = interrupted(ctx, call)
	}
	if reusable {
		var none T
		w.v, w.done = none, nil
		q.spare.Put(w)
	}
	return v, err
}

// depart ends the wait of w, whose context has ended, and reports whether w
// had not been served.
//
// A grant that came just before is undone if it was the last that happened in
// the queue, and handed to the next in line: nobody can tell that it ever
// was. If anything came after it, undoing it would change the order of items
// that others have seen (a later item may be gone already), so it stands, and
// the call succeeds.
func (q *core[T, S, P]) depart(w *waiter[T]) (unserved bool) {
	q.mu.lock()
	if w.outcome == waiting {
		w.line.remove(w, departed)
	}
	unserved = w.outcome == departed
	var served *waiter[T]
	if w.outcome == granted && w.step == q.step() {
		w.outcome = departed
		served = q.undo(w)
	}
	finished := q.checkFinished()
	q.mu.Unlock()
	served.wake()
	closeIfMade(finished)
	return unserved
}

// undo takes back the last step, which granted w, and returns the one to be
// woken who is served instead.
func (q *core[T, S, P]) undo(w *waiter[T]) (served *waiter[T]) {
	// What follows moves the step to where no older grant can have been.
	if w.line == &q.getters {
		// The store was empty and still is: the item goes back to its place,
		// unless somebody waits for it.
		q.got--
		return q.accept(w.v)
	}
	P(&q.items).unpush()
	q.n--
	return q.refill()
}
