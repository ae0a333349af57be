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
type core[T, S any, P store[T, S]] struct {
	mu      mutex
	items   S
	n       int // items in the store
	max     int // 0 is unbounded
	shut    bool
	getters line[T]
	putters line[T]
	// step counts what has happened to the items, as far as any caller can
	// tell. While it stands still, the last grant can be undone unnoticed.
	step     uint64
	got      int           // items taken out
	done     int           // calls of TaskDone
	finished chan struct{} // closed when nothing is unfinished; nil if nobody joins
	counters counters
	spare    sync.Pool // of *waiter[T]
}

// Put waits until there is room and puts v into the queue. It returns
// ErrShutdown if the queue was shut down before there was, and an error that
// wraps context.Cause(ctx) if ctx ended before; v is then not in the queue.
func (q *core[T, S, P]) Put(ctx context.Context, v T) error {
	done := ctx.Done()
	if ended(done) {
		return interrupted("put", ctx)
	}
	q.mu.lock()
	switch {
	case q.shut:
		q.mu.Unlock()
		return ErrShutdown
	case q.full():
		w := q.enter(&q.putters, done)
		w.v = v
		q.counters.putsWaited++
		q.mu.Unlock()
		_, err := q.await(ctx, w, "put")
		return err
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
		q.step++
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
	done := ctx.Done()
	if ended(done) {
		return v, interrupted("get", ctx)
	}
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
	w := q.enter(&q.getters, done)
	q.counters.getsWaited++
	q.mu.Unlock()
	return q.await(ctx, w, "get")
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
	q.step++
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

func (q *core[T, S, P]) full() bool { return q.n == q.max && q.max > 0 }

// accept takes v in. It hands v to the getter that is next, which it returns
// to be woken, or puts it into the store, which must have room.
func (q *core[T, S, P]) accept(v T) (served *waiter[T]) {
	if w := q.getters.next(); w != nil {
		q.step++
		q.got++
		w.grant(q.step)
		w.v = v
		return w
	}
	P(&q.items).push(v, &q.mu)
	q.n++
	q.step++
	if q.n > q.counters.longest {
		q.counters.longest = q.n
	}
	return nil
}

// take takes an item out of the store, which must have one. It returns the
// putter whose item took the room, if there is one, to be woken.
func (q *core[T, S, P]) take() (v T, served *waiter[T]) {
	v = P(&q.items).pop()
	q.n--
	q.step++
	q.got++
	return v, q.refill()
}

// refill lets in the putter that is next, if there is one, and returns it to
// be woken. The store must have room.
func (q *core[T, S, P]) refill() (served *waiter[T]) {
	w := q.putters.next()
	if w != nil {
		q.accept(w.v)
		w.grant(q.step)
	}
	return w
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
