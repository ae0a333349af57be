package httplimit

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ParseRetryAfter reads the Retry-After field of a response (RFC 9110,
// section 10.2.3) and returns how long to wait from now on. It reports false
// where there is no such field, or one that says nothing: a negative number,
// a number too large for a duration, anything but digits or an HTTP-date.
//
// A date is measured against the response's own Date where it has one, so
// that a client whose clock is wrong still waits as long as the server meant;
// a date in the past means no wait.
func ParseRetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if v[0] >= '0' && v[0] <= '9' {
		return parseSeconds(v)
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(0, at.Sub(now)), true
}

// parseSeconds reads whole seconds. Some servers send a fraction, which is
// not in the standard but says clearly what it means.
func parseSeconds(v string) (time.Duration, bool) {
	const most = float64(1 << 33) // seconds that a Duration holds, with room
	s, err := strconv.ParseFloat(v, 64)
	if err != nil || !(s >= 0 && s < most) || strings.ContainsAny(v, "eExXpP_") {
		return 0, false
	}
	return time.Duration(s * float64(time.Second)), true
}
