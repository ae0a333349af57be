package adaptive

import (
	"time"

	"github.com/penstock-go/penstock"
)

// Auto is the Control that a Limiter has unless told otherwise. It joins a Knee,
// which reads throughput and latency, with a Classifier and a RateCap, which read
// refusals:
//
//   - At the first refusal it allows one less than was in flight then, and half of
//     that for each further one sent since, until something sent since is accepted.
//   - Then an experiment says which of the two is limited: as many as were accepted
//     together are kept under way for some round trips, without a rate. If all are
//     accepted it is concurrency, and that number is held as a ceiling, which is tried
//     again after 3 s, 6 s and 12 s; what is then refused the Classifier explains. If
//     something is refused it is the rate: the RateCap takes over and the limit is
//     what it was before.
//   - A rate is doubted, and the experiment made again, where what is refused at it
//     was sent with more in flight than the rate explains.
//   - While nothing is accepted it lets one operation go at a time, each after
//     twice the pause of the last, up to 2 s. When something is accepted, the
//     limit goes back to what it was, by one for each success.
type Auto struct {
	knee     *Knee
	kinds    Classifier
	rate     RateCap
	kind     Kind
	test     *experiment // one that is under way
	refuted  int         // the level of the latest whose answer was the rate,
	doubts   int         // and refusals of a rate that is known, since then
	trouble  *trouble
	cut      time.Time // what was sent before is no news when it is refused
	row      int       // refusals without anything accepted in between
	ceilings int       // how often the ceiling was met again
	level    int       // the ceiling
	resolved time.Time // when the last trouble ended
	strikes  int       // troubles, soon after each other, that do not fit the kind
}

// trouble is from the first refusal until something sent since is accepted.
type trouble struct {
	first  Observation
	before int // the limit
	base   int // what the knee held
	since  time.Time
	gap    time.Duration // between sends
	gaps   int           // refusals of what was sent since
}

const (
	mostGap      = 2 * time.Second  // between tries while nothing is accepted
	outageGaps   = 8                // after which it is not the rate
	rowOfTrouble = 6                // refusals in a row that a rate cap does not explain
	ceilingTime  = 3 * time.Second  // until a ceiling is tried again, at first,
	ceilingLong  = 12 * time.Second // and at most
	soonTrips    = 5                // round trips between troubles that are soon after each other,
	mostStrikes  = 2                // and how many of them change the kind
	farAbove     = 1.2              // times a ceiling, at which it is not believed any more
	rateSends    = 30               // accepted, that tell the rate before a refusal
)

// NewAuto returns an Auto between two limits that begins with start; see NewKnee.
func NewAuto(minimum, maximum, start int) *Auto {
	return &Auto{knee: NewKnee(minimum, maximum, start)}
}

// Limit returns the limit in force.
func (a *Auto) Limit() int { return a.knee.Limit() }

// Kind returns what the server was last found to limit by refusing.
func (a *Auto) Kind() Kind { return a.kind }

// Rate returns how many operations may begin a second, 0 for any number.
func (a *Auto) Rate(now time.Time) float64 {
	r := a.rate.Rate(now)
	if a.test != nil {
		r = testPace * float64(a.test.level) / a.knee.hint
	}
	if t := a.trouble; t != nil && t.gap > 0 {
		if g := 1 / t.gap.Seconds(); r == 0 || g < r {
			r = g
		}
	}
	return r
}

// Held is told that operations are held back for so long because of a refusal.
func (a *Auto) Held(d time.Duration) {
	a.rate.Held(d)
}

// Observe learns from an operation.
func (a *Auto) Observe(now time.Time, o Observation) Reason {
	switch o.Outcome {
	case penstock.Success, penstock.Failure:
		return a.accepted(now, o)
	case penstock.Overload:
		return a.refused(now, o)
	}
	return ""
}

