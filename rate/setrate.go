package rate

import "fmt"

// SetRate replaces the rates, as many as New was given and in the same order,
// also while others wait. What has been taken and not yet paid for stays the same
// in units and is paid for at the new rates, so that over any window no more is
// admitted than the larger Burst and what the rates gave while each was in force.
// Those who wait keep their places and are served by the new rates; one who asks
// for more than a new Burst fails with [penstock.ErrOverLimit]. What would take
// longer than MaxDebt to pay for is cut to that.
//
// The error is an [*InvalidError] if a rate is not valid or the number of rates
// differs; then nothing has changed.
func (l *Limiter) SetRate(rates ...Rate) error {
	p, err := newPlan(l.first.epoch, rates)
	if err != nil {
		return err
	}
	if n := len(l.first.budgets); len(rates) != n {
		return invalid(p.rates.String(), fmt.Sprintf("the limiter has %d rates, not %d", n, len(rates)),
			"make a new limiter to change how many there are")
	}
	s := l.lock()
	old := l.gen.Load()
	now := old.now()
	for i, b := range old.budgets {
		s.tats[i] = moved(s.tats[i], rescale(s.tats[i], now, b.interval, p.budgets[i].interval), now)
	}
	gen := &generation{plan: p}
	old.next, old.changed = gen, now
	l.gen.Store(gen)
	s.expel(gen)
	l.serve(s)
	return nil
}

// moved returns the instant to, or if that lies in the past, where all instants
// mean the same, one that differs from the instant from. So the word of a Limiter
// whose rate changes changes too, and a try that has read the old plan fails.
func moved(from, to, now int64) int64 {
	if to > now {
		return to
	}
	if from == now-1 {
		return now - 2
	}
	return now - 1
}
