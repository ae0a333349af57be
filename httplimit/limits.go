package httplimit

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/penstock-go/penstock"
)

// limits is who may send when: the total, the hosts and their queues. Hosts that
// have something to send and room for it take turns; one that is full, or
// held, or out of its rate is passed over and holds nothing meanwhile.
//
// It is one mutex and no goroutine. Whoever makes room serves those who wait;
// where only time makes room, a timer does. Wherever limits.mu is free, a host
// whose first in the queue could go is in ready; and if ready is not empty, the
// total is full, or the timer is set for when its rate has room, or somebody
// is in serve.
//
// Locks are taken in this order: those of others' limits and limits.mu as
// penstock.All has it (all hosts have the same place in that), then the rates'.
type limits struct {
	opts  Options
	total int
	rates []hostRate // none or one
	order uint64
	life  context.Context // ends when the Transport is closed
	end   context.CancelCauseFunc

	mu       sync.Mutex
	hosts    map[hostKey]*host
	ready    ring
	timed    timedHosts
	timer    *time.Timer
	timerAt  time.Time // zero if it is not set
	inFlight int
	waiting  int
	turning  int // calls of serve that have given the lock away
	closed   bool
	count    counters
}

func newLimits(o Options) (*limits, error) {
	r, err := newRate(o.Rate)
	if err != nil {
		return nil, err
	}
	l := &limits{opts: o, total: limitOf(o.Total), order: penstock.NewOrder(), hosts: map[hostKey]*host{}}
	if r != nil {
		l.rates = []hostRate{newHostRate(r)}
	}
	l.life, l.end = context.WithCancelCause(context.Background())
	return l, nil
}

// A grant is the right to have one request under way.
type grant struct {
	h      *host
	probe  bool // of a breaker that is half open
	tokens [3]penstock.Permit
}

// host returns the entry of a host, made if need be. The caller holds mu. It
// gives the lock away while it asks for the host's limits.
func (l *limits) host(key hostKey) (*host, error) {
	if h := l.hosts[key]; h != nil {
		h.used = true
		return h, nil
	}
	h := &host{l: l, key: key, name: key.String(), index: -1, used: true}
	err := func() error {
		l.mu.Unlock()
		defer l.mu.Lock() // also if HostLimits panics
		return h.setLimits(&l.opts)
	}()
	if err != nil {
		return nil, err
	}
	if other := l.hosts[key]; other != nil {
		other.used = true
		return other, nil
	}
	l.hosts[key] = h
	return h, nil
}

func (h *host) setLimits(o *Options) error {
	hl := HostLimits{Limit: o.PerHost, Rate: o.PerHostRate}
	if o.HostLimits != nil {
		hl = o.HostLimits(h.name)
	}
	r, err := newRate(hl.Rate)
	if err != nil {
		return err
	}
	if r != nil {
		h.rates = append(h.rates, newHostRate(r))
	}
	h.limit, h.given = limitOf(hl.Limit), hl.Limiter
	h.budget.fill()
	// The narrower limit first: who frees it leaves it to those who wait for
	// the wider one as well.
	outer := []penstock.Limiter{member{h}}
	for _, given := range []penstock.Limiter{hl.Limiter, o.Limiter} {
		if given != nil {
			outer = append(outer, given)
		}
	}
	if len(outer) > 1 {
		h.composed = penstock.All(outer...)
	}
	return nil
}

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
			x.seq = h.sent
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
	return l.await(ctx, h, w, x)
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
func (l *limits) await(ctx context.Context, h *host, w *waiter, x *exchange) error {
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
	x.seq = h.sent
	return nil
}

