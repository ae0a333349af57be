package adaptive

import (
	"time"

	"github.com/penstock-go/penstock"
)

// AIMD raises the limit by one for each round trip in which at least half of it
// was in use, and lowers it by a tenth for one in which something was refused:
// additive increase and multiplicative decrease (Chiu and Jain, Analysis of the
// increase and decrease algorithms for congestion avoidance in computer networks,
// Computer Networks and ISDN Systems 17, 1989). It reads refusals only: a server
// that makes others wait instead is filled up to the largest limit.
type AIMD struct {
	min, max int
	limit    float64
	cut      time.Time // what was sent before has been answered for
}

const aimdBackoff = 0.9

// NewAIMD returns an AIMD between two limits that begins with start.
func NewAIMD(minimum, maximum, start int) *AIMD {
	minimum, maximum, start = bounds(minimum, maximum, start)
	return &AIMD{min: minimum, max: maximum, limit: float64(start)}
}

// bounds returns the nearest numbers that fit each other.
func bounds(minimum, maximum, start int) (least, most, first int) {
	least = max(1, minimum)
	most = max(least, maximum)
	return least, most, min(max(start, least), most)
}

// Limit returns the limit in force.
func (a *AIMD) Limit() int { return int(a.limit) }

// Observe learns from an operation.
func (a *AIMD) Observe(now time.Time, o Observation) Reason {
	before := a.Limit()
	switch {
	case o.Outcome == penstock.Overload && o.Sent.Before(a.cut):
		return ""
	case o.Outcome == penstock.Overload:
		a.limit = max(a.limit*aimdBackoff, float64(a.min))
		a.cut = now
	case o.Outcome == penstock.Success && 2*o.InFlight >= before:
		a.limit = min(a.limit+1/a.limit, float64(a.max))
	}
	return changed(before, a.Limit())
}

// changed returns the reason of a step from one limit to another.
func changed(from, to int) Reason {
	switch {
	case to > from:
		return Increased
	case to < from:
		return Decreased
	}
	return ""
}
