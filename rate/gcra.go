package rate

import (
	"math"
	"math/bits"
	"time"
)

// Time inside this package is a count of ticks since the Limiter was made. A
// tick is a sixteenth of a nanosecond: fine enough that rounding the interval
// of a fast rate up to a tick costs little, and coarse enough that a word with
// one bit to spare lasts for years.
const (
	tickBits     = 4
	ticksPerNano = 1 << tickBits
	// maxDebt bounds how far a budget's instant lies ahead of now. With it
	// and six years of ticks, no sum below exceeds 2^62.
	maxDebt = 1 << 60
	// horizon bounds the sums of a queue's demands, which may be longer.
	horizon = 1 << 62
	// latest is the latest reading of the clock, and -latest the earliest:
	// one taken just before New is as good as any.
	latest = horizon - maxDebt - ticksPerNano
)

// ticks returns d in ticks, as far as a Limiter's life reaches.
func ticks(d time.Duration) int64 {
	const most = latest >> tickBits
	return int64(min(max(d, -most), most)) << tickBits
}

// nanos returns a span of ticks, rounded up, so that nobody wakes too early.
func nanos(ticks int64) time.Duration {
	return time.Duration((ticks + ticksPerNano - 1) >> tickBits)
}

// A budget is the unchanging part of one rate, as the arithmetic needs it.
type budget struct {
	interval  int64 // ticks that one unit takes to come back, rounded up
	tolerance int64 // ticks that the whole burst takes; 0 for no burst
	slack     int64 // ticks that a demand may be late and still keep the pace
	most      int   // the largest demand that can be had at all
	requests  bool  // a demand counts as one, whatever it costs
}

// interval rounds up: a rate may fall short by a tick but never be exceeded.
// Every charge is a multiple of it, so that a burst of n is n charges exactly.
func (r Rate) interval() int64 {
	return (int64(r.Per)<<tickBits + r.Count - 1) / r.Count
}

func newBudget(r Rate) budget {
	b := budget{
		interval: r.interval(),
		most:     r.Burst,
		requests: r.Unit == Requests,
	}
	b.tolerance = int64(r.Burst) * b.interval
	if r.Burst == 0 {
		b.slack = ticks(r.Slack)
		b.most = int(min(maxDebt/b.interval, math.MaxInt))
	}
	return b
}

// charge returns the ticks that a demand of cost takes to come back.
func (b *budget) charge(cost int) int64 {
	if b.requests {
		return b.interval
	}
	return int64(cost) * b.interval
}

// ticks is charge for any number of units, up to maxDebt.
func (b *budget) ticks(units int) int64 {
	if int64(units) >= maxDebt/b.interval {
		return maxDebt
	}
	return int64(units) * b.interval
}

// fits reports whether a demand could be had after some wait.
func (b *budget) fits(cost int) bool {
	return b.requests || cost <= b.most
}

// take is the generic cell rate algorithm. Given the instant tat at which all
// that was admitted is paid for, it returns that instant with charge admitted at
// now, and how long after now a charge can be admitted: 0 or less for at once.
//
// A charge over the tolerance (there is no burst) is admitted once tat is past,
// or is not further away than the slack.
// A tat in the past means the same as one of now, whatever it is.
func (b *budget) take(tat, now, charge int64) (end, wait int64) {
	end = max(tat, now) + charge
	return end, end - now - max(b.tolerance, charge+b.slack)
}

// instants are the instants (see take) of several budgets.
type instants []int64

// wait returns how long after now cost can be had of all budgets: 0 for at once.
func (t instants) wait(p *plan, now int64, cost int) int64 {
	longest := int64(0)
	for i := range p.budgets {
		b := &p.budgets[i]
		if charge := b.charge(cost); charge > 0 {
			_, wait := b.take(t[i], now, charge)
			longest = max(longest, wait)
		}
	}
	return longest
}

// take charges cost to all budgets at now.
func (t instants) take(p *plan, now int64, cost int) {
	for i := range p.budgets {
		b := &p.budgets[i]
		if charge := b.charge(cost); charge > 0 {
			t[i], _ = b.take(t[i], now, charge)
		}
	}
}

// refund returns tat less what is still to be paid, at now, of the last charge
// ticks of a demand that were to be paid at end. What time has paid for already
// is gone: others may have been admitted since who would not have been, had it
// been given back earlier, so giving it back now would break the promise.
func refund(tat, now, end, charge int64) int64 {
	return tat - min(max(end-now, 0), charge)
}

// rescale returns, for a change at now from one interval to another, the instant
// at which the same units as before will be paid for.
func rescale(tat, now, from, to int64) int64 {
	if tat <= now || from == to {
		return tat
	}
	return now + mulDiv(tat-now, to, from)
}

// mulDiv returns a × b / c rounded up, or maxDebt if that is less.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return maxDebt
	}
	q, rest := bits.Div64(hi, lo, uint64(c))
	if rest != 0 {
		q++
	}
	return int64(min(q, maxDebt))
}
