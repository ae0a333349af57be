package adaptive

import (
	"math"
	"time"
)

// A RateCap finds the rate of a server that refuses what comes above it, such as
// a token bucket. From one refusal to the next, a bucket that did not run over
// lets through
//
//	accepted = what was in it + rate × time
//
// and nothing is in it right after a refusal. So while the rate is not known, the
// cap stays above it by as much as is not known, and each refusal comes after
// several times as many operations as the one before: some five of them give the
// rate to 5 %. Where each refusal costs a pause (Held), during which the bucket
// fills, the slope over cycles of different lengths gives it.
//
// Once it is known the cap goes a little below, rises as a cubic to its inflection
// (the shape of CUBIC, RFC 9438), and past that ever faster, until the next
// refusal: it is the price of knowing when the server gives more.
//
// The zero RateCap caps nothing.
type RateCap struct {
	rate    float64 // the estimate; 0 for no cap
	err     float64 // of the estimate, as a part of it
	settled bool    // the estimate is good
	plateau float64 // seconds until the cap reaches the estimate, if settled;
	// until it has doubled its distance from it, if not

	since    time.Time // the last cut
	begun    bool      // something sent since has been seen,
	start    time.Time
	startSeq uint64 // the first of it
	last     time.Time
	marks    []mark  // of what was sent since, an eighth of a plateau apart
	held     bool    // the cycle began after a pause
	pause    bool    // there is one now
	hold     float64 // the longest pause, seconds
	cycles   []cycle // those after a pause
	emptied  bool    // a cycle without a pause has ended
	content  float64 // of the bucket at the start of those
	pooled   cycle   // those without, as long as the estimate was not good
	refused  mark    // when the one was sent whose refusal was the latest cut,
	late     uint64  // and how many were refused that had been sent between the two
	fresh    bool    // nothing was refused since Start, but something right before
}

const (
	rateCycles  = 4                // that are fitted
	goodEnough  = 0.05             // an error with which an estimate is settled
	leastDip    = 0.02             // below a settled estimate
	leastCut    = 0.95             // of the cap at each refusal
	firstCut    = 0.8              // the same while hardly anything is known
	leastStepUp = 0.05             // by which a cap that cuts so is above it
	probeOps    = 10               // until a cap above the rate has doubled its distance, at least
	leastFresh  = 0.5              // of the rate at which something was refused: what went through after it
	heldCut     = 0.8              // the same where each costs a pause
	plateauOps  = 4000             // the plateau lasts as many operations,
	leastTime   = 20 * time.Second // but at least this
	mostTime    = 2 * time.Minute  // and at most this
	holdPayback = 40               // and at least as many times what a refusal costs
	mostMarks   = 64               // eight plateaus; the cap has by then grown more than hundredfold
	refillOps   = 10               // sent at half the rate after a refusal
	countError  = 1.5              // of a count
)

// Start begins at now with a rate at which something has been refused.
func (c *RateCap) Start(now time.Time, refusedAt float64) {
	c.rate, c.err, c.settled, c.plateau = refusedAt, 0, false, 1
	c.held, c.pause, c.emptied = c.pause, false, false
	c.since, c.begun = now, false
}

// mark notes an operation whose refusal found the bucket empty.
func (c *RateCap) mark(o Observation) { c.refused, c.late = mark{o.Sent, o.Seq}, 0 }

// startAfter is Start where the refusal that found the bucket empty was marked: what
// goes through from then on is the rate.
func (c *RateCap) startAfter(now time.Time, refusedAt float64) {
	c.Start(now, refusedAt)
	c.fresh = true
}

// restart begins another cycle with the estimate that there is.
func (c *RateCap) restart(now time.Time, o Observation) {
	c.held, c.pause = c.pause, false
	c.since, c.begun, c.fresh = now, false, false
	c.mark(o)
}

// stop removes the cap.
func (c *RateCap) stop() { *c = RateCap{hold: c.hold} }

// Active reports whether there is a cap.
func (c *RateCap) Active() bool { return c.rate > 0 }

// Rate returns the cap at now in operations a second, or 0 for none.
func (c *RateCap) Rate(now time.Time) float64 {
	if c.rate == 0 {
		return 0
	}
	t := 0.0
	if c.begun {
		t = now.Sub(c.start).Seconds()
	}
	if !c.settled {
		return c.rate * (1 + c.err*math.Exp2(min(t/c.plateau, 30)))
	}
	if t < refillOps/c.rate {
		return c.rate / 2
	}
	u := t/c.plateau - 1
	return c.rate * (1 + c.err*u*u*u) * math.Exp2(max(u-1, 0))
}

