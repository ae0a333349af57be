package queue

import "context"

// TaskDone says that the caller has finished with an item that it got. Call
// it once for each: Join waits for that. Calling it more often than items
// were put returns ErrTaskDone and changes nothing.
func (c *core[T, S, P]) TaskDone() error {
	c.mu.lock()
	if c.unfinished() == 0 {
		c.mu.Unlock()
		return ErrTaskDone
	}
	c.done++
	c.step++
	finished := c.checkFinished()
	c.mu.Unlock()
	closeIfMade(finished)
	return nil
}

// Join waits until TaskDone was called for every item that was put, which is
// at once if none is outstanding. It returns nil as soon as that has been so
// once since the call, even if another item came right after; any number of
// goroutines may join. If ctx ends first, it returns an error that wraps
// context.Cause(ctx).
func (c *core[T, S, P]) Join(ctx context.Context) error {
	done := ctx.Done()
	if ended(done) {
		return interrupted("join", ctx)
	}
	c.mu.lock()
	if c.unfinished() == 0 {
		c.mu.Unlock()
		return nil
	}
	if c.finished == nil {
		c.finished = make(chan struct{})
	}
	finished := c.finished
	c.mu.Unlock()
	select {
	case <-finished:
		return nil
	case <-done:
	}
	if ended(finished) {
		return nil // both at once: the work is done
	}
	return interrupted("join", ctx)
}

// Shutdown closes the queue to new items and lets it drain. From then on
// puts return ErrShutdown, also those that wait for room; gets take what is
// left, and then return ErrShutdown; those that wait for an item, of which
// there are none left, return it at once. Join goes on waiting for the items
// that are not done. Shutting down again has no effect.
func (c *core[T, S, P]) Shutdown() { c.shutdown(false) }

// ShutdownNow does what Shutdown does, and drops the items that are still in
// the queue. They count as done: Join waits only for items that somebody has
// taken. It may follow a Shutdown to put an end to the draining.
func (c *core[T, S, P]) ShutdownNow() { c.shutdown(true) }

func (c *core[T, S, P]) shutdown(drop bool) {
	c.mu.lock()
	c.shut = true
	c.step++
	getters, putters := c.getters.refuse(), c.putters.refuse()
	if drop {
		P(&c.items).clear()
		c.counters.dropped += c.n
		c.n = 0
		// TaskDone may have been called for items that nobody had taken.
		c.done = min(c.done, c.got)
	}
	finished := c.checkFinished()
	c.mu.Unlock()
	getters.wake()
	putters.wake()
	closeIfMade(finished)
}

// unfinished is the number of items put for which TaskDone is still to come.
// Those that were dropped count neither as put nor as done.
func (c *core[T, S, P]) unfinished() int { return c.got + c.n - c.done }

// checkFinished returns the channel to close, once the lock is free, if
// goroutines join and nothing is unfinished.
func (c *core[T, S, P]) checkFinished() chan struct{} {
	if c.unfinished() > 0 {
		return nil
	}
	finished := c.finished
	c.finished = nil
	return finished
}

func closeIfMade(ch chan struct{}) {
	if ch != nil {
		close(ch)
	}
}
