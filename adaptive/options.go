package adaptive

import (
	"fmt"
	"time"
)

// Options are what a Limiter may be told. The zero value is good.
type Options struct {
	// Min and Max bound the limit, and Start is what it begins with. The
	// defaults are 1, 1000 and 4, or the nearest to 4 that Min and Max allow.
	Min, Max, Start int
	// Control makes the Control. It is given Min, Max and Start. The default
	// makes an [Auto]; see also [NewAIMD], [NewVegas] and [NewGradient2].
	Control func(minimum, maximum, start int) Control
	// MaxHold is the longest that one Hold can stop everything, and that what
	// Advise was told can make one unit wait, whatever a server asks for. The
	// default is 10 minutes.
	MaxHold time.Duration
	// History is how many changes are kept for [Limiter.History]. The default
	// is 64; less than 0 keeps none.
	History int
	// Observe is called with each Change, in their order and one at a time, by
	// a goroutine that has acquired or released a permit or given a hint; with
	// the first by New. It may call the Limiter. It must not block for long:
	// what it has not been told yet is kept for it. Should it panic, so does the
	// method that called it, and the next goes on with the next Change.
	Observe func(Change)
}

// The defaults of Options.
const (
	DefaultMax     = 1000
	DefaultStart   = 4
	DefaultMaxHold = 10 * time.Minute
	DefaultHistory = 64
)

// withDefaults returns o with its zeros filled in, or an error that is ErrOptions.
func (o Options) withDefaults() (Options, error) {
	for _, v := range []struct {
		name  string
		value int
	}{{"Min", o.Min}, {"Max", o.Max}, {"Start", o.Start}} {
		if v.value < 0 {
			return o, fmt.Errorf("%w: %s is %d, which is below zero", ErrOptions, v.name, v.value)
		}
	}
	if o.MaxHold < 0 {
		return o, fmt.Errorf("%w: MaxHold is %v, which is below zero", ErrOptions, o.MaxHold)
	}
	o.Min = max(o.Min, 1)
	if o.Max == 0 {
		o.Max = max(DefaultMax, o.Min, o.Start)
	}
	if o.Max < o.Min {
		return o, fmt.Errorf("%w: Max is %d and Min is %d: raise Max", ErrOptions, o.Max, o.Min)
	}
	if o.Start == 0 {
		o.Start = min(max(DefaultStart, o.Min), o.Max)
	}
	if o.Start < o.Min || o.Start > o.Max {
		return o, fmt.Errorf("%w: Start is %d, not from Min %d to Max %d", ErrOptions, o.Start, o.Min, o.Max)
	}
	if o.Control == nil {
		o.Control = func(minimum, maximum, start int) Control { return NewAuto(minimum, maximum, start) }
	}
	if o.MaxHold == 0 {
		o.MaxHold = DefaultMaxHold
	}
	if o.History == 0 {
		o.History = DefaultHistory
	}
	return o, nil
}
