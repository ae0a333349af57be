package penstock

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
)

// The word of a core: whether the fast path is barred, how many acquires there
// were (the low bits of it), and how many units are free, which SetLimit may
// make negative. Counting acquires in the same word makes their number exact
// for free, where a counter of its own would cost another atomic operation.
const (
	barred     = 1
	oneAcquire = 1 << 1
	acquires   = 1<<freeShift - oneAcquire
	freeShift  = 16
	oneFree    = 1 << freeShift

	// maxLimit leaves room in the word for a limit's worth of units to be
	// owed and another's to be free. It is 140,000,000,000,000 on a 64-bit
	// machine, and never reached on others.
	maxLimit = 1<<47 - 1
)

// A core is what the two semaphores have in common: a counter with a line of
// those who wait.
//
// Where nobody waits, acquire and release are one atomic operation on word.
// Everything else takes mu and bars that path first, so that all who hold mu
// have the word for themselves, and nobody can overtake those in the line.
type core struct {
	word  atomic.Int64
	limit atomic.Int64 // written under mu while barred
	most  atomic.Int64 // the most units that were in use at a time

	mu                sync.Mutex
	line              waitlist
	bounded           bool  // what permits are to release by; known once there are any
	always            bool  // barred also while nobody waits
	acquired          int64 // acquires that are not counted in the word
	waiting           int   // length of line, without standers
	standers          int   // Waiters in line
	waited, cancelled int64
	pool              waiterPool
	times             waitTimes
	order             atomic.Uint64
}

var _ Line = (*core)(nil)

// try takes n units if the fast path is open and they are free. It makes one
// attempt: one that loses a race for the word goes the slow way, which tries
// again.
func (c *core) try(n int) bool {
	word := c.word.Load()
	used := c.limit.Load() - word>>freeShift + int64(n)
	// Limit is read between the word and its swap: setLimit bars the path
	// around the change of both, so a swap that succeeds has seen both.
	if word>>freeShift < int64(n) || word&barred != 0 || word&acquires == acquires ||
		!c.word.CompareAndSwap(word, word-int64(n)<<freeShift+oneAcquire) {
		return false
	}
	if used > c.most.Load() {
		c.used(used)
	}
	return true
}

// used notes that so many units are in use.
func (c *core) used(units int64) {
	for most := c.most.Load(); units > most; most = c.most.Load() {
		if c.most.CompareAndSwap(most, units) {
			return
		}
	}
}

// full reports that n, which is more than 0, is more than what is free. It is
// the whole of a TryAcquire that fails, and small enough to be inlined.
func (c *core) full(n int) bool { return int64(n) > max(c.word.Load()>>freeShift, 0) }

// tryAcquire is TryAcquire where c is not full.
func (c *core) tryAcquire(n int) bool {
	if n < 0 {
		panic(fmt.Errorf("penstock: acquire %d: %w", n, ErrNegativeWeight))
	}
	if n == 0 || c.try(n) {
		return true
	}
	if c.full(n) {
		return false
	}
	// There is room: either it is kept for one who waits, or somebody has the
	// lock for a moment.
	c.lock()
	room, err := c.Room(math.MaxUint64, n)
	ok := room == 0 && err == nil
	if ok {
		c.take(n)
	}
	c.unlock()
	return ok
}

// acquirePermit is AcquirePermit.
func (c *core) acquirePermit(ctx context.Context, n int) (Permit, error) {
	if err := c.acquire(ctx, n); err != nil {
		return nil, err
	}
	return c.permit(n), nil
}

// tryAcquirePermit is TryAcquirePermit.
func (c *core) tryAcquirePermit(n int) (Permit, bool) {
	if c.full(n) || !c.tryAcquire(n) {
		return nil, false
	}
	return c.permit(n), true
}

// acquire is Acquire.
func (c *core) acquire(ctx context.Context, n int) error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	if n > 0 && c.try(n) || n == 0 {
		return nil
	}
	if n < 0 {
		return fmt.Errorf("penstock: acquire %d: %w", n, ErrNegativeWeight)
	}
	return c.wait(ctx, n)
}

// wait is acquire where the fast path is barred or has no room.
func (c *core) wait(ctx context.Context, n int) error {
	c.lock()
	room, err := c.Room(math.MaxUint64, n)
	if room == 0 || err != nil {
		if err == nil {
			c.take(n)
		}
		c.unlock()
		return err
	}
	if c.line.head == nil {
		c.pool.drop()
	}
	w := c.pool.get(n, tickets.Load())
	w.since = now()
	c.line.push(w)
	c.waiting++
	c.unlock()

	if !w.await(ctx) {
		c.giveUp(w)
		return contextError(ctx)
	}
	err = w.err
	if err == nil && ctx.Err() != nil {
		// Granted, but too late: whoever sees that ctx has ended must not
		// find itself holding something.
		c.untake(n)
		err = contextError(ctx)
	} else if err == nil {
		c.times.add(now() - w.since)
	}
	c.pool.put(w)
	return err
}

