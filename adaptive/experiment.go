package adaptive

import "time"

// An experiment makes the two kinds of refusals differ where what was in flight
// hardly varies, so that a Classifier cannot tell them apart. After a refusal it keeps
// exactly as many under way as were accepted together, whatever the rate is that this
// makes.
//
// A server that limits concurrency accepts all of them: it was full when it refused,
// so that number is its limit. A server that limits the rate has an empty bucket, and
// is asked for about as much as when it refused: it refuses again within some round
// trips. One whose rate is so little less that it does not is as well served by this
// limit as by its rate.
//
// Later the same is done where a rate is known and fewer than were refused would be
// faster than it: if what is sent faster than the supposed rate is accepted, there is
// no such rate.
type experiment struct {
	level   int       // so many under way
	refused time.Time // when what gave rise to it was sent
	since   time.Time // what was sent earlier says nothing
	left    int       // so many have to be accepted yet; 0 until the first is
	good    int       // the ceiling to go back to, if there is one
	before  int       // the limit to go back to, if there is none
	doubt   bool      // the rate is known
}

const (
	// testTrips is how many round trips an experiment takes, and as many times as
	// long as the server had to recover.
	testTrips = 5
	leastTest = 20 // operations
	// testPace is how fast it sends at most, as a part of what the level and the
	// latency make. What comes back together is so spread over a round trip: where
	// a worker counts as busy for a moment longer than its answer takes, a volley
	// finds no room.
	testPace = 1.15
	// leastGain is by how much more has to go through for a known rate to be
	// doubted, testBelow how much less than what was refused is then tried, and
	// pausedDoubt which refusal is the first to be doubted where each stops
	// everything for a while.
	leastGain   = 1.05
	testBelow   = 0.9
	pausedDoubt = 4
	// endless is until when a ceiling is not tried meanwhile.
	endless = 1000 * time.Hour
)

// passed takes an operation into account that was accepted, and reports whether that
// was the last.
func (e *experiment) passed(o Observation) bool {
	if o.Sent.Before(e.since) || float64(o.InFlight) < leastUse*float64(e.level) {
		return false
	}
	if e.left == 0 {
		idle := o.Sent.Sub(e.refused).Seconds() / o.Latency.Seconds() // while a bucket filled
		e.left = max(leastTest, int(testTrips*float64(e.level)*(1+idle)))
	}
	e.left--
	return e.left == 0
}

// try begins an experiment.
func (a *Auto) try(now time.Time, e experiment) Reason {
	e.since = now
	a.test = &e
	a.knee.Resume(now, e.level)
	a.knee.SetCeiling(e.level, now.Add(endless))
	return Tested
}

// together returns how many were accepted together when something was refused.
func (a *Auto) together(refused Observation) int {
	return a.kinds.Together(refused.Sent.Add(-seconds(2 * a.knee.hint)))
}

// confirm ends an experiment in which all was accepted: concurrency is limited.
func (a *Auto) confirm(now time.Time) Reason {
	e := a.test
	a.test, a.kind, a.refuted, a.doubts = nil, Concurrency, 0, 0
	a.rate.stop()
	return a.hitCeiling(now, e.level)
}

// refute ends an experiment in which something was refused: the ceiling is where it
// was, or there is none.
func (a *Auto) refute(now time.Time, o Observation) Reason {
	e := a.test
	a.test, a.cut = nil, now
	if e.good > 0 {
		a.rate.Late(o)
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

// doubt begins an experiment after a refusal of what went at a known rate, where that
// may be worth it: after the first, second, fourth, eighth.
func (a *Auto) doubt(now time.Time, o Observation) Reason {
	if !a.rate.settled {
		return RateFound
	}
	a.doubts++
	n := a.together(o)
	if a.refuted > 0 {
		n = max(1, min(n, int(testBelow*float64(a.refuted))))
	}
	switch {
	case a.doubts&(a.doubts-1) != 0,
		a.rate.hold > 0 && a.doubts < pausedDoubt,
		float64(n) < leastGain*a.rate.rate*a.knee.hint:
		return RateFound
	}
	return a.try(now, experiment{refused: o.Sent, level: n, before: max(a.knee.base, a.knee.limit), doubt: true})
}