// Sent is told of each operation that was accepted.
func (c *RateCap) Sent(o Observation) {
	if o.Sent.Before(c.since) {
		return
	}
	if !c.begun || o.Seq < c.startSeq || c.idle(o) {
		c.begun, c.start, c.startSeq = true, o.Sent, o.Seq
		c.marks = c.marks[:0]
	}
	if n := len(c.marks); n < mostMarks && o.Sent.Sub(c.start).Seconds() > float64(n+1)*c.plateau/8 {
		c.marks = append(c.marks, mark{o.Sent, o.Seq})
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

// Refused is told of an operation that was refused, and reports whether that was
// news: those that were sent before the latest cut are not.
func (c *RateCap) Refused(now time.Time, o Observation) bool {
	if o.Sent.Before(c.since) {
		c.Late(o)
		return false
	}
	at := c.Rate(o.Sent)
	got := c.cycle(o)
	if c.held {
		c.learnHeld(got, at)
	} else {
		c.learn(got, at)
	}
	c.restart(now, o)
	return true
}

// Late is told of an operation that was refused and is no news, because it was sent
// before the latest cut.
func (c *RateCap) Late(o Observation) {
	if o.Seq > c.refused.seq {
		c.late++
	}
}

// learn estimates the rate from a cycle that began with an empty bucket.
func (c *RateCap) learn(got cycle, at float64) {
	if c.settled {
		c.pooled = cycle{}
		if got.accepted*goodEnough < countError {
			// Too soon to say more than that it is less: the bucket was still filling.
			c.probe(c.rate*leastCut, leastStepUp, max(0.5, probeOps/c.rate))
			return
		}
	}
	if !c.emptied {
		// Something was in the bucket when this cycle began, or it ran over in it.
		c.emptied = true
		rate := at * firstCut
		if c.fresh && got.accepted > 0 {
			rate = min(rate, max(got.accepted/got.seconds, at*leastFresh))
		}
		c.probe(rate, leastStepUp, max(0.5, probeOps/at))
		return
	}
	c.pooled.seconds += got.seconds
	c.pooled.accepted += got.accepted
	p := c.pooled
	if p.accepted < 2 || p.seconds <= 0 {
		c.probe(at*firstCut, leastStepUp, max(0.5, probeOps/at))
		return
	}
	rate, err := p.accepted/p.seconds, countError/p.accepted
	if err <= goodEnough {
		c.settle(min(rate, at), err)
		return
	}
	c.probe(min(rate, at*leastCut), err/4, p.seconds)
}

// learnHeld estimates the rate from a cycle that began after a pause.
func (c *RateCap) learnHeld(got cycle, at float64) {
	if more := got.accepted - c.content; c.settled && more > countError/goodEnough {
		c.settle(min(more/got.seconds, at), countError/more)
		return
	}
	if got.seconds > 0 {
		c.cycles = append(c.cycles, got)
	}
	if len(c.cycles) > rateCycles {
		c.cycles = c.cycles[1:]
	}
	rate, content, err := slope(c.cycles)
	if err <= goodEnough && rate <= at*1.05 && rate >= at/2 {
		c.content = max(0, content)
		c.settle(min(rate, at), err)
		return
	}
	c.probe(at*heldCut, leastStepUp, max(2, 4*probeOps/at))
}

// probe goes above rate by a part of it, which doubles every so many seconds.
func (c *RateCap) probe(rate, above, double float64) {
	c.rate, c.err, c.plateau, c.settled = rate, above, max(double, 0.1), false
}

// settle goes below rate by the error, or a hundredth.
func (c *RateCap) settle(rate, err float64) {
	c.rate, c.err, c.settled = rate, max(leastDip, err), true
	c.plateau = max(min(max(plateauOps/rate, leastTime.Seconds()), mostTime.Seconds()), holdPayback*c.hold)
	if c.hold == 0 {
		// A rough estimate is worth less time.
		c.plateau *= leastDip / c.err
	}
}

// Held is told that a refusal stops everything for so long.
func (c *RateCap) Held(d time.Duration) {
	c.hold = max(c.hold, d.Seconds())
	if c.begun {
		c.pause = true
	} else {
		c.held = true
	}
}
