package httplimit

import (
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
	number int64 // how many requests the host had had, with this one
	done   int64 // how many of them had ended
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
	l.mu.Unlock()
	err := h.setLimits(&l.opts) // where this panics nobody holds mu
	l.mu.Lock()
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
