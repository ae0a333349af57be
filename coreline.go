package penstock

import (
	"fmt"
	"time"
)

// lock locks c and bars the fast path. Where somebody waits it is barred
// already.
//
// The lock is held for less than a hundred nanoseconds, but a sync.Mutex parks the
// caller at once where other goroutines are ready to run, and as many are as there
// are permits. Waiting a few microseconds for it, about what sync.Mutex itself does
// where nothing else is to run, makes a queue that never empties a fifth faster.
func (c *core) lock() {
	for looks := 0; !c.mu.TryLock(); looks++ {
		if looks == 5 {
			c.mu.Lock()
			break
		}
		for range 3000 { // about a microsecond
		}
	}
	if c.line.head == nil {
		c.word.Or(barred)
	}
}

// unlock undoes lock. The path stays barred while somebody waits, or watches.
func (c *core) unlock() {
	if c.line.head == nil && c.watch.Load() == nil {
		c.word.And(^barred)
	}
	c.mu.Unlock()
}

// serve gives n units more to those who are first, as far as there is room, and
// unlocks the locked c. Then it wakes them, and those in woken.
func (c *core) serve(n int64, woken waitlist) {
	before := c.word.Load() >> freeShift
	free := before + n
	for w := c.line.head; w != nil; w = c.line.head {
		err := c.overLimit(w.n)
		if int64(w.n) > free && err == nil {
			break
		}
		if stand := w.stand(); stand != nil {
			// It needs other limits as well, whose locks come in an order of
			// their own. While it stands here nobody takes what is its turn.
			c.word.Add((free - before) << freeShift)
			c.unlockAndCall(c.elect())
			stand.Turn(c)
			c.lock()
			before = c.word.Load() >> freeShift
			free = before
			continue
		}
		c.remove(w)
		w.done = true
		if err == nil {
			free -= int64(w.n)
			c.waited++
			c.granted(free, w.by())
		} else {
			w.extra().err = err
		}
		if !w.promoted { // one that is has its wake-up under way
			woken.push(w)
		}
	}
	// Where a permit went from hand to hand the word has not changed.
	if free != before {
		c.word.Add((free - before) << freeShift)
	}
	c.unlockAndCall(c.elect())
	woken.wake()
}

// unlockAndCall unlocks c and wakes leader, if there is a new one.
func (c *core) unlockAndCall(leader *waiter) {
	c.unlock()
	if leader != nil {
		leader.ready <- struct{}{}
	}
}

// remove takes w, which is not a stander, out of the locked line.
func (c *core) remove(w *waiter) {
	c.line.remove(w)
	c.waiting--
	c.leader.left(w)
}

// take takes n units of the locked c.
func (c *core) take(n int, by *holding) {
	word := c.word.Add(-int64(n) << freeShift)
	if word&acquires == acquires {
		// No more can be counted there, which is one reason to come here.
		c.word.Add(-acquires)
		c.acquired += acquires / oneAcquire
	}
	c.granted(word>>freeShift, by)
}

// granted counts an acquire, under the lock, that leaves so much free.
func (c *core) granted(free int64, by *holding) {
	c.acquired++
	if used := c.limit.Load() - free; used > c.most.Load() {
		c.most.Store(used)
	}
	c.held.add(by)
}

// overLimit returns the error of a demand that is more than the limit. A limit
// of 0 refuses nobody: it has not been set yet, or stops all for a while.
func (c *core) overLimit(n int) error {
	if limit := c.limit.Load(); limit > 0 && int64(n) > limit {
		return fmt.Errorf("penstock: acquire %d of %d: %w", n, limit, ErrOverLimit)
	}
	return nil
}

var _ Line = (*core)(nil)

// Order is part of Line.
func (c *core) Order() uint64 {
	if order := c.order.Load(); order != 0 {
		return order
	}
	c.order.CompareAndSwap(0, NewOrder())
	return c.order.Load()
}

// Lock is part of Line.
func (c *core) Lock() { c.lock() }

// Unlock is part of Line.
func (c *core) Unlock() { c.unlock() }

// Serve is part of Line.
func (c *core) Serve() {
	c.lock()
	c.serve(0, waitlist{})
}

// Room is part of Line.
func (c *core) Room(ticket uint64, n int) (time.Duration, error) {
	if n == 0 {
		return 0, nil
	}
	if err := c.overLimit(n); err != nil {
		return 0, err
	}
	first := c.line.head
	if c.full(n) || first != nil && first.ticket < ticket {
		return -1, nil
	}
	return 0, nil
}

// Take is part of Line.
func (c *core) Take(n int) Permit {
	if n == 0 {
		return noPermit{}
	}
	by := c.taken(n)
	c.take(n, by)
	return c.permit(n, by)
}

// Acquired is part of Line.
func (c *core) Acquired(n int, waited time.Duration) {
	if n == 0 {
		return
	}
	if waited >= 0 {
		c.mu.Lock()
		c.waited++
		c.mu.Unlock()
		c.times.add(waited)
	}
	c.takenHere(n)
	c.report(SemaphoreAcquired, n, max(waited, 0))
}

// Join is part of Line.
func (c *core) Join(w *Waiter) {
	c.line.insert(&w.node)
	c.standers++
}

// Leave is part of Line.
func (c *core) Leave(w *Waiter) {
	c.line.remove(&w.node)
	c.standers--
}
