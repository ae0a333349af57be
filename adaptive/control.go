package adaptive

import (
	"time"

	"github.com/penstock-go/penstock"
)

// An Observation is one operation that has ended, as far as a Control can learn
// from it.
type Observation struct {
	// Seq is how many operations the Limiter had let go before this one.
	Seq uint64
	// Sent is when it was let go, and Latency how long it then took.
	Sent    time.Time
	Latency time.Duration
	// InFlight is how many were under way when it was sent, and AtEnd when it
	// ended, itself included. Beside is by how many that number rose right after,
	// by others that may have overtaken it on their way.
	InFlight, AtEnd, Beside int
	// Outcome is how it went.
	Outcome penstock.Outcome
}

// A Control decides how many operations may be under way, from how those that
// ended went. It has no clock and no lock of its own: the Limiter, or whoever
// else uses it, calls it from one goroutine at a time with times that do not go
// back.
type Control interface {
	// Observe learns from an operation that ended at now. Where that has
	// changed the limit or the rate it returns why, else "".
	Observe(now time.Time, o Observation) Reason
	// Limit returns how many operations may be under way: 1 or more.
	Limit() int
}

// A Pacer is a Control that also decides how often operations may begin.
type Pacer interface {
	Control
	// Rate returns how many operations a second may begin at now, or 0 for any
	// number.
	Rate(now time.Time) float64
}

// A Reason says why a limit or a rate changed.
type Reason string

// The reasons of the controls of this package.
const (
	Started   Reason = "started"                  // the first limit
	Grew      Reason = "grew"                     // more in flight gave more throughput
	Probed    Reason = "probed"                   // a trial of another limit begins
	Kneed     Reason = "found the knee"           // more in flight gave latency only
	Kept      Reason = "kept"                     // a trial ended where it began
	Refused   Reason = "refused"                  // the first refusal: less, until it is known why
	Ceiling   Reason = "concurrency is limited"   // the server refuses above this many
	Tested    Reason = "testing which is limited" // refused, and it is unclear why
	RateFound Reason = "rate is limited"          // the server refuses above this rate
	BackedOff Reason = "backed off"               // nothing is accepted any more
	Recovered Reason = "recovered"                // something is accepted again
	Told      Reason = "told"                     // a hint: Hold, Advise, SetRate
	Decreased Reason = "decreased"                // a step down of AIMD, Vegas or Gradient2
	Increased Reason = "increased"                // a step up of theirs
)
