package httplimit_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/penstock-go/penstock/httplimit"
)

var noon = time.Date(2026, 7, 31, 12, 0, 0, 0, time.UTC)

func TestParseRetryAfter(t *testing.T) {
	const never = -1
	tests := []struct {
		value, date string // of the fields
		want        time.Duration
	}{
		{"", "", never},
		{"   ", "", never},
		{"120", "", 2 * time.Minute},
		{"0", "", 0},
		{"007", "", 7 * time.Second},
		{"  5\t", "", 5 * time.Second},
		{"1.5", "", 1500 * time.Millisecond},
		{"0.001", "", time.Millisecond},
		{"5.", "", 5 * time.Second},
		{"86400", "Fri, 31 Jul 2026 00:00:00 GMT", 24 * time.Hour}, // seconds need no Date

		{"-1", "", never},
		{"+1", "", never},
		{"-0", "", never},
		{".5", "", never},
		{"1e3", "", never},
		{"1_000", "", never},
		{"0x10", "", never},
		{"0x1p4", "", never},
		{"10s", "", never},
		{"1 0", "", never},
		{"1,5", "", never},
		{"120, 60", "", never},
		{"NaN", "", never},
		{"Inf", "", never},
		{"soon", "", never},
		{"99999999999999999999", "", never},
		{"9223372036854775807", "", never},
		{"9999999999", "", never},

		{"Fri, 31 Jul 2026 12:01:30 GMT", "", 90 * time.Second}, // as it should be
		{"Friday, 31-Jul-26 12:01:30 GMT", "", 90 * time.Second},
		{"Fri Jul 31 12:01:30 2026", "", 90 * time.Second},
		{"Fri, 31 Jul 2026 12:00:00 GMT", "", 0},
		{"Fri, 31 Jul 2026 11:00:00 GMT", "", 0},
		{"Thu, 01 Jan 1970 00:00:00 GMT", "", 0},
		{"Fri, 31 Dec 9999 23:59:59 GMT", "", math.MaxInt64},

		// The server's own clock counts, where it says what it is.
		{"Fri, 31 Jul 2026 15:01:30 GMT", "Fri, 31 Jul 2026 15:00:00 GMT", 90 * time.Second},
		{"Fri, 31 Jul 2026 09:01:30 GMT", "Fri, 31 Jul 2026 09:00:00 GMT", 90 * time.Second},
		{"Fri, 31 Jul 2026 12:01:30 GMT", "Fri, 31 Jul 2026 13:00:00 GMT", 0},
		{"Fri, 31 Jul 2026 12:01:30 GMT", "yesterday", 90 * time.Second},

		{"Fri, 31 Jul 2026 12:01:30", "", never},
		{"Fri, 31 Jul 2026 12:01:30 CEST", "", never},
		{"31 Jul 2026 12:01:30 GMT", "", never},
		{"2026-07-31T12:01:30Z", "", never},
		{"Fri, 32 Jul 2026 12:01:30 GMT", "", never},
	}
	for _, tt := range tests {
		h := http.Header{}
		if tt.value != "" {
			h.Set("Retry-After", tt.value)
		}
		if tt.date != "" {
			h.Set("Date", tt.date)
		}
		got, ok := httplimit.ParseRetryAfter(h, noon)
		if ok != (tt.want != never) || ok && got != tt.want {
			t.Errorf("%q by a clock of %q: %v, %v; want %v", tt.value, tt.date, got, ok, tt.want)
		}
	}
}

// What is under way in the current second counts to its fraction.
func TestParseRetryAfterIsExact(t *testing.T) {
	h := http.Header{"Retry-After": {"Fri, 31 Jul 2026 12:00:10 GMT"}}
	if got, ok := httplimit.ParseRetryAfter(h, noon.Add(9999*time.Millisecond)); !ok || got != time.Millisecond {
		t.Errorf("%v, %v", got, ok)
	}
}

func TestParseRetryAfterOfNothing(t *testing.T) {
	for _, h := range []http.Header{nil, {}, {"Retry-After": nil}, {"Retry-After": {""}}, {"retry-after": {"5"}}} {
		if got, ok := httplimit.ParseRetryAfter(h, noon); ok || got != 0 {
			t.Errorf("%v: %v, %v", h, got, ok)
		}
	}
}

// Whatever a server sends, the wait is never negative, and zero where nothing
// was said.
func FuzzParseRetryAfter(f *testing.F) {
	for _, v := range []string{
		"120", "-1", "1.5", "1e308", "0x1p-1074", "8589934591.999999999", "8589934592", "NaN",
		"Fri, 31 Jul 2026 12:01:30 GMT", "Friday, 31-Jul-26 12:01:30 GMT", "Fri Jul 31 12:01:30 2026",
		"Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "1\x00", "\xff",
	} {
		f.Add(v, "", noon.Unix())
		f.Add(v, v, int64(math.MinInt64))
		f.Add(v, "Fri, 31 Jul 2026 12:00:00 GMT", int64(math.MaxInt64))
	}
	f.Fuzz(func(t *testing.T, value, date string, now int64) {
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		got, ok := httplimit.ParseRetryAfter(h, time.Unix(now, 0))
		if got < 0 || !ok && got != 0 {
			t.Errorf("%q by %q: %v, %v", value, date, got, ok)
		}
		at, err := http.ParseTime(value)
		by, dateErr := http.ParseTime(date)
		if err == nil && dateErr == nil && (!ok || got != max(0, at.Sub(by))) {
			t.Errorf("%q by %q: %v, %v", value, date, got, ok)
		}
	})
}
