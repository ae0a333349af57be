package redislimit

import (
	"context"
	"encoding"
	"fmt"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
)

// AdaptiveOptions are what an [Adaptive] may be told. The zero value is good. All
// who share a limit should say the same.
type AdaptiveOptions struct {
	// Min and Max bound the limit, and Start is what it begins with where
	// nothing is known yet. The defaults are 1, 1000 and 4.
	Min, Max, Start int
	// Control makes what finds the limit, given Min, Max and Start. The default
	// makes an [adaptive.Auto]. One that is an encoding.BinaryMarshaler and
	// BinaryUnmarshaler, as all of package adaptive are but a bare Knee, goes on
	// with what it has learned when another process takes the lead; any other
	// begins anew from the limit in force.
	Control func(minimum, maximum, start int) adaptive.Control
}

func (o AdaptiveOptions) withDefaults() (AdaptiveOptions, error) {
	// What an adaptive.Limiter says of them holds here too.
	if _, err := adaptive.New(adaptive.Options{Min: o.Min, Max: o.Max, Start: o.Start, History: -1}); err != nil {
		return o, fmt.Errorf("redislimit: %w", err)
	}
	o.Min = max(o.Min, 1)
	if o.Max == 0 {
		o.Max = max(adaptive.DefaultMax, o.Min, o.Start)
	}
	if o.Start == 0 {
		o.Start = min(max(adaptive.DefaultStart, o.Min), o.Max)
	}
	if o.Control == nil {
		o.Control = func(a, b, c int) adaptive.Control { return adaptive.NewAuto(a, b, c) }
	}
	return o, nil
}

// An Adaptive is a [Semaphore] whose limit is found from how the operations of all
// processes go: one limit for all of them, and a rate where the other side limits
// the rate. One of the processes leads: it learns from what all have released, and
// writes the limit to Redis. When it dies, pauses or leaves, another goes on from
// what it had learned, after 2 s or half a lease, if that is shorter.
//
// It learns from each permit that is released: from the outcome, and from how long
// the permit was out. So acquire right before the operation and release when it has
// ended; see package [adaptive] for what it finds, and how well.
//
// [Store.Adaptive] makes it. All methods may be called by any number of goroutines.
type Adaptive struct {
	l *shared
	o AdaptiveOptions
}

// Adaptive returns the adaptive limit of that name. What was found is kept for a
// day without use. Calls for the same name return the same limit, and the later
// ones' options change nothing. Processes that use the same name as a [Semaphore]
// obey the limit that is found and teach it nothing; within one Store it is ErrKind.
//
// The error is adaptive.ErrOptions, ErrName, ErrKind or ErrClosed.
func (s *Store) Adaptive(name string, o AdaptiveOptions) (*Adaptive, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	l, err := s.limit(name, &o.Start, nil)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lead == nil {
		if l.plain {
			return nil, ErrKind
		}
		l.lead = newLead(l, o)
	}
	return &Adaptive{l: l, o: l.lead.o}, nil
}

// Acquire waits until n permits are free under the limit, and all who came earlier
// are served, and takes them; one demand of more than the present limit, but not of
// more than AdaptiveOptions.Max, waits until it can go alone. The errors are those
// of [Semaphore.Acquire].
func (a *Adaptive) Acquire(ctx context.Context, n int) (*Permit, error) {
	if n > a.o.Max && ctx.Err() == nil {
		return nil, overLimit(n)
	}
	return a.l.acquire(ctx, n, n, false)
}

// Do acquires n permits as Acquire does, calls f with the permit's context, and
// releases them with the outcome that f returns. Where f panics or ends its
// goroutine that is [penstock.Ignored].
func (a *Adaptive) Do(ctx context.Context, n int, f func(ctx context.Context) (penstock.Outcome, error)) error {
	p, err := a.Acquire(ctx, n)
	if err != nil {
		return err
	}
	outcome := penstock.Ignored
	defer func() { p.Release(outcome) }()
	outcome, err = f(p.Context())
	return err
}

// AcquirePermit is Acquire as part of [penstock.Limiter]. The permit is a *Permit.
func (a *Adaptive) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	return asPermit(a.Acquire(ctx, n))
}

// TryAcquirePermit takes n permits if Redis says that they are free now and nobody
// waits; see [Semaphore.TryAcquirePermit].
func (a *Adaptive) TryAcquirePermit(n int) (penstock.Permit, bool) {
	if n > a.o.Max {
		return nil, false
	}
	return a.l.try(n)
}

// Limit returns the limit as Redis last said.
func (a *Adaptive) Limit() int { return a.l.snapshot().Limit }

// AdaptiveStats is what a process knows of an [Adaptive].
type AdaptiveStats struct {
	Stats

	// Leading says that this process leads. Rate, in permits a second or 0 for
	// any, and Refuses, "unknown", "concurrency" or "rate", are what the leader
	// knows; elsewhere they are 0 and "".
	Leading bool    `json:"leading"`
	Rate    float64 `json:"rate"`
	Refuses string  `json:"refuses"`
}

// Stats returns what this process knows of the limit.
func (a *Adaptive) Stats() AdaptiveStats {
	s := AdaptiveStats{Stats: a.l.snapshot()}
	a.l.lead.mu.Lock()
	defer a.l.lead.mu.Unlock()
	s.Leading, s.Rate, s.Refuses = a.l.lead.leading, a.l.lead.rate, a.l.lead.refuses
	return s
}

var _ penstock.Limiter = (*Adaptive)(nil)

// note is what Redis is told of a permit that is released; "" of one that teaches
// nothing.
func (p *Permit) note(o penstock.Outcome, now time.Time) string {
	word := ""
	switch o {
	case penstock.Success:
		word = " s "
	case penstock.Overload:
		word = " o "
	case penstock.Failure:
		word = " f "
	case penstock.Ignored, penstock.Unused:
		return ""
	}
	return word + decimal(uint64(max(now.Sub(p.begun).Microseconds(), 1)))
}

// A snapshotter is a Control that another process can go on with.
type snapshotter interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}