// acquireComposed is acquire for a host with limits that are not the
// Transport's own. The caller has counted itself in h.visitors.
func (l *limits) acquireComposed(ctx context.Context, h *host, cost int, x *exchange) (err error) {
	defer func() {
		l.mu.Lock()
		h.visitors--
		x.seq = h.sent
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
	x.grant.h, x.permit = h, p
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

// wait returns how long it will be until the next request to h may go, if
// nothing else happens: 0 is now, less than 0 means that a request must end
// first. all says that it is not the host's doing but the total's. The caller
// holds mu.
func (l *limits) wait(h *host, cost int) (wait time.Duration, all bool, err error) {
	if l.closed {
		return 0, false, ErrClosed
	}
	if err := h.broken(); err != nil {
		return 0, false, err
	}
	if h.inFlight >= h.limit {
		return -1, false, nil
	}
	if wait := h.heldNow(); wait > 0 {
		return wait, false, nil
	}
	for i := range h.rates {
		if wait, err := h.rates[i].wait(cost); wait != 0 || err != nil {
			return wait, false, err
		}
	}
	if h.pace.limiter != nil {
		if wait, err := h.pace.wait(); wait != 0 || err != nil {
			return wait, false, err
		}
	}
	if l.inFlight >= l.total {
		return -1, true, nil
	}
	for i := range l.rates {
		if wait, err := l.rates[i].wait(cost); wait != 0 || err != nil {
			return wait, true, err
		}
	}
	return 0, false, nil
}

// heldNow is for how long a hint lets no request more go to h.
func (h *host) heldNow() (wait time.Duration) {
	if h.held.IsZero() && h.leftUntil.IsZero() {
		return 0
	}
	now := time.Now()
	if h.inFlight >= h.left {
		wait = h.leftUntil.Sub(now)
	}
	return max(wait, h.held.Sub(now), 0)
}

// take counts a request as under way, where wait has just returned 0.
func (l *limits) take(h *host, cost int, g *grant) {
	l.inFlight++
	h.inFlight++
	h.sent++
	l.count.most = max(l.count.most, l.inFlight)
	*g = grant{h: h, probe: h.breaker.take()}
	n := 0
	for i := range h.rates {
		g.tokens[n] = h.rates[i].take(cost)
		n++
	}
	if h.pace.limiter != nil {
		g.tokens[n] = h.pace.take()
		n++
	}
	for i := range l.rates {
		g.tokens[n] = l.rates[i].take(cost)
	}
}

// release ends a grant and serves those who wait.
func (l *limits) release(g *grant, o penstock.Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveBack(g, o)
}

func (l *limits) giveBack(g *grant, o penstock.Outcome) {
	h := g.h
	l.inFlight--
	h.inFlight--
	if g.probe {
		h.breaker.probing = false
	}
	if o == penstock.Unused {
		for _, p := range g.tokens {
			if p != nil {
				p.Release(o)
			}
		}
	}
	l.offer(h)
	if l.ready.first != nil {
		l.serve()
	}
	l.retire(h)
}

// offer gives h a turn, if it has something to send and room for it.
func (l *limits) offer(h *host) {
	if !h.isReady && h.queue.first != nil && h.inFlight < h.limit {
		l.ready.push(h)
	}
}

// serve lets go who can: one request of each host in turn. The caller holds mu,
// which serve gives away for a moment where a request needs others' limits.
func (l *limits) serve() {
	for h := l.ready.first; h != nil && (l.inFlight < l.total || l.closed); h = l.ready.first {
		w := h.queue.first
		wait, all, err := l.wait(h, w.cost)
		if all && wait > 0 {
			l.wakeAt(time.Now().Add(wait))
			return
		}
		l.ready.remove(h)
		switch {
		case wait > 0 && err == nil:
			l.schedule(h, time.Now().Add(wait))
			continue
		case wait < 0:
			continue // until a request to h ends
		case w.stand != nil:
			l.giveTurn(h, w)
		default:
			h.queue.remove(w)
			l.waiting--
			if w.err = err; err == nil {
				l.take(h, w.cost, w.grant)
			}
			close(w.ready)
		}
		l.offer(h)
	}
}

// giveTurn lets those go for whom w stands; wait's error, if there is one, is
// found anew and theirs.
func (l *limits) giveTurn(h *host, w *waiter) {
	h.turn = true
	l.turning++
	l.mu.Unlock()
	w.stand.Turn(line{h})
	l.mu.Lock()
	l.turning--
	h.turn = false
}

// schedule has h looked at again at a time.
func (l *limits) schedule(h *host, at time.Time) {
	switch {
	case h.index < 0:
		h.due = at
		heap.Push(&l.timed, h)
	case at.Before(h.due):
		h.due = at
		heap.Fix(&l.timed, h.index)
	}
	l.wakeAt(l.timed[0].due)
}

// wakeAt sets the timer, if it is not set for an earlier time.
func (l *limits) wakeAt(at time.Time) {
	if !l.timerAt.IsZero() && !at.Before(l.timerAt) {
		return
	}
	l.timerAt = at
	if l.timer == nil {
		l.timer = time.AfterFunc(time.Until(at), l.tick)
		return
	}
	l.timer.Reset(time.Until(at))
}

func (l *limits) tick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timerAt = time.Time{}
	now := time.Now()
	for len(l.timed) > 0 && !l.timed[0].due.After(now) {
		h := heap.Pop(&l.timed).(*host)
		l.offer(h)
		l.drop(h, now)
	}
	l.serve()
	if len(l.timed) > 0 {
		l.wakeAt(l.timed[0].due)
	}
}

// retire has a host that is without requests looked at in a while, to drop it.
func (l *limits) retire(h *host) {
	if h.index < 0 && !h.busy() && !l.closed {
		h.used = false
		l.schedule(h, time.Now().Add(idleTime))
	}
}

// drop forgets a host that has had no requests since it was last looked at and
// that remembers nothing.
func (l *limits) drop(h *host, now time.Time) {
	if h.busy() {
		return // retire will see to it
	}
	at := h.expires(now)
	if h.used {
		h.used = false
		at = later(at, now.Add(idleTime))
	}
	if at.After(now) {
		l.schedule(h, at)
		return
	}
	if l.hosts[h.key] == h {
		delete(l.hosts, h.key)
	}
}

// close fails all who wait, and all who come.
func (l *limits) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	for _, h := range l.hosts {
		if h.queue.first != nil && !h.isReady {
			l.ready.push(h)
		}
	}
	l.refuseAll()
	l.end(ErrClosed)
}

// refuseAll serves the waiters of the hosts in ready, who all fail now.
func (l *limits) refuseAll() {
	for h := l.ready.first; h != nil; h = l.ready.first {
		l.ready.remove(h)
		l.refuse(h)
	}
}

// refuse fails those who wait for h, as long as there is an error for them.
func (l *limits) refuse(h *host) {
	for w := h.queue.first; w != nil; w = h.queue.first {
		_, _, err := l.wait(h, w.cost)
		switch {
		case err == nil:
			return
		case w.stand != nil:
			l.giveTurn(h, w)
			if h.queue.first == w {
				return // it saw another time
			}
		default:
			h.queue.remove(w)
			l.waiting--
			w.err = err
			close(w.ready)
		}
	}
}

// counters are for Stats.
type counters struct {
	requests, retries, denied, shared, hints, waits int64
	waited                                          time.Duration
	most, sleeping                                  int
}