func (a *Auto) accepted(now time.Time, o Observation) Reason {
	a.kinds.Add(o, false)
	a.rate.Sent(o)
	if t := a.trouble; t != nil {
		if o.Sent.Before(t.since) {
			a.knee.learn(o)
			return ""
		}
		a.row = 0
		if a.knee.hint == 0 {
			a.knee.learn(o) // the very first was refused
		}
		return a.resolve(now)
	}
	a.row = 0
	if a.test != nil && a.test.passed(o) {
		return a.confirm(now)
	}
	return a.knee.Observe(now, o)
}

func (a *Auto) refused(now time.Time, o Observation) Reason {
	a.kinds.Add(o, true)
	if o.Sent.Before(a.cut) {
		a.rate.Late(o)
		return ""
	}
	a.row++
	t := a.trouble
	if t == nil && a.kind == Concurrency && float64(a.knee.base) > farAbove*float64(a.level) {
		// That much was accepted for a whole trial, so the ceiling is none (any
		// more): what this one means is as open as at the first refusal.
		a.kind, a.level = Unknown, 0
	}
	switch {
	case t == nil && a.test != nil:
		return a.refute(now, o)
	case t == nil && a.rate.Active() && a.row < rowOfTrouble:
		if !a.rate.Refused(now, o) {
			return ""
		}
		a.cut = now
		return a.doubt(now, o)
	case t == nil:
		a.rate.mark(o)
		a.trouble = &trouble{first: o, before: max(a.knee.base, a.knee.limit), base: a.knee.base, since: now, gap: o.Latency}
		a.knee.Cut(now, a.below(o))
	default:
		a.rate.Late(o)
		t.gaps++
		t.gap = min(2*t.gap, mostGap)
		a.knee.Cut(now, a.knee.Limit()/2)
	}
	a.cut = now
	if a.trouble.gaps > outageGaps {
		return BackedOff
	}
	return Refused
}

// below returns the limit after the first refusal: that of the known ceiling where
// it was exceeded, or one less than was in flight.
func (a *Auto) below(o Observation) int {
	limit := a.knee.Limit()
	if a.kind == Concurrency && a.level < min(limit, o.InFlight) {
		return a.level
	}
	return min(o.InFlight, limit+1) - 1
}

// resolve ends a trouble: something sent since the cut was accepted.
func (a *Auto) resolve(now time.Time) Reason {
	t := a.trouble
	a.trouble = nil
	if t.gaps > outageGaps {
		a.knee.Resume(now, t.before)
		return Recovered
	}
	again := t.since.Sub(a.resolved).Seconds() < soonTrips*a.knee.hint
	a.resolved = now
	if !again {
		a.strikes = 0
	}
	kind, n := a.kinds.Verdict(t.first.Sent.Add(-seconds(2 * a.knee.hint)))
	switch {
	case kind == Concurrency && a.kind == Concurrency && n <= t.base:
		return a.hitCeiling(now, n)
	case kind == Concurrency && a.kind == Concurrency:
		return a.try(now, experiment{refused: t.first.Sent, level: n, good: t.base})
	case a.kind == Concurrency && a.strikes < mostStrikes:
		// Its number may have changed just now, so that as many were accepted
		// before as are refused. It is believed unless that happens on and on.
		a.strikes++
		a.hitCeiling(now, a.knee.Limit())
		if t.gaps > 0 {
			a.knee.seek(now) // it has been halved, which may be too much
		}
		return Ceiling
	}
	a.rate.startAfter(now, max(a.kinds.AcceptedRate(rateSends), float64(t.first.InFlight)/a.knee.hint))
	return a.try(now, experiment{refused: t.first.Sent, level: a.together(t.first), before: t.before})
}

// hitCeiling holds n, for the longer the more often it was the same.
func (a *Auto) hitCeiling(now time.Time, n int) Reason {
	if n == a.level {
		a.ceilings++
	} else {
		a.level, a.ceilings = n, 0
	}
	wait := min(ceilingTime<<min(a.ceilings, 8), ceilingLong)
	a.knee.Resume(now, n)
	a.knee.SetCeiling(n, now.Add(wait))
	return Ceiling
}
