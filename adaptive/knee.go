package adaptive

import (
	"math"
	"time"

	"github.com/penstock-go/penstock"
)

// A Knee finds the least number of operations in flight that gives the most
// throughput, where a server answers too many by making them wait. It reads the
// elasticity of throughput, e = dlnX/dlnN, of two limits that are tried one
// right after the other: 1 below the knee and 0 above it. So it does not mind
// when the latency changes by itself, which those that compare the latency with
// one of long ago take for a queue.
//
// It begins with Start and doubles while e > 0.5. The knee is then at the
// throughput above it times the latency below it (Little's law). From then on it
// holds what it found, and tries a little more every few seconds, a little less
// more rarely, and less at once when the latency rises. A trial lasts as many
// round trips as its noise makes necessary, and its step is the larger the more
// noise there is. It does nothing while less than 85 % of the limit is in use:
// the application, or another limit, is then what limits.
//
// Refusals are nothing to it: see Auto.
type Knee struct {
	min, max int
	base     int // the limit that the present trial began with, or is held
	limit    int // what is in force
	target   int // where limit is rising to, one for each success

	state     kneeState
	low, high meter   // the two limits of a trial
	step      float64 // by which part of base a trial differs
	weak      bool    // base is hardly more than a guess
	block     meter   // the latest operations while holding
	ref       meter   // how base was when it was tried
	alarms    int
	until     time.Time // when holding ends
	trials    int
	down      bool // the next trial is downward

	ceiling      int // no more than this,
	ceilingUntil time.Time
	hint         float64 // mean latency of late, seconds
}

type kneeState uint8

const (
	kneeFirst   kneeState = iota // measuring Start
	kneeUp                       // measuring high, with low known
	kneeDown                     // measuring low, with high known
	kneeHolding                  // measuring base
)

// What the Knee goes by. Half and double of each were tried; see the tests.
const (
	leastSamples = 10              // of a trial, if more than the limit
	fullSamples  = 50              // after which a trial ends, if more than three times the limit
	leastStep    = 0.1             // of a trial, as a part of the limit
	stepGrowth   = 1.6             // while trials go the same way
	holdTime     = 3 * time.Second // between trials,
	holdTrips    = 20              // or as many round trips, if longer
	downEvery    = 4               // each so manieth trial is a downward one, if not more
	flat         = 0.25            // an elasticity that says that base is above the knee
	alarmRise    = 1.25            // of the latency
	prior        = 0.05            // how sure a held limit is
	headroom     = 1.02            // over the knee
)

// NewKnee returns a Knee between the limits min and max that begins with start.
// Of numbers that do not fit it takes the nearest that do.
func NewKnee(minimum, maximum, start int) *Knee {
	k := &Knee{min: max(1, minimum), step: 1, weak: true}
	k.max = max(k.min, maximum)
	k.base = min(max(start, k.min), k.max)
	k.limit, k.target = k.base, k.base
	k.low = meter{limit: k.base}
	return k
}

// Limit returns the limit in force.
func (k *Knee) Limit() int { return k.limit }

// Observe learns from a Success, and from nothing else.
func (k *Knee) Observe(now time.Time, o Observation) Reason {
	if o.Outcome != penstock.Success {
		return ""
	}
	k.learn(o)
	if k.limit < k.target {
		k.limit++
		if k.limit == k.target {
			k.settle(now)
		}
		return Probed
	}
	m := k.meter()
	if o.Sent.Before(m.from) {
		return ""
	}
	m.add(o)
	switch k.state {
	case kneeFirst:
		return k.first(now)
	case kneeUp:
		return k.judgeUp(now)
	case kneeDown:
		return k.judgeDown(now)
	}
	return k.hold(now)
}

func (k *Knee) learn(o Observation) {
	s := o.Latency.Seconds()
	if k.hint == 0 {
		k.hint = s
	}
	k.hint += (s - k.hint) / 32
}

// meter returns the meter that is being read.
func (k *Knee) meter() *meter {
	switch k.state {
	case kneeUp:
		return &k.high
	case kneeHolding:
		return &k.block
	}
	return &k.low
}

