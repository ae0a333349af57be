package adaptive

import (
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
	low, high meter     // the two limits of a trial
	step      float64   // by which part of base a trial differs
	weak      bool      // base is hardly more than a guess
	spread    float64   // coefficient of variation of the latency at one limit,
	spreadOf  float64   // and of how many samples it is
	sure      float64   // the relative standard error of base
	block     meter     // the latest operations while holding
	held      meter     // all of them since it is held
	ref       meter     // how base was when it was tried
	alarmed   bool      // the latency has risen,
	alarm     meter     // to this
	until     time.Time // when holding ends
	trials    int
	tried     time.Time // when the present trial began
	down      bool      // the next trial is downward

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
	leastSamples  = 10              // of a trial, if more than the limit
	fullSamples   = 50              // after which a trial ends, if more than three times the limit
	leastStep     = 0.1             // of a trial, as a part of the limit
	stepGrowth    = 1.6             // while trials go the same way
	settleTrips   = 1.5             // until a new limit is measured
	settleSpread  = 2               // standard deviations of the latency more: the slow ones count too
	blockSamples  = 50              // between looks at the latency while holding, if more than the limit
	holdTime      = 3 * time.Second // between trials,
	holdTrips     = 20              // or as many round trips, if longer,
	holdUp        = 4               // or as many times as long as an upward trial
	holdDown      = 15              // or a downward one, which costs throughput
	patience      = 10              // times as many samples, if there is much noise
	trialError    = 0.15            // of the elasticity, that is exact enough,
	weakError     = 0.1             // or of the latencies' ratio where base is a guess
	spreadSamples = 1000            // that the noise is averaged over
	refSamples    = 1500            // that the latency of base is averaged over
	downEvery     = 8               // each so manieth trial is a downward one, if not more
	flat          = 0.25            // an elasticity that says that base is above the knee
	alarmRise     = 1.25            // of the latency
	queueNoise    = 1.5             // times as much as if latencies were independent
	leastError    = 0.05            // of a base, since the knee may have moved,
	guessError    = 0.5             // and of one that is a guess
	headroom      = 1.02            // over the knee
)

// NewKnee returns a Knee between the limits min and max that begins with start.
// Of numbers that do not fit it takes the nearest that do.
func NewKnee(minimum, maximum, start int) *Knee {
	k := &Knee{min: max(1, minimum), step: 1, weak: true, sure: guessError}
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
		return k.raise(now)
	}
	m := k.meter()
	if now.Before(m.from) {
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

// settle lets a round trip and a half pass before the new limit is measured, of the
// slower ones.
//
// It is tempting to leave out instead what was sent before. But the first of those
// sent since to come back are the fastest, and while the latency varies much, the
// mean of them is far too low.
func (k *Knee) settle(now time.Time) {
	k.meter().from = now.Add(seconds(k.hint * (settleTrips + settleSpread*k.spread)))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// first ends the measurement of Start.
func (k *Knee) first(now time.Time) Reason {
	if k.low.from.IsZero() {
		k.low.from = now.Add(seconds(k.hint))
	}
	if !enough(&k.low) {
		return ""
	}
	if !k.low.used() {
		k.low = meter{limit: k.base, from: now}
		return ""
	}
	return k.tryUp(now, k.low)
}

// raise raises the limit by one, as it is called for each success. To raise it at
// once would send a volley.
func (k *Knee) raise(now time.Time) Reason {
	k.limit = min(k.limit+1, k.target)
	if k.limit < k.target {
		return ""
	}
	k.settle(now)
	if k.state == kneeHolding {
		return Recovered
	}
	return Probed
}
