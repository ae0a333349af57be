package adaptive

import (
	"math"
	"time"
)

// A cycle is what went through between two refusals.
type cycle struct{ seconds, accepted float64 }

// A mark is when an operation was sent.
type mark struct {
	at  time.Time
	seq uint64
}

// cycle returns what went through until o was refused. Where the cap was below the
// rate at first, the bucket ran over, and only the last quarter of the cycle counts.
func (c *RateCap) cycle(o Observation) cycle {
	if !c.begun || o.Seq <= c.startSeq || c.fresh {
		return c.brief(o)
	}
	from := mark{c.start, c.startSeq}
	if c.settled {
		quarter := o.Sent.Add(-o.Sent.Sub(c.start) / 4)
		for _, m := range c.marks {
			if m.at.Before(quarter) {
				from = m
			}
		}
	}
	return cycle{seconds: o.Sent.Sub(from.at).Seconds(), accepted: float64(o.Seq - from.seq)}
}

// brief returns the cycle where it was over before anything sent in it had ended: a
// refusal takes less time than an operation. What went through is then all that was
// sent and not refused.
func (c *RateCap) brief(o Observation) cycle {
	if c.held || c.refused.at.IsZero() || o.Seq <= c.refused.seq+c.late {
		return cycle{}
	}
	return cycle{seconds: o.Sent.Sub(c.refused.at).Seconds(), accepted: float64(o.Seq - c.refused.seq - 1 - c.late)}
}

// slope fits a line to the cycles: its slope is the rate, its intercept what was in
// the bucket at the start of each. It takes each count to be wrong by more than
// one, and returns the relative error of the rate.
func slope(cycles []cycle) (rate, content, err float64) {
	n := float64(len(cycles))
	var t, a, tt, ta float64
	for _, y := range cycles {
		t += y.seconds / n
		a += y.accepted / n
	}
	for _, y := range cycles {
		tt += (y.seconds - t) * (y.seconds - t)
		ta += (y.seconds - t) * (y.accepted - a)
	}
	if tt <= 0 || ta <= 0 {
		return 0, 0, math.Inf(1)
	}
	rate = ta / tt
	return rate, a - rate*t, countError / math.Sqrt(tt) / rate
}