// settle lets a round trip pass before the new limit is measured.
func (k *Knee) settle(now time.Time) {
	k.meter().from = now.Add(seconds(k.hint))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func enough(m *meter) bool { return m.n >= float64(max(leastSamples, m.limit)) }
func full(m *meter) bool   { return m.n >= float64(max(fullSamples, 3*m.limit)) }

// first ends the measurement of Start.
func (k *Knee) first(now time.Time) Reason {
	if !enough(&k.low) {
		return ""
	}
	if !k.low.used() {
		k.low = meter{limit: k.base, from: now}
		return ""
	}
	return k.tryUp(now, k.low)
}

// tryUp begins a trial of more than base, which is measured as low.
func (k *Knee) tryUp(now time.Time, low meter) Reason {
	top := k.max
	if k.ceiling > 0 {
		// Above a known ceiling go on by one, until that is seen to be
		// accepted.
		top = min(top, k.ceiling)
		if !now.Before(k.ceilingUntil) {
			top = min(k.max, k.ceiling+1)
		}
	}
	to := min(max(k.base+1, int(math.Round(float64(k.base)*(1+k.step)))), top)
	if to <= k.base {
		return k.rest(now)
	}
	k.state, k.low, k.high = kneeUp, low, meter{limit: to}
	k.target = to
	k.trials++
	return k.raise(now)
}

// raise begins to raise the limit to the target by one for each success.
func (k *Knee) raise(now time.Time) Reason {
	if k.limit < k.target {
		k.limit++
	}
	if k.limit >= k.target {
		k.settle(now)
	} else {
		k.meter().from = now.Add(time.Hour) // until settle says otherwise
	}
	return Probed
}

// tryDown begins a trial of less than base, which is measured as high.
func (k *Knee) tryDown(now time.Time, high meter, to int) Reason {
	to = max(k.min, min(to, k.base-1))
	if to >= k.base {
		return k.rest(now)
	}
	k.state, k.high, k.low = kneeDown, high, meter{limit: to}
	k.limit, k.target = to, to
	k.trials++
	k.settle(now)
	return Probed
}

// judgeUp looks at a trial of more.
func (k *Knee) judgeUp(now time.Time) Reason {
	if !enough(&k.high) {
		return ""
	}
	if !k.high.used() {
		// The application does not want more. It may have what it was given.
		k.base = k.high.limit
		return k.rest(now)
	}
	e, err := elasticity(&k.low, &k.high)
	switch {
	case e-2*err > 0.5, full(&k.high) && e > 0.65:
		k.base, k.ref = k.high.limit, k.high
		if k.base > k.ceiling {
			k.ceiling = 0
		}
		if !k.weak {
			k.step = min(1, k.step*stepGrowth)
		}
		k.tryUp(now, k.high)
		return Grew
	case e+2*err < flat && k.step < 0.5:
		// The knee is at base or below it: the other side is to be looked at.
		k.ref, k.down = k.low, true
		return k.rest(now)
	case e+2*err < 0.5, full(&k.high):
		k.ref = k.low
		return k.land(now, k.low.limit)
	}
	return ""
}

// judgeDown looks at a trial of less.
func (k *Knee) judgeDown(now time.Time) Reason {
	if !enough(&k.low) {
		return ""
	}
	if !k.low.used() {
		return k.rest(now)
	}
	e, err := elasticity(&k.low, &k.high)
	switch {
	case e+2*err < flat && k.low.limit > k.min && k.weak:
		// Less is as good: go on in the same direction.
		k.base = k.low.limit
		k.tryDown(now, k.low, k.base*3/4)
		return Kneed
	case e+2*err < 0.5, full(&k.low) && e < 0.5:
		k.ref = k.low
		return k.land(now, k.high.limit)
	case e-2*err > 0.5, full(&k.low):
		k.ref = k.high
		return k.rest(now)
	}
	return ""
}

// land goes from a base to where the trial says that the knee is, between its
// two limits; the less far the more noise there was.
func (k *Knee) land(now time.Time, from int) Reason {
	knee := k.high.throughput() * k.low.latency() * headroom
	sure := prior
	if k.weak {
		sure = 0.5
	}
	noise := ratioError(&k.low, &k.high)
	gain := sure * sure / (sure*sure + noise*noise)
	to := int(math.Round(float64(from) + gain*(knee-float64(from))))
	k.base = min(max(to, k.low.limit), k.high.limit)
	k.rest(now)
	return Kneed
}

// rest holds base for a while.
func (k *Knee) rest(now time.Time) Reason {
	k.state, k.weak, k.alarms = kneeHolding, false, 0
	k.limit, k.target = k.base, k.base
	k.block = meter{limit: k.base}
	k.settle(now)
	k.until = now.Add(max(holdTime, seconds(holdTrips*k.hint)))
	k.step = leastStep
	return Kept
}

// hold looks at a block of operations while base is held.
func (k *Knee) hold(now time.Time) Reason {
	if !full(&k.block) {
		return ""
	}
	b := k.block
	k.block = meter{limit: k.base, from: now.Add(-seconds(k.hint))}
	if !b.used() {
		k.alarms = 0
		return ""
	}
	if k.ref.n == 0 {
		k.ref = b
	}
	rise := b.latency() / k.ref.latency()
	switch {
	case math.Log(rise) > max(math.Log(alarmRise), 3*ratioError(&b, &k.ref)):
		if k.alarms++; k.alarms < 2 {
			return ""
		}
		k.weak = true
		return k.tryDown(now, b, int(float64(k.base)*max(0.5, 1/rise)))
	case rise < 0.8:
		k.ref = b
	}
	k.alarms = 0
	if now.Before(k.until) {
		return ""
	}
	k.step = k.stepFor(&b)
	if k.down || k.trials%downEvery == downEvery-1 {
		k.down = false
		return k.tryDown(now, b, int(math.Round(float64(k.base)/(1+k.step))))
	}
	return k.tryUp(now, b)
}

// stepFor returns the step of a trial whose elasticity will have a standard
// error of a quarter.
func (k *Knee) stepFor(m *meter) float64 {
	samples := float64(max(fullSamples, 3*m.limit))
	return min(max(math.Expm1(4*m.spread()*math.Sqrt(2/samples)), leastStep), 1)
}

// Cut lowers the limit at once, and ends a trial. It is for what Observe does not
// see. What was measured before is kept.
func (k *Knee) Cut(now time.Time, limit int) {
	k.limit = min(max(limit, k.min), k.limit)
	k.target = k.limit
	k.state, k.weak, k.alarms = kneeHolding, false, 0
	k.block = meter{limit: k.limit}
	k.settle(now)
	k.until = now.Add(max(holdTime, seconds(holdTrips*k.hint)))
}

// Resume raises the limit to a base, one for each success, and holds it.
func (k *Knee) Resume(now time.Time, base int) {
	k.base = min(max(base, k.min), k.max)
	limit := min(k.limit, k.base)
	k.rest(now)
	k.limit, k.target = limit, k.base
	if k.limit < k.target {
		k.block.from = now.Add(time.Hour)
	}
}

// SetCeiling keeps trials at n or below until a time, after which they go above
// by one. It is for what is known from refusals.
func (k *Knee) SetCeiling(n int, until time.Time) { k.ceiling, k.ceilingUntil = n, until }
