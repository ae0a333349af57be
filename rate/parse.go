package rate

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// spans are the units of time, the largest first. The first name of each is the
// one that is written.
var spans = []struct {
	span  time.Duration
	names []string
}{
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
	r, shift, err := parseAmount(text, amount)
	if err != nil {
		return Rate{}, err
	}
	span, burst, hasBurst := strings.Cut(rest, "burst")
	if r.Per, err = parseSpan(text, span); err != nil {
		return Rate{}, err
	}
	if r.Per > math.MaxInt64/shift {
		return Rate{}, tooSlow(text)
	}
	r.Per *= shift
	if hasBurst {
		if r.Burst, err = strconv.Atoi(strings.TrimSpace(burst)); err != nil || r.Burst < 1 || !digits(strings.TrimSpace(burst)) {
			return Rate{}, invalid(text, "a burst is a whole number above zero", "write 100/s burst 20, or leave it out for no burst")
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
	if digits(text) {
		return invalid(text, "a rate needs a unit of time", "write "+text+"/s or "+text+"/m")
	}
	return invalid(text, "a rate needs a unit of time", "write 100/s or 100/m")
}

// parseAmount reads what stands before the slash: a count, what the span of time
// is to be multiplied by (a power of ten, for decimals), and what is counted.
func parseAmount(text, amount string) (r Rate, shift time.Duration, err error) {
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
		return r, 0, invalid(text, "the number has too many digits", "write a shorter one, such as 100/s or 0.5/s")
	}
	if r.Count == 0 {
		return r, 0, invalid(text, "a rate is a number above zero", "write 100/s or 0.5/s")
	}
	power := int64(1)
	for range decimals {
		power *= 10
	}
	d := gcd(r.Count, power)
	r.Count /= d
	return r, time.Duration(power / d), nil
}

// parseSpan reads what stands after the slash.
func parseSpan(text, span string) (time.Duration, error) {
	span = strings.TrimSpace(span)
	name := strings.TrimLeft(span, "0123456789")
	number := span[:len(span)-len(name)]
	name = strings.TrimSpace(name)
	for _, u := range spans {
		for _, n := range u.names {
			if n != name {
				continue
			}
			if number == "" {
				return u.span, nil
			}
			count, err := strconv.ParseInt(number, 10, 64)
			if err != nil || count > math.MaxInt64/int64(u.span) {
				return 0, tooSlow(text)
			}
			if count == 0 {
				return 0, invalid(text, "the span of time is zero", "write 100/s or 10/15s")
			}
			return time.Duration(count) * u.span, nil
		}
	}
	return 0, invalid(text, "the unit of time is unknown", "write one of d, h, m, s, ms, us, ns, as in 100/s or 10/15s")
}

// digits reports whether s is one or more decimal digits and nothing else.
func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
