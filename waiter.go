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
// by the lock of the list in which it stands. It fills one cache line: where
// 10,000 wait, that is what their turns cost.
type waiter struct {
	prev, next *waiter
	ticket     uint64
	n          int
	since      time.Duration // as of now
	ready      chan struct{} // gets one value once done is set
	more       *moreOfWaiter // what most do not need
	// done says that it has left the list by being granted what it asked for,
	// or by being refused.
	done bool
	// gone says that it is done because its context has ended.
	gone bool
	// follows says that its leader watches the context for it, and promoted that
	// it has been woken to lead itself.
	follows, promoted bool
}

type moreOfWaiter struct {
	err    error    // why it was refused
	by     *holding // who waits, where that is remembered
	stand  *Waiter  // whose node this is
	permit Permit   // what one who waited in an All was granted,
	lines  *lineSet // of which lines,
	last   Line     // and in which it stood last
}

func (w *waiter) extra() *moreOfWaiter {
	if w.more == nil {
		w.more = &moreOfWaiter{}
	}
	return w.more
}

func (w *waiter) err() error {
	if w.more == nil {
		return nil
	}
	return w.more.err
}

func (w *waiter) stand() *Waiter {
	if w.more == nil {
		return nil
	}
	return w.more.stand
}

func (w *waiter) by() *holding {
	if w.more == nil {
		return nil
	}
	return w.more.by
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

// A waiterPool keeps waiters for use by those who come next. Where a line is
// never empty, waiting allocates nothing.
//
// It is tempting to use a sync.Pool, or to keep the waiters for good. But a
// channel made in one synctest bubble kills the process when it is used in
// another, and a limit may be a package's variable that several tests use.
// So drop forgets all of them whenever somebody comes to an empty line.
type waiterPool struct {
	ready    *waiter // guarded by the owner's lock
	returned atomic.Pointer[waiter]
}

// get returns a waiter. The lock of the pool's owner must be held.
func (p *waiterPool) get() *waiter {
	if p.ready == nil {
		p.ready = p.returned.Swap(nil)
	}
	w := p.ready
	if w == nil {
		return &waiter{ready: make(chan struct{}, 1)}
	}
	p.ready, w.next = w.next, nil
	return w
}

// put brings back a waiter that is in no list and to which no wake-up is
// under way. It needs no lock.
func (p *waiterPool) put(w *waiter) {
	if w.more != nil {
		*w.more = moreOfWaiter{}
	}
	w.prev, w.done, w.gone, w.follows = nil, false, false, false
	for {
		head := p.returned.Load()
		w.next = head
		if p.returned.CompareAndSwap(head, w) {
			return
		}
	}
}

// drop forgets the waiters kept. The lock of the pool's owner must be held.
func (p *waiterPool) drop() {
	p.ready = nil
	p.returned.Store(nil)
}
