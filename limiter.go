package penstock

import "context"

// A Limiter is anything that can say "wait": a semaphore, a rate, an adaptive
// limit, a limit per key, a limit shared by machines, or several of these
// taken together.
//
// A Limiter is safe for concurrent use.
type Limiter interface {
	// AcquirePermit waits, first come first served, until n units are to be
	// had, and takes them. It returns an error that wraps context.Cause(ctx)
	// when ctx ends first, also when ctx had ended before the call; it then
	// holds nothing. A demand that no wait could ever satisfy fails at once
	// with an error that is ErrOverLimit.
	AcquirePermit(ctx context.Context, n int) (Permit, error)

	// TryAcquirePermit takes n units if they are to be had now and nobody
	// waits for them; it never blocks.
	TryAcquirePermit(n int) (Permit, bool)
}

// A Permit is the right to do one operation, until Release gives it back.
type Permit interface {
	// Release gives the permit back and says how the operation went, which an
	// adaptive limit learns from and a plain one ignores. Call it exactly
	// once.
	Release(Outcome)
}

// A Settler is a Permit whose cost can be corrected when it is known: the permit
// of a rate, or a composed one that has such a permit in it. So this works
// whatever limits were composed:
//
//	if s, ok := permit.(penstock.Settler); ok {
//		s.Settle(tokens)
//	}
type Settler interface {
	// Settle says what the operation has really cost, where the units that
	// were acquired were an estimate. What is over is given back, what is
	// missing is charged. A limit of what is under way, and one that counts
	// operations, is not concerned. It never blocks for long. Call it before
	// Release.
	Settle(actual int)
}

// An Outcome is how an operation went, as far as a limit can learn from it.
type Outcome uint8

const (
	// Success is an operation that the other side served.
	Success Outcome = iota
	// Overload is an operation that was refused or timed out because there
	// was too much to do: a status 429 or 503, a full queue.
	Overload
	// Failure is an operation that failed for a reason that says nothing
	// about load: a status 404, a reset connection.
	Failure
	// Ignored is an operation whose end says nothing at all, such as one
	// that its own caller cancelled.
	Ignored
	// Unused is a permit for an operation that never began. A rate takes its
	// tokens back; every other limit treats it as Ignored.
	Unused
)

// String returns the outcome's name in lower case.
func (o Outcome) String() string {
	switch o {
	case Success:
		return "success"
	case Overload:
		return "overload"
	case Failure:
		return "failure"
	case Ignored:
		return "ignored"
	case Unused:
		return "unused"
	}
	return "unknown"
}
