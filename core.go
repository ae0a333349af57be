package penstock

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// The word of a core: whether the fast path is barred, how many acquires have
// taken it (the rest are in acquired), and how many units are free, which
// setLimit may make negative. Counting acquires in the word that they change
// anyway is free, where a counter of its own would cost an atomic operation.
const (
	barred     = 1
	oneAcquire = 1 << 1
	acquires   = 1<<freeShift - oneAcquire
	freeShift  = 16

	// maxLimit leaves room in the word for a whole limit to be owed. It is
	// 140,000,000,000,000 and more than any int where an int has 32 bits.
	maxLimit = 1<<47 - 1
)

// A core is what the two semaphores have in common: a counter with a line of
// those who wait.
//
// Where nobody waits, acquire and release are one atomic operation on word.
// Everything else takes mu and bars that path first, so that who holds mu has
// the word for itself, and nobody can overtake those in the line.
type core struct {
	word  atomic.Int64
	limit atomic.Int64 // written under mu while barred
	most  atomic.Int64 // the most units that were in use at a time
	watch atomic.Pointer[watch]

	mu        sync.Mutex
	line      waitlist
	bounded   bool // what permits are to release by; known once there are any
	waiting   int  // length of line, without standers
	standers  int  // Waiters in line
	acquired  int64
	waited    int64
	cancelled int64
	held      holdings
	leader    leader
	pool      waiterPool
	times     waitTimes
	order     atomic.Uint64
}

// try takes n units if the fast path is open and they are free.
func (c *core) try(n int) bool {
	for tries := 0; ; tries++ {
		standBack(tries)
		word := c.word.Load()
		if word>>freeShift < int64(n) || word&barred != 0 || word&acquires == acquires {
			return false
		}
		// The limit is read between the word and its swap: setLimit bars the
		// path around the change of both, so a swap that succeeds has seen both.
		used := c.limit.Load() - word>>freeShift + int64(n)
		if !c.word.CompareAndSwap(word, word-int64(n)<<freeShift+oneAcquire) {
			continue
		}
		for most := c.most.Load(); used > most; most = c.most.Load() {
			if c.most.CompareAndSwap(most, used) {
				break
			}
		}
		return true
	}
}

// standBack lets others go first with a word that one has failed to change tries
// times in a row. Where each core takes the word's cache line away from the next,
// most of the time goes into moving it; one that stands back for half a
// microsecond, which is less than a sync.Mutex spins, leaves the line where it is for
// a dozen operations. It makes 64 goroutines on two cores three times as fast.
func standBack(tries int) {
	for range 1500 * min(tries, 4) {
	}
}

// full reports that n, which is more than 0, is more than what is free. It is
// the whole of a TryAcquire that fails, and small enough to be inlined.
func (c *core) full(n int) bool { return int64(n) > max(c.word.Load()>>freeShift, 0) }

// tryAcquire is TryAcquire where c is not full. by is who holds the units, where
// that is remembered.
func (c *core) tryAcquire(n int) (by *holding, ok bool) {
	if n < 0 {
		panic(negativeWeight("acquire", n))
	}
	if n == 0 || c.try(n) {
		return nil, true
	}
	if c.full(n) {
		return nil, false
	}
	// There is room: either it is kept for one who waits, or somebody has the
	// lock for a moment.
	by = c.caller(n)
	c.lock()
	room, err := c.Room(math.MaxUint64, n)
	if room != 0 || err != nil {
		c.unlock()
		return nil, false
	}
	c.take(n, by)
	c.unlock()
	c.report(SemaphoreAcquired, n, 0)
	return by, true
}

// acquire is Acquire.
func (c *core) acquire(ctx context.Context, n int) (by *holding, err error) {
	if ctx.Err() != nil {
		return nil, contextError(ctx)
	}
	if n > 0 && c.try(n) || n == 0 {
		return nil, nil
	}
	if n < 0 {
		return nil, negativeWeight("acquire", n)
	}
	return c.wait(ctx, n)
}

// wait is acquire where the fast path is barred or has no room.
func (c *core) wait(ctx context.Context, n int) (by *holding, err error) {
	by, since := c.caller(n), now()
	c.lock()
	room, err := c.Room(math.MaxUint64, n)
	if err != nil {
		c.unlock()
		return nil, err
	}
	if room == 0 {
		c.take(n, by)
		c.unlock()
		c.report(SemaphoreAcquired, n, 0)
		return by, nil
	}
	w := c.enter(n, since, by)
	follows := c.follow(w, ctx.Done())
	c.unlock()

	if !c.await(ctx, w, follows) {
		c.report(SemaphoreCancelled, n, now()-since)
		return nil, contextError(ctx)
	}
	err = w.err()
	c.pool.put(w)
	if ctx.Err() != nil {
		// Granted, but too late: whoever sees that ctx has ended must not
		// find itself holding something.
		c.tooLate(n, by, err)
		c.report(SemaphoreCancelled, n, now()-since)
		return nil, contextError(ctx)
	}
	if err != nil {
		return nil, err
	}
	waited := now() - since
	c.times.add(waited)
	c.report(SemaphoreAcquired, n, waited)
	return by, nil
}

// enter puts a new waiter at the end of the locked line.
func (c *core) enter(n int, since time.Duration, by *holding) *waiter {
	if c.line.head == nil {
		c.pool.drop()
	}
	w := c.pool.get()
	w.n, w.ticket, w.since = n, tickets.Load(), since
	if by != nil {
		w.extra().by = by
	}
	c.line.push(w)
	c.waiting++
	return w
}

// tooLate hands on n units of one that was granted them, or refused with err,
// after its context had ended.
func (c *core) tooLate(n int, by *holding, err error) {
	c.lock()
	c.cancelled++
	if err != nil {
		c.unlock()
		return
	}
	c.acquired--
	c.waited--
	c.held.remove(by)
	c.serve(int64(n), waitlist{})
}

// release is Release. by is who holds the units, where that is known.
func (c *core) release(n int, bounded bool, by *holding) {
	for tries := 0; ; tries++ {
		standBack(tries)
		word := c.word.Load()
		// Limit and word fit each other where the swap succeeds, as in try.
		if uint64(n) > uint64(c.limit.Load()-word>>freeShift) || word&barred != 0 {
			c.giveBack(n, bounded, by)
			return
		}
		if c.word.CompareAndSwap(word, word+int64(n)<<freeShift) {
			return
		}
	}
}

// giveBack is release where the fast path is barred, or n is negative or more
// than what is in use.
func (c *core) giveBack(n int, bounded bool, by *holding) {
	if n < 0 {
		panic(negativeWeight("release", n))
	}
	here := c.releaser(by)
	c.lock()
	limit := c.limit.Load()
	over := int64(n) - (limit - c.word.Load()>>freeShift)
	if over > 0 && (bounded || over > maxLimit-limit) {
		c.unlock()
		panic(fmt.Errorf("penstock: release %d of %d: %w", n, int64(n)-over, ErrOverRelease))
	}
	if over > 0 {
		c.limit.Store(limit + over)
	}
	c.held.release(n, by, here)
	c.serve(int64(n), waitlist{})
	c.report(SemaphoreReleased, n, 0)
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
	c.serve(more, waitlist{})
	c.report(SemaphoreResized, int(limit), 0)
	return nil
}
