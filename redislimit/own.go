package redislimit

import "time"

// One who is alone makes its call itself: the way to run and back is two switches of
// goroutines, each of which wakes a thread, and takes nearly as long as the call. Who makes
// a call cannot leave it when a context ends, so that is only for those whose never does.

// own returns the call that w, who has just come, is to make itself and then carry, or nil
// where run is to make it. The caller has the lock.
func (l *shared) own(w *waiter) *call {
	// Not where others are about: what they have to say goes in one call.
	if l.calling || !l.lone || len(l.waiting) > 1 || len(l.out.asks) != 1 ||
		!l.joined || l.sync || l.closed || l.away.is || w.since.Sub(l.synced) >= l.store.o.Lease/4 {
		return nil
	}
	kind := l.short(w.since)
	if kind == "" {
		return nil
	}
	l.idle = time.Time{}
	return l.make(kind, w.since)
}

// short is the kind of call by which a short script is told what there is to tell, or ""
// where limit.lua is to be. The caller has the lock.
func (l *shared) short(now time.Time) string {
	switch {
	case l.fast(now):
		return callFast
	case l.fastRate():
		return callRate
	}
	return ""
}

// carry makes c, and does what comes of it. Then the next call may be made; where c was a
// caller's own, run is woken if there is anything to tell. That is one step, so that run,
// which does not end while a call is being made, is there to be woken.
func (l *shared) carry(c *call, own bool) {
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.calling = false
		if own && (l.looked || l.sync || !l.out.empty() || !l.due.IsZero()) {
			l.poke()
		}
		l.looked = false
	}()
	r, err := l.call(c)
	if err != nil {
		l.failed(c, err, time.Now())
	} else {
		l.answered(c, r, time.Now())
	}
}