// giveUp ends the wait of w, whose context has ended.
func (c *core) giveUp(w *waiter) {
	c.lock()
	if w.done {
		// Granted in the same instant. A wake-up is under way to w, which
		// therefore cannot be used for another wait.
		granted := w.err == nil
		c.unlock()
		if granted {
			c.untake(w.n)
		}
		return
	}
	c.line.remove(w)
	c.waiting--
	c.cancelled++
	c.serve(0)
	c.pool.put(w)
}

// untake hands on n units of one that was granted them after its context had
// ended.
func (c *core) untake(n int) {
	c.lock()
	c.acquired--
	c.waited--
	c.cancelled++
	c.serve(int64(n))
}

// release is Release.
func (c *core) release(n int, bounded bool) {
	if n < 0 {
		panic(fmt.Errorf("penstock: release %d: %w", n, ErrNegativeWeight))
	}
	for {
		word := c.word.Load()
		// Limit and word fit each other where the swap succeeds, as in try.
		if word&barred != 0 || int64(n) > c.limit.Load()-word>>freeShift {
			c.giveBack(int64(n), bounded)
			return
		}
		if c.word.CompareAndSwap(word, word+int64(n)<<freeShift) {
			return
		}
	}
}

// giveBack is release where the fast path is barred, or n is more than what is
// in use.
func (c *core) giveBack(n int64, bounded bool) {
	c.lock()
	limit := c.limit.Load()
	held := limit - c.word.Load()>>freeShift
	if n > held && (bounded || n-held > maxLimit-limit) {
		c.unlock()
		panic(fmt.Errorf("penstock: release %d of %d: %w", n, held, ErrOverRelease))
	}
	if n > held {
		c.limit.Store(limit + n - held)
	}
	c.serve(n)
}

// setLimit is SetLimit.
func (c *core) setLimit(n int, bounded bool) error {
	if n < 0 {
		return fmt.Errorf("penstock: limit %d: %w", n, ErrNegativeLimit)
	}
	limit := min(int64(n), maxLimit)
	c.lock()
	more := limit - c.limit.Load()
	c.limit.Store(limit)
	if c.bounded != bounded {
		c.bounded = bounded // once, before there is any permit
	}
	c.serve(more)
	return nil
}

// lock locks c and bars the fast path.
func (c *core) lock() {
	c.mu.Lock()
	if c.line.head == nil {
		c.word.Or(barred)
	}
}

// unlock undoes lock, and keeps the path barred where somebody waits.
func (c *core) unlock() {
	if c.line.head == nil && !c.always {
		c.word.And(^barred)
	}
	c.mu.Unlock()
}

// serve gives n units more to those who are first, as far as there is room, and
// unlocks the locked c. It wakes nobody before that.
func (c *core) serve(n int64) {
	var woken waitlist
	before := c.word.Load() >> freeShift
	free := before + n
	for w := c.line.head; w != nil; w = c.line.head {
		err := c.overLimit(w.n)
		if int64(w.n) > free && err == nil {
			break
		}
		if stand := w.stand; stand != nil {
			// It needs other limits as well, whose locks come in an order of
			// their own. While it stands here nobody takes what is its turn.
			c.word.Add((free - before) << freeShift)
			c.unlock()
			stand.Turn(c)
			c.lock()
			before = c.word.Load() >> freeShift
			free = before
			continue
		}
		c.line.remove(w)
		c.waiting--
		w.done, w.err = true, err
		woken.push(w)
		if err == nil {
			free -= int64(w.n)
			c.waited++
			c.granted(free)
		}
	}
	// Where a permit went from hand to hand the word has not changed.
	if free != before {
		c.word.Add((free - before) << freeShift)
	}
	c.unlock()
	woken.wake()
}

// take takes n units of the locked c.
func (c *core) take(n int) {
	word := c.word.Add(-int64(n) << freeShift)
	if word&acquires == acquires {
		// No more can be counted there. That is one reason to come here.
		c.word.Add(-acquires)
		c.acquired += acquires / oneAcquire
	}
	c.granted(word >> freeShift)
}

// granted counts an acquire under the lock that left so much free.
func (c *core) granted(free int64) {
	c.acquired++
	if used := c.limit.Load() - free; used > c.most.Load() {
		c.most.Store(used)
	}
}
