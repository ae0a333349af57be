package adaptive

import (
	"math"
	"time"
)

// enough reports whether a round trip or so was measured.
func enough(m *meter) bool { return m.n >= float64(max(leastSamples, m.limit)) }

// full reports whether a block has enough samples where there is little noise.
func full(m *meter) bool { return m.n >= float64(max(fullSamples, 3*m.limit)) }

// over reports whether a trial, of which m is being measured, has to come to an
// end: it is as exact as it should be, or it has taken too long.
func (k *Knee) over(m *meter) bool {
	if !full(m) {
		return false
	}
	goal := trialError * math.Log(float64(k.high.limit)/float64(k.low.limit))
	if k.weak {
		goal = weakError
	}
	return k.error(&k.low, &k.high) <= goal || m.n >= patience*float64(max(fullSamples, 3*m.limit))
}

// tryUp begins a trial of more than base, which is measured as low.
func (k *Knee) tryUp(now time.Time, low meter) Reason {
	top := k.max
	if k.ceiling > 0 {
		// Above a known ceiling go on by one, until that is seen to be
		// accepted.
		top = min(top, k.ceiling)
		if !now.Before(k.ceilingUntil) {
			top = min(k.max, max(k.ceiling, k.base)+1)
		}
	}
	to := min(max(k.base+1, int(math.Round(float64(k.base)*(1+k.step)))), top)
	if to <= k.base {
		k.rest(now)
		return ""
	}
	k.fold(k.meter())
	k.state, k.low, k.high = kneeUp, low, meter{limit: to}
	k.target = to
	k.trials++
	k.tried = now
	return k.raise(now)
}

// tryDown begins a trial of less than base, which is measured as high.
func (k *Knee) tryDown(now time.Time, high meter, to int) Reason {
	to = max(k.min, min(to, k.base-1))
	if to >= k.base {
		k.rest(now)
		return ""
	}
	k.fold(k.meter())
	k.state, k.high, k.low = kneeDown, high, meter{limit: to}
	k.limit, k.target = to, to
	k.trials++
	k.tried = now
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
	e, err := k.elasticity()
	switch {
	case e-2*err > 0.5, k.over(&k.high) && e > 0.65, k.guess(e):
		k.base, k.ref = k.high.limit, k.high
		if k.base > k.ceiling {
			k.ceiling = 0
		}
		if !k.weak {
			k.step = min(1, k.step*stepGrowth)
		}
		low := k.high
		if e > 0.75 {
			low.join(&k.low) // no slower than before: together they are more exact
		}
		k.tryUp(now, low)
		return Grew
	case e+2*err < 0.5 && !k.noisy(), k.over(&k.high):
		k.ref = k.low
		// Where base may be above the knee the other side is to be looked at.
		k.down = e < flat
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
	e, err := k.elasticity()
	switch {
	case e+2*err < flat && !k.noisy() && k.low.limit > k.min && k.weak:
		// Less is as good: go on in the same direction.
		k.base = k.low.limit
		k.tryDown(now, k.low, k.base*3/4)
		return Kneed
	case e+2*err < 0.5 && !k.noisy(), k.over(&k.low) && e < 0.5:
		k.ref = k.low
		return k.land(now, k.high.limit)
	case e-2*err > 0.5, k.over(&k.low):
		// To land here too matters: noise that shows the knee lower is not left
		// without the noise that shows it higher.
		k.ref = k.high
		return k.land(now, k.high.limit)
	}
	return ""
}

// guess reports whether to go on doubling without being sure. That the knee has
// not been passed is then more likely, and if it has been, the next step will show
// it the better; where too little is known of the lower limit more of the higher
// does not help.
func (k *Knee) guess(e float64) bool {
	return k.weak && full(&k.high) && (e > 0.5 || 2*k.low.n < k.high.n)
}

// noisy reports whether base is a guess and there is too much noise yet to land.
func (k *Knee) noisy() bool {
	return k.weak && k.error(&k.low, &k.high) > weakError
}

// land goes from a base to where the trial says that the knee is; the less far the
// more noise there was.
func (k *Knee) land(now time.Time, from int) Reason {
	// Those that queue behind each other are not independent.
	noise := queueNoise * k.error(&k.low, &k.high)
	knee := k.high.throughput() * k.low.latency() * (1 + noise/2)
	if !k.down {
		knee *= headroom
	}
	if k.weak {
		k.sure = guessError
	}
	// A Kalman filter's step.
	gain := k.sure * k.sure / (k.sure*k.sure + noise*noise)
	k.sure = max(math.Sqrt(gain)*noise, leastError)
	to := float64(from) * math.Pow(knee/float64(from), gain)
	// Beyond the two limits nothing is known; but to go no further than exactly
	// to one of them would be to go the other way on average.
	top := float64(k.high.limit) * (1 + noise)
	if k.weak && k.state == kneeDown {
		top = float64(k.high.limit) // the latency has risen: that asks for no more
	}
	to = min(max(to, float64(k.low.limit)/(1+noise)), top)
	k.base = min(max(int(math.Round(to)), k.min), k.max)
	k.rest(now)
	return Kneed
}

// elasticity returns that of the trial, and its standard error: infinite where the
// two limits were not different in use.
func (k *Knee) elasticity() (e, err float64) {
	dn := math.Log(k.high.inFlight() / k.low.inFlight())
	if dn < 0.01 {
		return 1, math.Inf(1)
	}
	return elasticity(&k.low, &k.high), k.error(&k.low, &k.high) / dn
}
