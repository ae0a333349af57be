package redislimit

import "time"

// Deadline returns when the permit will be lost by this process's clock if its
// lease is not renewed before, a tenth of a lease before another can have it;
// and false for one that is not lost by time: that of a [Rate], for nothing, or
// under [Local].
func (p *Permit) Deadline() (time.Time, bool) {
	l := p.shared
	if p.id == 0 || !l.counts || l.store.o.Away == Local {
		return time.Time{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.deadline(), true
}
