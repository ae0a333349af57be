package httplimit

import (
	"time"

	"github.com/penstock-go/penstock"
)

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
	if h.held.IsZero() && h.quota.until.IsZero() {
		return 0
	}
	now := time.Now()
	if h.inFlight > 0 && h.sent >= h.quota.most {
		wait = h.quota.until.Sub(now)
	}
	return max(wait, h.held.Sub(now), 0)
}

// take counts a request as under way, where wait has just returned 0.
func (l *limits) take(h *host, cost int, g *grant) {
	l.inFlight++
	h.inFlight++
	h.sent++
	l.count.most = max(l.count.most, l.inFlight)
	*g = grant{h: h, number: h.sent, done: h.sent - int64(h.inFlight)}
	h.breaker.take(h.sent)
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
	h.breaker.ended(g.number)
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
