package adaptive

import (
	"math"
	"time"
)

// A RateCap finds the rate of a server that refuses what comes above it, such as
// a token bucket. Between two refusals a bucket lets through
//
//	accepted = what was in it + rate × time
//
// so two such cycles of different lengths give the rate and the content, as slope
// and intercept. The cap goes a little below that, rises to it as a cubic does to
// its inflection (the shape of CUBIC, RFC 9438), and past it ever faster, until
// the next refusal. One refusal in each cycle is the price of knowing when the
// server gives more.
//
// The zero RateCap caps nothing.
type RateCap struct {
	rate    float64 // the estimate; 0 for no cap
	dip     float64 // how far below it a cycle begins, as a part of it
	plateau float64 // seconds until the cap reaches the estimate
	since   time.Time

	begun    bool // whether something sent in this cycle has been seen,
	start    time.Time
	startSeq uint64 // the first of it
	last     time.Time
	cycles   []cycle
	hold     float64 // the longest pause that a refusal cost, seconds
}

// A cycle is what went through between two refusals.
type cycle struct{ seconds, accepted float64 }

const (
	rateCycles  = 4                // that are fitted
	leastDip    = 0.01             // below the estimate
	firstDip    = 0.3              // below a rate at which something was refused for the first time
	plateauOps  = 2000             // the plateau lasts as many operations,
	leastTime   = 15 * time.Second // but at least this
	mostTime    = 10 * time.Minute // and at most this
	holdPayback = 40               // and at least as many times what a refusal costs
	refillOps   = 10               // sent at half the rate after a refusal
)

// Start begins at now with a rate at which something has been refused.
func (c *RateCap) Start(now time.Time, o Observation, refusedAt float64) {
	c.endCycle(o)
	c.set(now, refusedAt*(1-firstDip), firstDip)
}

// Active reports whether there is a cap.
func (c *RateCap) Active() bool { return c.rate > 0 }

// Drop forgets the cap.
func (c *RateCap) Drop() { *c = RateCap{} }

// Rate returns the cap at now in operations a second, or 0 for none.
func (c *RateCap) Rate(now time.Time) float64 {
	if c.rate == 0 {
		return 0
	}
	t := now.Sub(c.since).Seconds()
	if c.begun {
		t = now.Sub(c.start).Seconds()
	}
	if t < refillOps/c.rate {
		return c.rate / 2
	}
	u := t/c.plateau - 1
	r := c.rate * (1 + c.dip*u*u*u)
	if u > 1 {
		r *= math.Exp2(u - 1)
	}
	return r
}

// Sent is told of each operation that was accepted.
func (c *RateCap) Sent(o Observation) {
	if o.Sent.Before(c.since) {
		return
	}
	switch {
	case !c.begun, o.Seq < c.startSeq, c.idle(o):
		c.begun, c.start, c.startSeq = true, o.Sent, o.Seq
	}
	if o.Sent.After(c.last) {
		c.last = o.Sent
	}
}

// idle reports whether the application has wanted less than the cap. The bucket
// may then have run over, and what went through says nothing of its rate.
func (c *RateCap) idle(o Observation) bool {
	if c.rate == 0 {
		return false
	}
	if o.Sent.Sub(c.last).Seconds() > 5*refillOps/c.rate {
		return true
	}
	ops, t := float64(o.Seq-c.startSeq), o.Sent.Sub(c.start).Seconds()
	return ops > 3*refillOps && ops < 0.7*t*c.rate
}

// Refused is told of the first operation of a cycle that was refused, and reports
// whether it was: those that were sent before the latest cut are not news.
func (c *RateCap) Refused(now time.Time, o Observation) bool {
	if o.Sent.Before(c.since) {
		return false
	}
	at := c.Rate(o.Sent)
	c.hold = max(c.hold, 0)
	c.endCycle(o)
	if rate, err, ok := c.fit(); ok {
		rate = min(rate, at)
		c.set(now, rate, min(max(leastDip, err), firstDip))
	} else {
		c.set(now, at*(1-firstDip/3), firstDip/3)
	}
	return true
}

// Held is told that a refusal stops everything for so long.
func (c *RateCap) Held(d time.Duration) {
	c.hold = max(c.hold, d.Seconds())
	c.plateau = c.plateauFor()
}

func (c *RateCap) plateauFor() float64 {
	t := min(max(plateauOps/c.rate, leastTime.Seconds()), mostTime.Seconds())
	return max(t, holdPayback*c.hold)
}

func (c *RateCap) set(now time.Time, rate, dip float64) {
	c.rate, c.dip = rate, dip
	c.plateau = c.plateauFor()
	if dip > 3*leastDip {
		// A rough estimate is worth less time.
		c.plateau *= 3 * leastDip / dip
	}
	c.since, c.begun = now, false
}

// endCycle notes the cycle that the refusal of o ends.
func (c *RateCap) endCycle(o Observation) {
	if !c.begun || o.Seq <= c.startSeq {
		return
	}
	got := cycle{seconds: o.Sent.Sub(c.start).Seconds(), accepted: float64(o.Seq - c.startSeq)}
	c.cycles = append(c.cycles, got)
	if len(c.cycles) > rateCycles {
		c.cycles = c.cycles[1:]
	}
}

// fit returns the slope of the cycles as a rate, and its relative error. It takes
// each count to be wrong by one.
func (c *RateCap) fit() (rate, err float64, ok bool) {
	n := float64(len(c.cycles))
	if n < 2 {
		return 0, 0, false
	}
	var t, a float64
	for _, y := range c.cycles {
		t += y.seconds / n
		a += y.accepted / n
	}
	var tt, ta float64
	for _, y := range c.cycles {
		tt += (y.seconds - t) * (y.seconds - t)
		ta += (y.seconds - t) * (y.accepted - a)
	}
	last := c.cycles[len(c.cycles)-1]
	most := last.accepted / last.seconds
	if tt > 0 {
		rate = ta / tt
		err = 1.5 / math.Sqrt(tt) / most
	}
	if tt == 0 || err > 0.1 || rate < most/2 || rate > most*1.05 {
		return 0, 0, false
	}
	return min(rate, most), err, true
}
