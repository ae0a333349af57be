package httplimit

import "time"

// A breaker is a host's circuit breaker: closed, open until a time, then half
// open. See M. Nygard, Release It!, 2007. The zero breaker is closed.
type breaker struct {
	failures int // in a row
	open     bool
	probing  bool      // the one request of a half-open breaker is under way
	opens    time.Time // half
	until    time.Time // what it knows counts no more
}

// broken is the error of a request that the breaker keeps from h.
func (h *host) broken() error {
	b := &h.breaker
	if !b.open {
		return nil
	}
	if wait := time.Until(b.opens); wait > 0 || b.probing {
		return &HostError{h.name, max(wait, 0), ErrCircuitOpen}
	}
	return nil
}

// take reports whether the request that goes now is the one of a half-open
// breaker.
func (b *breaker) take() bool {
	b.probing = b.probing || b.open
	return b.open
}

// note learns how a request went, and reports whether that has opened it.
func (b *breaker) note(o Breaker, failed bool, now time.Time) (opened bool) {
	if o.Failures == 0 {
		return false
	}
	if !failed {
		if !b.open || b.probing {
			*b = breaker{}
		}
		return false
	}
	b.failures++
	b.until = now.Add(o.OpenFor)
	if b.failures < o.Failures || b.open && !b.probing {
		return false
	}
	b.open, b.opens = true, b.until
	b.until = b.until.Add(o.OpenFor)
	return true
}
