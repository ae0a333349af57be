package queue

import (
	"context"
	"iter"
	"sync"
)

// core is what the three kinds of queue share: all but the order in which
// items leave. Each kind embeds it with a store of its own. The calls into
// the store go through the dictionary of the type parameters and cost 1 ns.
//
// Two things hold whenever the lock is free, and with them arrival order:
// getters wait only while the store is empty, and putters only while it is
// full, not counting those whose context has ended.
type core[T, S any, P storePointer[T, S]] struct {
	mu       mutex
	items    S
	n        int // items in the store
	max      int // 0 is unbounded
	shut     bool
	getters  line[T]
	putters  line[T]
	got      int           // items taken out
	done     int           // calls of TaskDone
	noticed  int           // see step
	finished chan struct{} // closed when nothing is unfinished; nil if nobody joins
	longest  int           // the most that n ever was
	counters counters
	spare    sync.Pool // of *waiter[T]
}

// Put waits until there is room and puts v into the queue. It returns
// ErrShutdown if the queue was shut down before there was, and an error that
// wraps context.Cause(ctx) if ctx ended before; v is then not in the queue.
func (q *core[T, S, P]) Put(ctx context.Context, v T) error {
	if ctx.Err() != nil {
		return interrupted(ctx, "put")
	}
	if !q.mu.TryLock() { // q.mu.lock(), which is not inlined
		q.mu.lockLater()
	}
	switch {
	case q.shut:
		q.mu.Unlock()
		return ErrShutdown
	case q.full():
		q.mu.Unlock()
		return q.putLater(ctx, v)
	case q.getters.first == nil: // the usual case, in line
		q.push(v)
		q.mu.Unlock()
		return nil
	}
	served := q.accept(v)
	q.mu.Unlock()
	served.wake()
	return nil
}

// TryPut puts v into the queue if there is room now. It returns ErrFull if
// there is none and ErrShutdown if the queue was shut down. It never blocks,
// and never overtakes a Put that waits.
func (q *core[T, S, P]) TryPut(v T) error {
	q.mu.lock()
	switch {
	case q.shut:
		q.mu.Unlock()
		return ErrShutdown
	case q.full():
		q.noticed++
		q.mu.Unlock()
		return ErrFull
	}
	served := q.accept(v)
	q.mu.Unlock()
	served.wake()
	return nil
}

// Get waits until there is an item for the caller and takes it out of the
// queue. It returns ErrShutdown if the queue was shut down and none is left,
// and an error that wraps context.Cause(ctx) if ctx ended before; the caller
// has then taken nothing.
func (q *core[T, S, P]) Get(ctx context.Context) (v T, err error) {
	if ctx.Err() != nil {
		return v, interrupted(ctx, "get")
	}
	if !q.mu.TryLock() { // q.mu.lock(), which is not inlined
		q.mu.lockLater()
	}
	switch {
	case q.n > 0 && q.putters.first == nil: // the usual case, in line
		v = q.pop()
		q.mu.Unlock()
		return v, nil
	case q.n > 0:
		v, served := q.take()
		q.mu.Unlock()
		served.wake()
		return v, nil
	case q.shut:
		q.mu.Unlock()
		return v, ErrShutdown
	}
	q.mu.Unlock()
	return q.getLater(ctx)
}

// TryGet takes an item out of the queue if there is one now. It returns
// ErrEmpty if there is none, and ErrShutdown if there will never be one again
// because the queue was shut down. It never blocks.
func (q *core[T, S, P]) TryGet() (v T, err error) {
	q.mu.lock()
	switch {
	case q.n > 0:
		v, served := q.take()
		q.mu.Unlock()
		served.wake()
		return v, nil
	case q.shut:
		q.mu.Unlock()
		return v, ErrShutdown
	}
	q.noticed++
	q.mu.Unlock()
	return v, ErrEmpty
}

// All returns an iterator that takes one item after the other out of the
// queue, as Get does, and yields it. It ends when Get would return an error:
// when the queue was shut down and is drained, or when ctx ends; ctx.Err()
// tells which. It takes an item only when the loop asks for one, so that
// leaving the loop loses none. Several goroutines may range at once; each
// item goes to one of them. Where somebody joins, the loop's body calls
// TaskDone.
func (q *core[T, S, P]) All(ctx context.Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, err := q.Get(ctx)
			if err != nil || !yield(v) {
				return
			}
		}
	}
}

// step tells what has happened to the items, as far as any caller can: it
// goes up with each item that is pushed, popped or handed over, and with each
// answer from which somebody could conclude where the items are. While it
// stands still, the last grant can be undone and nobody will notice.
func (q *core[T, S, P]) step() int { return 2*q.got + q.n + q.noticed }

func (q *core[T, S, P]) full() bool { return q.n == q.max && q.max > 0 }

// accept takes v in. It hands v to the getter that is next, which it returns
// to be woken, or puts it into the store, which must have room.
func (q *core[T, S, P]) accept(v T) (served *waiter[T]) {
	w := q.getters.next()
	if w == nil {
		q.push(v)
		return nil
	}
	q.got++
	w.grant(q.step())
	w.v = v
	return w
}

// take takes an item out of the store, which must have one. It returns the
// putter whose item took the room, if there is one, to be woken.
func (q *core[T, S, P]) take() (v T, served *waiter[T]) {
	v = q.pop()
	return v, q.refill()
}

func (q *core[T, S, P]) push(v T) {
	P(&q.items).push(v, &q.mu) // first: it may panic
	q.n++
	q.longest = max(q.longest, q.n)
}

func (q *core[T, S, P]) pop() T {
	v := P(&q.items).pop()
	q.n--
	q.got++
	return v
}

// refill lets in the putter that is next, if there is one, and returns it to
// be woken. The store must have room.
func (q *core[T, S, P]) refill() (served *waiter[T]) {
	w := q.putters.next()
	if w != nil {
		q.accept(w.v)
		w.grant(q.step())
	}
	return w
}
