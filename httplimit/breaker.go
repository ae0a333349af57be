package httplimit

import "time"

// A breaker is a host's circuit breaker: closed, open until a time, then half
// open. See M. Nygard, Release It!, 2007. The zero breaker is closed.
type breaker struct {
	failures int // in a row
	open     bool
	probe    int64     // the number of the one request of a half-open breaker, or 0
	opens    time.Time // half
	until    time.Time // what it knows counts no more
}

// broken is the error of a request that the breaker keeps from h.
func (h *host) broken() error {
	b := &h.breaker
	if !b.open {
		return nil
	}
	if wait := time.Until(b.opens); wait > 0 || b.probe > 0 {
		return &HostError{h.name, max(wait, 0), ErrCircuitOpen}
	}
	return nil
}

// take notes that the request of that number goes now.
func (b *breaker) take(number int64) {
	if b.open {
		b.probe = number
	}
}

// ended notes that the request of that number has ended, however that was.
func (b *breaker) ended(number int64) {
	if b.probe == number {
		b.probe = 0
	}
}

// note learns how the request of that number went, and reports whether that has
// opened it. While it is open only the probe counts: what was sent before says
// nothing new.
func (b *breaker) note(o Breaker, number int64, failed bool, now time.Time) (opened bool) {
	if b.open && b.probe != number {
		return false
	}
	if !failed {
		*b = breaker{}
		return false
	}
	b.failures++
	b.until = now.Add(o.OpenFor)
	if b.failures < o.Failures {
		return false
	}
	b.open, b.probe, b.opens = true, 0, b.until
	b.until = b.until.Add(o.OpenFor)
	return true
}
