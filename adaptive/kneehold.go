package adaptive

import (
	"math"
	"time"
)

// rest holds base for a while.
func (k *Knee) rest(now time.Time) Reason {
	var took time.Duration
	if k.state == kneeUp || k.state == kneeDown {
		took = now.Sub(k.tried) * holdUp
		if k.state == kneeDown {
			took = now.Sub(k.tried) * holdDown
		}
		k.fold(k.meter())
	}
	k.state, k.weak, k.alarmed = kneeHolding, false, false
	k.limit, k.target = k.base, k.base
	k.block, k.held = meter{limit: k.base}, meter{limit: k.base}
	k.settle(now)
	k.until = now.Add(max(holdTime, seconds(holdTrips*k.hint), took))
	k.step = leastStep
	return Kept
}

// hold looks at a block of operations while base is held.
func (k *Knee) hold(now time.Time) Reason {
	if k.block.n < float64(max(blockSamples, k.block.limit)) {
		return ""
	}
	b := k.block
	k.block = meter{limit: k.base, from: now}
	if !b.used() {
		k.alarmed, k.held = false, meter{limit: k.base}
		return ""
	}
	if k.ref.n == 0 {
		k.ref = b
	}
	if rise := k.rise(&b); rise > 1 {
		if !k.alarmed {
			// The first block may be half of before and half of after.
			k.alarmed, k.alarm = true, meter{limit: k.base}
			return ""
		}
		k.fold(&b)
		k.alarm.join(&b)
		if k.alarm.spread() > weakError*math.Sqrt(k.alarm.n) {
			return "" // to be sure of it
		}
		k.weak = true
		return k.tryDown(now, k.alarm, int(float64(k.base)*max(0.5, 1/rise)))
	}
	k.alarmed = false
	k.fold(&b)
	k.held.join(&b)
	k.ref.join(&b)
	k.ref.forget(refSamples)
	if now.Before(k.until) {
		return ""
	}
	k.step = k.stepFor(&b)
	b = k.held
	if k.down || k.trials%downEvery == downEvery-1 {
		k.down = false
		return k.tryDown(now, b, int(math.Round(float64(k.base)/(1+k.step))))
	}
	return k.tryUp(now, b)
}

// rise returns by what factor the latency is above that of when base was tried, or
// 1 if that may be noise. If it is below, that is how it is from now on.
func (k *Knee) rise(b *meter) float64 {
	x := math.Log(b.latency() / k.ref.latency())
	sure := max(math.Log(alarmRise), 3*k.error(b, &k.ref))
	switch {
	case x > sure:
		return math.Exp(x)
	case x < -sure:
		k.ref = *b
	}
	return 1
}

// fold takes what a measurement says of the noise into what is known of it. A few
// samples say too little where one in ten takes forty times as long.
func (k *Knee) fold(m *meter) {
	if m.n < 2 {
		return
	}
	v := m.spread()
	weight := min(k.spreadOf, spreadSamples)
	k.spread = math.Sqrt((k.spread*k.spread*weight + v*v*m.n) / (weight + m.n))
	k.spreadOf = weight + m.n
}

// error returns the standard error of the logarithm of the ratio of two latencies.
func (k *Knee) error(a, b *meter) float64 {
	return max(a.spread(), b.spread(), k.spread) * math.Sqrt(1/a.n+1/b.n)
}

// stepFor returns the step of a trial whose elasticity will have a standard
// error of a quarter.
func (k *Knee) stepFor(m *meter) float64 {
	samples := float64(max(fullSamples, 3*m.limit))
	return min(max(math.Expm1(4*max(m.spread(), k.spread)*math.Sqrt(2/samples)), leastStep), 1)
}

// Cut lowers the limit at once, and ends a trial. It is for what Observe does not
// see. What was measured before is kept.
func (k *Knee) Cut(now time.Time, limit int) {
	k.limit = min(max(limit, k.min), k.limit)
	k.target = k.limit
	k.state, k.weak, k.alarmed = kneeHolding, false, false
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
}

// SetCeiling keeps trials at n or below until a time, after which they go above
// by one. It is for what is known from refusals.
func (k *Knee) SetCeiling(n int, until time.Time) { k.ceiling, k.ceilingUntil = n, until }

// seek ends the holding of a base that is too low, probably.
func (k *Knee) seek(now time.Time) { k.until, k.ceilingUntil = now, now }
