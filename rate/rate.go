package rate

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The bounds of a Rate.
const (
	// MaxPerSecond is the fastest rate there is, one unit a nanosecond.
	MaxPerSecond = 1_000_000_000
	// MaxDebt is the longest that a Rate's Per may be, and that its Burst or a
	// single demand may take to come back: 2^56 ns, about 834 days.
	MaxDebt = time.Duration(maxDebt >> tickBits)
)

// A Unit says what a Rate counts.
type Unit uint8

const (
	// Cost counts what each demand says that it costs.
	Cost Unit = iota
	// Tokens counts the same as Cost, and prints as "tokens".
	Tokens
	// Requests counts each demand as one, whatever it costs.
	Requests
)

// String returns "cost", "tokens" or "requests".
func (u Unit) String() string {
	switch u {
	case Tokens:
		return "tokens"
	case Requests:
		return "requests"
	case Cost:
		return "cost"
	}
	return "unknown"
}

// A Rate is a budget: Count units in every Per. Rates can be compared with ==.
// The zero Rate is not valid.
type Rate struct {
	// Count is how many units come in each Per: 1 or more.
	Count int64
	// Per is the span of time for Count units: at least Count nanoseconds, at
	// most MaxDebt.
	Per time.Duration
	// Burst is how many units may be taken at once after a pause. A demand
	// over it is refused. The default, 0, is no burst: one demand at a time,
	// of any size, each after those before it are paid for.
	Burst int
	// Unit is what is counted. The default is Cost.
	Unit Unit
	// Slack is for a budget without a Burst: how early a demand may be had,
	// so that a timer that was late for the one before costs nothing. Any
	// window then admits what comes in Slack on top: 0.5 of a request for
	// 100/s and 5 ms. The default, 0, is strict; the most is a second. Text
	// does not tell it: see String.
	Slack time.Duration
}

// PerSecond returns the Rate of x units a second, without a burst, to the
// precision of a sixteenth of a nanosecond between units and never more than x.
// The error is an [*InvalidError] if x is not a number above zero or the rate
// would be out of bounds.
func PerSecond(x float64) (Rate, error) {
	text := strconv.FormatFloat(x, 'g', -1, 64) + "/s"
	if !(x > 0) || math.IsInf(x, 1) {
		return Rate{}, invalid(text, "a rate is a number above zero", "write 100/s or 0.5/s")
	}
	if x > MaxPerSecond {
		return Rate{}, tooFast(text)
	}
	interval := math.Ceil(float64(time.Second) / x * ticksPerNano)
	if interval > maxDebt {
		return Rate{}, tooSlow(text)
	}
	return reduce(ticksPerNano, int64(interval)), nil
}

// reduce returns count in per nanoseconds by the smallest numbers.
func reduce(count, per int64) Rate {
	d := gcd(count, per)
	return Rate{Count: count / d, Per: time.Duration(per / d)}
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// PerSecond returns how many units come in a second.
func (r Rate) PerSecond() float64 {
	return float64(r.Count) * (float64(time.Second) / float64(r.Per))
}

// String returns the rate as [ParseOne] reads it, such as "100/s", "10/15s" or
// "90000 tokens/m burst 2000".
func (r Rate) String() string {
	var b strings.Builder
	b.WriteString(strconv.FormatInt(r.Count, 10))
	if r.Unit != Cost {
		b.WriteByte(' ')
		b.WriteString(r.Unit.String())
	}
	b.WriteByte('/')
	b.WriteString(formatPer(r.Per))
	if r.Burst != 0 {
		fmt.Fprintf(&b, " burst %d", r.Burst)
	}
	return b.String()
}

// formatPer writes a span in its largest whole unit, and leaves out a 1.
func formatPer(d time.Duration) string {
	i := slices.IndexFunc(spans, func(s span) bool { return d%s.length == 0 })
	if d == spans[i].length {
		return spans[i].names[0]
	}
	return strconv.FormatInt(int64(d/spans[i].length), 10) + spans[i].names[0]
}

// MarshalText returns String, or an [*InvalidError].
func (r Rate) MarshalText() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return []byte(r.String()), nil
}

// UnmarshalText sets r to what [ParseOne] reads from text, and leaves it as it
// was after an error.
func (r *Rate) UnmarshalText(text []byte) error {
	parsed, err := ParseOne(string(text))
	if err == nil {
		*r = parsed
	}
	return err
}

// Validate returns nil, or an [*InvalidError] that says why no Limiter can keep
// this Rate: a field below its least value, more than MaxPerSecond, or a unit or
// burst that takes more than MaxDebt to come back.
func (r Rate) Validate() error {
	text := r.String()
	switch {
	case r.Count < 1:
		return invalid(text, "a rate is a number above zero", "write 100/s or 0.5/s")
	case r.Per < 1:
		return invalid(text, "the span of time is not above zero", "write 100/s or 10/15s")
	case r.Burst < 0:
		return invalid(text, "the burst is below zero", "leave it out for no burst")
	case r.Slack < 0 || r.Slack > time.Second:
		return invalid(text, "the slack is not between 0 and a second", "5 ms is enough for any timer")
	case r.Unit > Requests:
		return invalid(text, "the unit is unknown", "use Cost, Tokens or Requests")
	case r.Count > int64(r.Per):
		return tooFast(text)
	case r.Per > MaxDebt:
		return tooSlow(text)
	case int64(r.Burst) > maxDebt/r.interval():
		return invalid(text, "so large a burst takes years to come back", "give a smaller burst")
	}
	return nil
}
