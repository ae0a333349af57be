package httplimit

import (
	"context"
	"time"

	"github.com/penstock-go/penstock"
)

// acquire waits until x may be sent. One that comes again goes before those who
// came after it.
func (l *limits) acquire(ctx context.Context, key hostKey, cost int, again bool, x *exchange) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	h, err := l.host(key)
	if err == nil {
		err = h.heldFor(ctx)
	}
	if err != nil {
		l.mu.Unlock()
		return err
	}
	if !again {
		l.count.requests++
		h.budget.deposit(l.opts.Retry.Budget)
	}
	if h.composed != nil {
		h.visitors++
		l.mu.Unlock()
		return l.acquireComposed(ctx, h, cost, x)
	}
	if h.queue.first == nil && l.ready.first == nil && l.turning == 0 {
		wait, _, err := l.wait(h, cost)
		if err != nil {
			l.retire(h)
			l.mu.Unlock()
			return err
		}
		if wait == 0 {
			l.take(h, cost, &x.grant)
			l.mu.Unlock()
			return nil
		}
	}
	w := &waiter{cost: cost, ready: make(chan struct{}), grant: &x.grant}
	l.waiting++
	if again {
		h.queue.pushFront(w)
	} else {
		h.queue.push(w)
	}
	l.offer(h)
	l.serve()
	l.mu.Unlock()
	return l.await(ctx, h, w)
}

// heldFor refuses to wait for a host that is held until after ctx's deadline.
func (h *host) heldFor(ctx context.Context) error {
	if h.held.IsZero() {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && !deadline.After(h.held) {
		if wait := time.Until(h.held); wait > 0 {
			return &HostError{h.name, wait, context.DeadlineExceeded}
		}
	}
	return nil
}

// await waits for w to be served.
func (l *limits) await(ctx context.Context, h *host, w *waiter) error {
	start := time.Now()
	select {
	case <-w.ready:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count.waits++
	l.count.waited += time.Since(start)
	switch {
	case w.queued:
		l.waiting--
		h.queue.remove(w)
		if h.queue.first == nil && h.isReady {
			l.ready.remove(h)
		}
		l.offer(h) // the next may want less, or see another breaker
		l.serve()
		l.retire(h)
		return ended(ctx)
	case w.err != nil:
		l.retire(h)
		return w.err
	case ctx.Err() != nil:
		// Granted, but too late.
		l.giveBack(w.grant, penstock.Unused)
		return ended(ctx)
	}
	return nil
}

// acquireComposed is acquire for a host with limits that are not the
// Transport's own. The caller has counted itself in h.visitors.
func (l *limits) acquireComposed(ctx context.Context, h *host, cost int, x *exchange) (err error) {
	defer func() {
		l.mu.Lock()
		h.visitors--
		l.retire(h)
		l.mu.Unlock()
	}()
	p, ok := h.composed.TryAcquirePermit(cost)
	if !ok {
		p, err = l.awaitComposed(ctx, h, cost)
	}
	if err != nil {
		return err
	}
	x.permit = p
	x.grant = grantOf(p)
	return nil
}

func (l *limits) awaitComposed(ctx context.Context, h *host, cost int) (penstock.Permit, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(l.life, func() { cancel(ErrClosed) })
	defer stop()
	start := time.Now()
	l.countWaiting(1)
	p, err := h.composed.AcquirePermit(ctx, cost)
	l.countWaiting(-1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count.waits++
	l.count.waited += time.Since(start)
	return p, err
}

func (l *limits) countWaiting(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting += n
}
