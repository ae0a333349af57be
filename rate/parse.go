package rate

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A span is a unit of time. Its first name is the one that is written.
type span struct {
	length time.Duration
	names  []string
}

// spans are all units of time, the largest first.
var spans = []span{
	{24 * time.Hour, []string{"d", "day", "days"}},
	{time.Hour, []string{"h", "hr", "hour", "hours"}},
	{time.Minute, []string{"m", "min", "minute", "minutes"}},
	{time.Second, []string{"s", "sec", "second", "seconds"}},
	{time.Millisecond, []string{"ms"}},
	{time.Microsecond, []string{"us", "µs", "μs"}},
	{time.Nanosecond, []string{"ns"}},
}

// A List is one or several rates that are kept together.
type List []Rate

// String returns the rates as [Parse] reads them, with ", " between them.
func (l List) String() string {
	texts := make([]string, len(l))
	for i, r := range l {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}

// MarshalText returns String, or an [*InvalidError].
func (l List) MarshalText() ([]byte, error) {
	if err := l.validate(); err != nil {
		return nil, err
	}
	return []byte(l.String()), nil
}

// UnmarshalText sets l to what [Parse] reads from text, and leaves it as it was
// after an error.
func (l *List) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err == nil {
		*l = parsed
	}
	return err
}

func (l List) validate() error {
	if len(l) == 0 {
		return invalid("", "no rate is given", "write 100/s or 5000/m")
	}
	for _, r := range l {
		if err := r.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// Parse reads one or several rates with commas between them, each as [ParseOne]
// does: "100/s, 5000/m". The error is an [*InvalidError] about the first that is
// wrong.
func Parse(text string) (List, error) {
	parts := strings.Split(text, ",")
	list := make(List, 0, len(parts))
	for _, part := range parts {
		r, err := ParseOne(part)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// ParseOne reads a rate:
//
//	NUMBER [tokens|requests] / [NUMBER] SPAN [burst NUMBER]
//
// such as "100/s", "5000/m", "10/15s", "0.5/s", "1/h burst 2" or
// "90000 tokens/m". The first number may have a decimal point and is kept
// exactly: 0.5/s is 1/2s. The others are whole. A SPAN is one of d, h, m (a
// minute), s, ms, us, ns, or the word for it. Spaces between the parts count for
// nothing. The error is an [*InvalidError].
func ParseOne(text string) (Rate, error) {
	text = strings.TrimSpace(text)
	amount, rest, found := strings.Cut(text, "/")
	if !found {
		return Rate{}, noUnit(text)
	}
	per, burst, hasBurst := strings.Cut(rest, "burst")
	r, power, err := parseAmount(text, amount)
	if err != nil {
		return Rate{}, err
	}
	if r.Per, err = parseSpan(text, per); err != nil {
		return Rate{}, err
	}
	if r.Per > MaxDebt/power {
		return Rate{}, tooSlow(text)
	}
	r.Per *= power
	if hasBurst {
		if r.Burst, err = parseBurst(text, burst); err != nil {
			return Rate{}, err
		}
	}
	if err := r.Validate(); err != nil {
		return Rate{}, err
	}
	return r, nil
}

// noUnit is the error for a text without a slash: mostly a bare number.
func noUnit(text string) error {
	if text == "" {
		return invalid(text, "a rate is missing", "write 100/s or 5000/m")
	}
	if whole, decimals, _ := strings.Cut(text, "."); len(text) <= 12 && digits(whole+decimals) {
		return invalid(text, "a rate needs a unit of time", "write "+text+"/s or "+text+"/m")
	}
	return invalid(text, "a rate needs a unit of time", "write 100/s or 100/m")
}

// parseAmount reads what stands before the slash: a count, what the span of time
// is to be multiplied by (a power of ten, for decimals), and what is counted.
func parseAmount(text, amount string) (r Rate, power time.Duration, err error) {
	number, unit, _ := strings.Cut(strings.TrimSpace(amount), " ")
	switch strings.TrimSpace(unit) {
	case "":
	case "token", "tokens":
		r.Unit = Tokens
	case "request", "requests":
		r.Unit = Requests
	default:
		return r, 0, invalid(text, "only tokens or requests can be counted", "write 100/s, 100 requests/s or 100 tokens/s")
	}
	whole, decimals, _ := strings.Cut(number, ".")
	decimals = strings.TrimRight(decimals, "0")
	if !digits(whole) || decimals != "" && !digits(decimals) {
		return r, 0, invalid(text, "a rate is a plain number above zero", "write 100/s or 0.5/s")
	}
	r.Count, err = strconv.ParseInt(whole+decimals, 10, 64)
	if err != nil || len(decimals) > 15 {
		return r, 0, invalid(text, "the number has too many digits", "write 100/s or 0.5/s")
	}
	if r.Count == 0 {
		return r, 0, invalid(text, "a rate is a number above zero", "write 100/s or 0.5/s")
	}
	ten := int64(1)
	for range decimals {
		ten *= 10
	}
	d := gcd(r.Count, ten)
	r.Count /= d
	return r, time.Duration(ten / d), nil
}

// parseBurst reads what stands after the word.
func parseBurst(text, burst string) (int, error) {
	burst = strings.TrimSpace(burst)
	n, err := strconv.Atoi(burst)
	if err != nil || n < 1 || !digits(burst) {
		return 0, invalid(text, "a burst is a whole number above zero", "write 100/s burst 20, or leave it out for no burst")
	}
	return n, nil
}

// parseSpan reads what stands after the slash.
func parseSpan(text, per string) (time.Duration, error) {
	per = strings.TrimSpace(per)
	name := strings.TrimLeft(per, "0123456789")
	number := per[:len(per)-len(name)]
	name = strings.TrimSpace(name)
	i := slices.IndexFunc(spans, func(s span) bool { return slices.Contains(s.names, name) })
	switch {
	case i < 0:
		return 0, invalid(text, "the unit of time is unknown", "write 100/s or 10/15s (d, h, m, s, ms, us, ns)")
	case number == "":
		return spans[i].length, nil
	}
	count, err := strconv.ParseInt(number, 10, 64)
	if err != nil || count > int64(MaxDebt/spans[i].length) {
		return 0, tooSlow(text)
	}
	if count == 0 {
		return 0, invalid(text, "the span of time is zero", "write 100/s or 10/15s")
	}
	return time.Duration(count) * spans[i].length, nil
}

// digits reports whether s is one or more decimal digits and nothing else.
func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
