package adaptive

import "time"

// An experiment makes the two kinds of refusals differ where the Classifier does not
// tell them apart, because what is in flight hardly varies: as many are kept under way
// as were accepted together, and as often as they come. What a server that limits
// concurrency refused was one more than that; it now accepts all. A server that limits
// the rate has just been asked for more than its rate, so its bucket is empty, and
// asking goes on about as fast as before: it refuses soon.
//
// A server whose rate is so little lower that it does not refuse may be taken for the
// other kind. It then gets all but that little.
type experiment struct {
	level   int       // so many under way
	refused time.Time // when something was
	since   time.Time // what was sent earlier says nothing
	good    int       // so many are known to be accepted, and what to go back to then; 0 for none
	before  int       // the limit to go back to
	left    int       // so many to accept yet; 0 until the first
	doubt   bool      // the rate was known
}

const (
	testTrips   = 5  // round trips that an experiment takes, and five times as long as the bucket could fill,
	leastTest   = 20 // and so many operations
	spread      = 1.15
	pausedDoubt = 4    // the first of them where each refusal stops everything
	leastGain   = 1.05 // by which what is supposed must differ
)

// passed takes an operation into account that was accepted, and reports whether that
// was the last.
func (e *experiment) passed(o Observation) bool {
	if o.Sent.Before(e.since) || float64(o.InFlight) < leastUse*float64(e.level) {
		return false
	}
	if e.left == 0 {
		// Up to now the bucket may have filled.
		e.left = max(leastTest, int(testTrips*float64(e.level)*(1+o.Sent.Sub(e.refused).Seconds()/o.Latency.Seconds())))
	}
	e.left--
	return e.left == 0
}

// try begins an experiment.
func (a *Auto) try(now time.Time, e experiment) Reason {
	e.since = now
	a.test = &e
	a.knee.Resume(now, e.level)
	a.knee.SetCeiling(e.level, now.Add(ceilingForever))
	return Tested
}

// room returns how many were accepted together when something was refused; less where
// that has been tried.
func (a *Auto) room(refused Observation) int {
	n := a.kinds.Together(refused.Sent.Add(-seconds(2 * a.knee.hint)))
	if a.refuted > 0 {
		n = min(n, a.refuted*9/10)
	}
	return max(n, 1)
}

const ceilingForever = 1000 * time.Hour

// confirm ends an experiment in which all was accepted.
func (a *Auto) confirm(now time.Time) Reason {
	e := a.test
	a.test, a.kind, a.refuted, a.doubts = nil, Concurrency, 0, 0
	a.rate.stop()
	return a.hitCeiling(now, e.level)
}

// refute ends an experiment in which something was refused.
func (a *Auto) refute(now time.Time, o Observation) Reason {
	e := a.test
	a.test, a.cut = nil, now
	if e.good > 0 {
		return a.hitCeiling(now, e.good)
	}
	a.kind, a.refuted = Rate, e.level
	if e.doubt {
		a.rate.restart(now, o)
	} else {
		a.doubts = 0
		a.rate.Refused(now, o)
	}
	a.knee.SetCeiling(0, now)
	a.knee.Resume(now, e.before)
	return RateFound
}

// doubt looks at a refusal of what went at a rate that is known: where as many as
// were accepted together would be noticeably faster, it may be that they are what is
// limited.
func (a *Auto) doubt(now time.Time, o Observation) Reason {
	if !a.rate.settled {
		return RateFound
	}
	a.doubts++
	if a.doubts < pausedDoubt && a.rate.hold > 0 {
		return RateFound // it would cost a pause
	}
	n := a.room(o)
	if a.doubts&(a.doubts-1) != 0 || float64(n) < leastGain*a.rate.rate*a.knee.hint {
		return RateFound
	}
	return a.try(now, experiment{refused: o.Sent, level: n, before: max(a.knee.base, a.knee.limit), doubt: true})
}
