package httplimit

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mostFields is how many fields of the older kinds are read.
const mostFields = 64

// A fieldKind is how a header field is read.
type fieldKind uint8

const (
	noField fieldKind = iota
	retryField
	structuredField
	plainField
)

// field tells by its name, in canonical form, how a field is read. It sees every
// field of every response.
func field(name string) fieldKind {
	switch name[:min(len(name), 2)] {
	case "Re", "X-", "Ra", "An":
	default:
		return noField
	}
	switch name {
	case "Retry-After", "Retry-After-Ms", "X-Ms-Retry-After-Ms":
		return retryField
	case "Ratelimit", "Ratelimit-Policy":
		return structuredField
	}
	if _, ok := afterPrefix(name); ok {
		return plainField
	}
	return noField
}

func afterPrefix(name string) (rest string, ok bool) {
	for _, prefix := range []string{"X-Ratelimit-", "Ratelimit-", "X-Rate-Limit-", "Anthropic-Ratelimit-"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return rest, true
		}
	}
	return "", false
}

// plainQuotas reads fields that have one number each and belong together by
// their names.
func plainQuotas(h http.Header, names []string, now time.Time) []Quota {
	if len(names) == 0 {
		return nil
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	slices.Sort(names)
	quotas := make([]Quota, 0, min(len(names)/3+1, mostQuotas)) // three fields each
	for _, name := range names[:min(len(names), mostFields)] {
		rest, _ := afterPrefix(name)
		kind, of, ok := split(rest)
		of = strings.ToLower(of)
		values := h[name]
		if !ok || len(values) == 0 || len(values[0]) > 256 {
			continue
		}
		i := slices.IndexFunc(quotas, func(q Quota) bool { return q.Name == of })
		if i < 0 {
			if len(quotas) == mostQuotas {
				continue
			}
			i = len(quotas)
			quotas = append(quotas, Quota{Name: of, Unit: plainUnit(of), Limit: -1, Remaining: -1, Reset: -1, Window: windowOf(of)})
		}
		quotas[i].set(kind, strings.TrimSpace(values[0]), now)
	}
	quotas = slices.DeleteFunc(quotas, func(q Quota) bool { return q.Limit < 0 && q.Remaining < 0 && q.Reset < 0 })
	return shareReset(quotas)
}

// split takes a name such as Remaining-Tokens or Tokens-Remaining, in canonical
// form, apart. It is called for so many responses that it allocates nothing.
func split(name string) (kind, of string, ok bool) {
	for _, kind := range []string{"Limit", "Remaining", "Reset-After", "Reset", "Resettime"} {
		rest, isFirst := strings.CutPrefix(name, kind)
		if isFirst && rest == "" {
			return kind, "", true
		}
		if isFirst && rest[0] == '-' {
			return kind, rest[1:], true
		}
		if rest, ok := strings.CutSuffix(name, kind); ok && strings.HasSuffix(rest, "-") {
			return kind, rest[:len(rest)-1], true
		}
	}
	return "", "", false
}

func (q *Quota) set(kind, v string, now time.Time) {
	switch kind {
	case "Limit":
		q.setLimit(v)
	case "Remaining":
		if n, ok := number(v); ok {
			q.Remaining = int64(min(n, 1<<62))
		}
	case "Reset-After":
		if s, ok := number(v); ok {
			q.Reset = scale(s, time.Second)
		}
	default:
		if reset, ok := parseReset(v, now); ok && q.Reset < 0 {
			q.Reset = reset
		}
	}
}

// setLimit reads "100", "100;w=60", and "100, 100;w=60, 1000;w=3600" of the drafts
// up to 7: the limit that is nearest, and then all policies.
func (q *Quota) setLimit(v string) {
	if n, ok := digits(v); ok { // mostly
		q.Limit = n
		return
	}
	first, policies, _ := strings.Cut(v, ",")
	limit, window, ok := policy(first)
	if !ok {
		return
	}
	q.Limit = limit
	for p := range strings.SplitSeq(policies, ",") {
		if l, w, ok := policy(p); ok && l == limit && window == 0 {
			window = w
		}
	}
	if q.Window == 0 {
		q.Window = window
	}
}

// policy reads "100;w=60".
func policy(v string) (limit int64, window time.Duration, ok bool) {
	v, params, _ := strings.Cut(v, ";")
	n, ok := number(strings.TrimSpace(v))
	if !ok {
		return 0, 0, false
	}
	for param := range strings.SplitSeq(params, ";") {
		w, isWindow := strings.CutPrefix(strings.TrimSpace(param), "w=")
		if s, isNumber := number(w); isWindow && isNumber && window == 0 {
			window = scale(s, time.Second)
		}
	}
	return int64(min(n, 1<<62)), window, true
}

// shareReset gives the quotas without a reset the only one there is: Kong has
// one RateLimit-Reset for them all.
func shareReset(quotas []Quota) []Quota {
	i := slices.IndexFunc(quotas, func(q Quota) bool { return q.Name == "" })
	if i < 0 || quotas[i].Reset < 0 {
		return quotas
	}
	for j := range quotas {
		if quotas[j].Reset < 0 {
			quotas[j].Reset = quotas[i].Reset
		}
	}
	if q := quotas[i]; q.Limit < 0 && q.Remaining < 0 && len(quotas) > 1 {
		quotas = slices.Delete(quotas, i, i+1)
	}
	slices.SortStableFunc(quotas, func(a, b Quota) int { return cmp.Compare(a.Name, b.Name) })
	return quotas
}

// windowOf is the window that a quota's name tells.
func windowOf(name string) time.Duration {
	switch name[strings.LastIndexByte(name, '-')+1:] {
	case "second":
		return time.Second
	case "minute":
		return time.Minute
	case "hour":
		return time.Hour
	case "day":
		return 24 * time.Hour
	}
	return 0
}

func plainUnit(name string) Unit {
	if windowOf(name) > 0 {
		name = strings.TrimSuffix(name[:strings.LastIndexByte(name, '-')+1], "-")
	}
	return unitOf(name)
}

// parseReset reads when a quota is renewed, as a wait from now on.
func parseReset(v string, now time.Time) (time.Duration, bool) {
	if n, ok := number(v); ok {
		return resetIn(n, now), n < 1<<63 // not even in nanoseconds is more a time
	}
	if d, ok := duration(v); ok {
		return d, true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05 MST"} {
		if at, err := time.Parse(layout, v); err == nil {
			return max(0, at.Sub(now)), true
		}
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}

// resetIn tells by its size what a number means: up to three years it is
// seconds from now; what is larger is a time, in seconds up to the year 5138,
// in milliseconds from 1973 on, and so on.
func resetIn(n float64, now time.Time) time.Duration {
	unit := time.Second
	switch {
	case n < 1e8:
		return scale(n, time.Second)
	case n >= 1e17:
		unit = time.Nanosecond
	case n >= 1e14:
		unit = time.Microsecond
	case n >= 1e11:
		unit = time.Millisecond
	}
	perSecond := float64(time.Second / unit)
	whole, fraction := math.Modf(n / perSecond)
	// A float64 has a millionth of a second, now.
	return max(0, time.Unix(int64(whole), int64(math.Round(fraction*1e6))*1000).Sub(now))
}

// number reads a plain decimal number of 0 or more.
func number(v string) (float64, bool) {
	if n, ok := digits(v); ok {
		return float64(n), true
	}
	if v == "" || len(v) > 64 || v[0] < '0' || v[0] > '9' || strings.ContainsAny(v, "eExXpP_iInN") {
		return 0, false
	}
	n, err := strconv.ParseFloat(v, 64)
	return n, err == nil
}

// digits reads a number of up to 15 digits and nothing else, which a float64 holds
// exactly. That is what nearly all fields have, in responses that are many.
func digits(v string) (n int64, ok bool) {
	if v == "" || len(v) > 15 {
		return 0, false
	}
	for i := range len(v) {
		if v[i] < '0' || v[i] > '9' {
			return 0, false
		}
		n = 10*n + int64(v[i]-'0')
	}
	return n, true
}

// scale is n units, or as many as a Duration holds.
func scale(n float64, unit time.Duration) time.Duration {
	ns := n * float64(unit)
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(ns))
}

// duration reads 6m0s and 1.5s, and 1d2h3m, which time.ParseDuration does not.
func duration(v string) (time.Duration, bool) {
	if v == "" || v[0] < '0' || v[0] > '9' {
		return 0, false
	}
	var whole time.Duration
	if days, rest, ok := strings.Cut(v, "d"); ok {
		n, ok := number(days)
		if !ok {
			return 0, false
		}
		if whole = scale(n, 24*time.Hour); rest == "" {
			return whole, true
		}
		v = rest
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, false
	}
	if d > math.MaxInt64-whole {
		return math.MaxInt64, true
	}
	return whole + d, true
}
