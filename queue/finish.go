package queue

import "context"

// TaskDone says that the caller has finished with an item that it got. Call
// it once for each: Join waits for that. Calling it more often than items
// were put returns ErrTaskDone and changes nothing.
func (q *core[T, S, P]) TaskDone() error {
	q.mu.lock()
	if q.unfinished() == 0 {
		q.mu.Unlock()
		return ErrTaskDone
	}
	q.done++
	q.noticed++
	finished := q.checkFinished()
	q.mu.Unlock()
	closeIfMade(finished)
	return nil
}

// Join waits until TaskDone was called for every item that was put, which is
// at once if none is outstanding. It returns nil as soon as that has been so
// once since the call, even if another item came right after; any number of
// goroutines may join. If ctx ends first, it returns an error that wraps
// context.Cause(ctx).
func (q *core[T, S, P]) Join(ctx context.Context) error {
	done := ctx.Done()
	if ended(done) {
		return interrupted(ctx, "join")
	}
	q.mu.lock()
	if q.unfinished() == 0 {
		q.mu.Unlock()
		return nil
	}
	if q.finished == nil {
		q.finished = make(chan struct{})
	}
	finished := q.finished
	q.mu.Unlock()
	select {
	case <-finished:
		return nil
	case <-done:
		return interrupted(ctx, "join")
	}
}

// Shutdown closes the queue to new items and lets it drain. From then on
// puts return ErrShutdown, also those that wait for room; gets take what is
// left, and then return ErrShutdown; those that wait for an item, of which
// there are none left, return it at once. Join goes on waiting for the items
// that are not done. Shutting down again has no effect.
func (q *core[T, S, P]) Shutdown() { q.shutdown(false) }

// ShutdownNow does what Shutdown does, and drops the items that are still in
// the queue. They count as done: Join waits only for items that somebody has
// taken. It may follow a Shutdown to put an end to the draining.
func (q *core[T, S, P]) ShutdownNow() { q.shutdown(true) }

func (q *core[T, S, P]) shutdown(drop bool) {
	q.mu.lock()
	q.shut = true
	q.noticed += 1 + q.n
	getters, putters := q.getters.refuse(), q.putters.refuse()
	if drop {
		P(&q.items).clear()
		q.counters.dropped += q.n
		q.n = 0
		// TaskDone may have been called for items that nobody had taken.
		q.done = min(q.done, q.got)
	}
	finished := q.checkFinished()
	q.mu.Unlock()
	getters.wake()
	putters.wake()
	closeIfMade(finished)
}

// unfinished is the number of items put for which TaskDone is still to come.
// Those that were dropped count neither as put nor as done.
func (q *core[T, S, P]) unfinished() int { return q.got + q.n - q.done }

// checkFinished returns the channel to close, once the lock is free, if
// goroutines join and nothing is unfinished.
func (q *core[T, S, P]) checkFinished() chan struct{} {
	if q.unfinished() > 0 {
		return nil
	}
	finished := q.finished
	q.finished = nil
	return finished
}

func closeIfMade(ch chan struct{}) {
	if ch != nil {
		close(ch)
	}
}
