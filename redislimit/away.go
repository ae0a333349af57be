package redislimit

import (
	"fmt"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

// An outage is a time during which calls fail.
type outage struct {
	is    bool
	over  bool // longer than a lease: nobody is to wait for its end
	since time.Time
	err   error // of the latest try
	tries int
	retry time.Time // when to try next
	spare int       // units that were released here and Redis knows as held
	fence Fence     // of one of them
	rates *rate.Limiter
}

func (o *outage) error() error {
	return &AwayError{For: time.Since(o.since), Err: o.err}
}

// deadline is when the leases end for those who hold them: a tenth of one before
// they end at the server, which counts from when it had the call.
func (l *shared) deadline() time.Time {
	lease := l.store.o.Lease
	return l.heard.Add(lease - lease/10)
}

// watch sees to it that leases end in time. The caller has the lock.
func (l *shared) watch(now time.Time) {
	if l.watching || l.store.o.Away == Local {
		return
	}
	l.watching = true
	time.AfterFunc(l.deadline().Sub(now), l.check)
}

// check ends the leases of all that is held, if they have not been renewed.
func (l *shared) check() {
	l.mu.Lock()
	now := time.Now()
	l.watching = false
	if len(l.held) == 0 || l.closed {
		l.mu.Unlock()
		return
	}
	if now.Before(l.deadline()) {
		l.watch(now)
		l.mu.Unlock()
		return
	}
	err := fmt.Errorf("%w: not renewed for %v", ErrLost, now.Sub(l.heard).Round(time.Millisecond))
	var after []func()
	for _, id := range inOrder(l.held) {
		after = append(after, l.lose(l.held[id], err))
	}
	l.away.spare = 0
	l.sync = true
	l.poke()
	l.mu.Unlock()
	for _, f := range after {
		f()
	}
}

// giveBackAway is giveBack while Redis cannot be told. When it is back, what is
// not held then is free.
func (l *shared) giveBackAway(p *Permit) {
	l.away.spare += p.n
	l.away.fence = p.fence
	if !p.local {
		l.out.frees = append(l.out.frees, freed{id: p.id})
	}
	l.serveAway(time.Now())
}

// serveAway serves those who wait while Redis is away, as far as the user has
// chosen, and ends their wait when it has been away for a lease. The caller has
// the lock.
func (l *shared) serveAway(now time.Time) {
	a := &l.away
	for _, id := range inOrder(l.waiting) {
		w := l.waiting[id]
		if !l.hereIs(w.n, w.cost, now) {
			break
		}
		f := Fence{}
		if l.store.o.Away == Lease {
			a.spare -= w.n
			f = a.fence
		}
		l.grant(w, f, "", true, now)
	}
	for _, id := range inOrder(l.waiting) {
		if w := l.waiting[id]; w.try {
			l.refuse(w, a.error())
		}
	}
	if !a.over && l.store.o.Away != Local && now.Sub(a.since) >= l.store.o.Lease {
		a.over = true
	}
	if a.over {
		for _, id := range inOrder(l.waiting) {
			l.refuse(l.waiting[id], a.error())
		}
	}
}

// hereIs reports whether n units, and cost of the rates, are to be had of this
// process's own. Of its rates it takes them.
func (l *shared) hereIs(n, cost int, now time.Time) bool {
	switch l.store.o.Away {
	case Lease:
		return l.counts && len(l.rates) == 0 && n <= l.away.spare && now.Before(l.deadline())
	case Local:
		share := max(1, l.limit/max(1, l.procs))
		if l.procs == 0 {
			share = 1
		}
		if l.counts && l.limit > 0 && l.stats.InUse+n > max(share, min(n, l.limit)*boolInt(l.stats.InUse == 0)) {
			return false
		}
		return (!l.counts || l.limit > 0) && l.paceHere(cost, now)
	case Stop:
	}
	return false
}

// paceHere takes n units of this process's share of the rates.
func (l *shared) paceHere(n int, now time.Time) bool {
	if len(l.rates) == 0 {
		return true
	}
	if l.away.rates == nil {
		shares := make([]rate.Rate, len(l.rates))
		for i, r := range l.rates {
			r.Per = min(r.Per*time.Duration(max(1, l.procs)), rate.MaxDebt)
			shares[i] = r
		}
		own, err := rate.New(shares...)
		if err != nil {
			return false
		}
		l.away.rates = own
	}
	wait, ok := l.away.rates.At(now, n)
	if !ok && wait != rate.Never {
		// run looks again when it retries, or then.
		if at := now.Add(wait); at.Before(l.away.retry) {
			l.away.retry = at
		}
	}
	return ok
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func overLimit(n int) error {
	return fmt.Errorf("redislimit: acquire %d: %w", n, penstock.ErrOverLimit)
}
