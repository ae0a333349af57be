package httplimit_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/httplimit"
)

// header makes a header of lines "Name: value".
func header(lines string) http.Header {
	h := http.Header{}
	for line := range strings.Lines(lines) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			h.Add(name, strings.TrimSpace(value))
		}
	}
	return h
}

// show is a quota in short.
func show(q httplimit.Quota) string {
	s := fmt.Sprintf("%s[%v]", q.Name, q.Unit)
	if q.Limit >= 0 {
		s += fmt.Sprintf(" limit %d", q.Limit)
	}
	if q.Remaining >= 0 {
		s += fmt.Sprintf(" left %d", q.Remaining)
	}
	if q.Reset >= 0 {
		s += fmt.Sprintf(" reset %v", q.Reset)
	}
	if q.Window > 0 {
		s += fmt.Sprintf(" window %v", q.Window)
	}
	return s
}

func TestParseHints(t *testing.T) {
	in90s := noon.Add(90 * time.Second)
	tests := []struct {
		name   string
		header string
		want   []string // quotas
		wait   time.Duration
	}{
		{"nothing", "Content-Type: text/plain\nX-Request-Id: 5\nAge: 7", nil, 0},
		{
			"draft 11", `RateLimit-Policy: "burst";q=100;w=60, "daily";q=1000;w=86400;qu="content-bytes"
			RateLimit: "burst";r=0;t=30, "daily";r=5`,
			[]string{"burst[requests] limit 100 left 0 reset 30s window 1m0s", "daily[other] limit 1000 left 5 window 24h0m0s"},
			30 * time.Second,
		},
		{"draft 11 in two lines", "RateLimit: \"a\";r=1;t=1\nRateLimit: \"b\";r=0;t=2;pk=:Y2E=:", []string{"a[requests] left 1 reset 1s", "b[requests] left 0 reset 2s"}, 2 * time.Second},
		{"draft 11, concurrency", `RateLimit-Policy: "c";q=10;qu="concurrent-requests"` + "\nRateLimit: \"c\";r=0;t=9", []string{"c[concurrent] limit 10 left 0 reset 9s"}, 0},
		{"drafts 8 and 9", "RateLimit: limit=100, remaining=0, reset=5", []string{"[requests] limit 100 left 0 reset 5s"}, 5 * time.Second},
		{"drafts up to 7", "RateLimit-Limit: 100, 100;w=60, 1000;w=3600\nRateLimit-Remaining: 0\nRateLimit-Reset: 50", []string{"[requests] limit 100 left 0 reset 50s window 1m0s"}, 50 * time.Second},
		{"draft 7's policy", "RateLimit-Policy: 10;w=1\nRateLimit-Limit: 10", []string{"[requests] limit 10 window 1s"}, 0},
		{"draft 7, two policies", "RateLimit-Policy: 10;w=1, 50;w=60\nRateLimit: limit=50, remaining=49, reset=60", []string{"[requests] limit 10 window 1s", "[requests] limit 50 left 49 reset 1m0s window 1m0s"}, 0},
		{"draft 6", "RateLimit-Policy: 100;w=60\nRateLimit-Limit: 100\nRateLimit-Remaining: 99\nRateLimit-Reset: 60", []string{"[requests] limit 100 left 99 reset 1m0s window 1m0s"}, 0},
		{"the policy that is nearest stands last", "RateLimit-Limit: 100, 1000;w=3600, 100;w=60", []string{"[requests] limit 100 window 1m0s"}, 0},
		{"no time, in any unit", "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 99999999999999999999999", []string{"[requests] left 0"}, 0},
		{
			"GitHub", fmt.Sprintf("X-RateLimit-Limit: 5000\nX-RateLimit-Remaining: 0\nX-RateLimit-Used: 5000\nX-RateLimit-Resource: core\nX-RateLimit-Reset: %d", in90s.Unix()),
			[]string{"[requests] limit 5000 left 0 reset 1m30s"},
			90 * time.Second,
		},
		{"milliseconds since 1970", fmt.Sprintf("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: %d", in90s.UnixMilli()+5), []string{"[requests] left 0 reset 1m30.005s"}, 90*time.Second + 5*time.Millisecond},
		{"microseconds since 1970", fmt.Sprintf("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: %d", in90s.UnixMicro()), []string{"[requests] left 0 reset 1m30s"}, 90 * time.Second},
		{"Discord", fmt.Sprintf("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: %d.5\nX-RateLimit-Reset-After: 90.25\nX-RateLimit-Bucket: abcd", in90s.Unix()), []string{"[requests] left 0 reset 1m30.25s"}, 90250 * time.Millisecond},
		{"Reddit", "X-Ratelimit-Used: 2\nX-Ratelimit-Remaining: 598.0\nX-Ratelimit-Reset: 90", []string{"[requests] left 598 reset 1m30s"}, 0},
		{"Twitter", fmt.Sprintf("x-rate-limit-limit: 15\nx-rate-limit-remaining: 14\nx-rate-limit-reset: %d", in90s.Unix()), []string{"[requests] limit 15 left 14 reset 1m30s"}, 0},
		{"GitLab", fmt.Sprintf("RateLimit-Limit: 60\nRateLimit-Name: throttle\nRateLimit-Observed: 67\nRateLimit-Remaining: 0\nRateLimit-Reset: %d\nRateLimit-ResetTime: Fri, 31 Jul 2026 12:01:30 GMT", in90s.Unix()), []string{"[requests] limit 60 left 0 reset 1m30s"}, 90 * time.Second},
		{
			"OpenAI", `x-ratelimit-limit-requests: 60
			x-ratelimit-limit-tokens: 150000
			x-ratelimit-remaining-requests: 59
			x-ratelimit-remaining-tokens: 0
			x-ratelimit-reset-requests: 1s
			x-ratelimit-reset-tokens: 6m0s`,
			[]string{"requests[requests] limit 60 left 59 reset 1s", "tokens[tokens] limit 150000 left 0 reset 6m0s"},
			6 * time.Minute,
		},
		{"Groq", "x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 2m59.56s", []string{"requests[requests] left 0 reset 2m59.56s"}, 179560 * time.Millisecond},
		{"days", "x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 1d2h", []string{"requests[requests] left 0 reset 26h0m0s"}, 26 * time.Hour},
		{
			"Anthropic", `anthropic-ratelimit-requests-limit: 50
			anthropic-ratelimit-requests-remaining: 49
			anthropic-ratelimit-requests-reset: 2026-07-31T12:00:01Z
			anthropic-ratelimit-input-tokens-limit: 20000
			anthropic-ratelimit-input-tokens-remaining: 0
			anthropic-ratelimit-input-tokens-reset: 2026-07-31T12:01:30Z`,
			[]string{"input-tokens[tokens] limit 20000 left 0 reset 1m30s", "requests[requests] limit 50 left 49 reset 1s"},
			90 * time.Second,
		},
		{
			"Kong", "X-RateLimit-Limit-Minute: 10\nX-RateLimit-Remaining-Minute: 0\nX-RateLimit-Limit-Hour: 100\nX-RateLimit-Remaining-Hour: 5\nRateLimit-Limit: 10\nRateLimit-Remaining: 0\nRateLimit-Reset: 12",
			[]string{"[requests] limit 10 left 0 reset 12s", "hour[requests] limit 100 left 5 reset 12s window 1h0m0s", "minute[requests] limit 10 left 0 reset 12s window 1m0s"},
			12 * time.Second,
		},
		{"RapidAPI", "X-RateLimit-Requests-Limit: 500\nX-RateLimit-Requests-Remaining: 0\nX-RateLimit-Requests-Reset: 3000", []string{"requests[requests] limit 500 left 0 reset 50m0s"}, 50 * time.Minute},
		{"a server whose clock is an hour ahead", fmt.Sprintf("Date: Fri, 31 Jul 2026 13:00:00 GMT\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: %d", in90s.Add(time.Hour).Unix()), []string{"[requests] left 0 reset 1m30s"}, 90 * time.Second},
		{"a time that is past", fmt.Sprintf("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: %d", noon.Add(-time.Hour).Unix()), []string{"[requests] left 0 reset 0s"}, 0},
		{"a field of 9 KiB", `RateLimit: "a";r=0;t=9` + strings.Repeat(";x=12345", 9<<10/8), nil, 0},
		{"nonsense", "RateLimit: \"a;r=0\nRateLimit-Policy: (1 2)\nX-RateLimit-Remaining: none\nX-RateLimit-Reset: soon\nX-RateLimit-Limit: -5", nil, 0},
		{"numbers that are none", "X-RateLimit-Remaining: NaN\nX-RateLimit-Reset: Inf\nX-RateLimit-Limit: 1e9\nRateLimit-Reset: -1", nil, 0},
		{"negative parameters", `RateLimit: "a";r=-1;t=-5` + "\n" + `RateLimit-Policy: "a";q=-1;w=-1`, []string{"a[requests]"}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := httplimit.ParseHints(header(test.header), 200, noon)
			var quotas []string
			for _, q := range got.Quotas {
				quotas = append(quotas, show(q))
			}
			if fmt.Sprintf("%q", quotas) != fmt.Sprintf("%q", test.want) {
				t.Errorf("got  %q\nwant %q", quotas, test.want)
			}
			if got.Wait() != test.wait {
				t.Errorf("Wait: %v, want %v", got.Wait(), test.wait)
			}
		})
	}
}

func TestParseHintsRetryAfter(t *testing.T) {
	for _, test := range []struct {
		header string
		status int
		want   time.Duration
		told   bool
	}{
		{"Retry-After: 5", 200, 0, false}, // says nothing there
		{"Retry-After: 5", 301, 5 * time.Second, true},
		{"Retry-After: 5", 404, 5 * time.Second, true},
		{"Retry-After: 0", 429, 0, true},
		{"Retry-After: 1\nRetry-After-Ms: 1500", 429, 1500 * time.Millisecond, true},
		{"X-Ms-Retry-After-Ms: 250", 429, 250 * time.Millisecond, true},
		{"Retry-After-Ms: -250", 429, 0, false},
		{"Retry-After: soon", 503, 0, false},
	} {
		got := httplimit.ParseHints(header(test.header), test.status, noon)
		if got.RetryAfter != test.want || got.Told != test.told || got.Wait() != test.want {
			t.Errorf("%q with %d: %+v", test.header, test.status, got)
		}
	}
}

// Without hints nothing is allocated, for it is called for every response.
func TestParseHintsCostsNothing(t *testing.T) {
	h := header("Content-Type: text/html\nContent-Length: 5\nDate: Fri, 31 Jul 2026 12:00:00 GMT\nServer: x\nX-Request-Id: 7\nRetry-After: 5")
	if n := testing.AllocsPerRun(100, func() { httplimit.ParseHints(h, 200, noon) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// checkHints is what holds for everything that a server can send.
func checkHints(t *testing.T, h http.Header, status int, now time.Time) {
	t.Helper()
	got := httplimit.ParseHints(h, status, now)
	if got.RetryAfter < 0 || got.Wait() < got.RetryAfter || !got.Told && got.RetryAfter != 0 || len(got.Quotas) > 64 {
		t.Errorf("%v: %+v", h, got)
	}
	for _, q := range got.Quotas {
		if q.Limit < -1 || q.Remaining < -1 || q.Reset < -1 || q.Window < 0 || q.Unit > httplimit.Other {
			t.Errorf("%v: %+v", h, q)
		}
	}
	if again := httplimit.ParseHints(h, status, now); fmt.Sprint(again) != fmt.Sprint(got) {
		t.Errorf("%v: once %v, then %v", h, got, again)
	}
}

func FuzzParseHintsStructured(f *testing.F) {
	for _, v := range []string{
		`"a";q=100;w=60`, `"a";r=0;t=30`, `limit=1, remaining=0, reset=5`, `10;w=1`, `"a";r=999999999999999;t=999999999999999`,
		`"a";r=-1`, `"a";r=1.5;t=?1`, `("a" "b");r=0`, `a;r=0;t=1`, `"\u0000`, strings.Repeat(`"a";r=0,`, 100) + `"a"`, strings.Repeat(";x=1", 1000),
		`"p";r=0;t=1;pk=:AA==:;@=1`, `@5;r=0`, `%"x";r=0`,
	} {
		f.Add(v, v)
		f.Add(`"a";q=1;w=1`, v)
	}
	f.Fuzz(func(t *testing.T, policy, limit string) {
		checkHints(t, http.Header{"Ratelimit-Policy": {policy}, "Ratelimit": {limit}}, 200, noon)
	})
}

func FuzzParseHintsPlain(f *testing.F) {
	for _, v := range []string{
		"0", "1", "-1", "1.5", "6m0s", "1d", "1d2h", "9999999999h", "2026-07-31T12:01:30Z", "Fri, 31 Jul 2026 12:01:30 GMT", "1785499290",
		"1785499290000", "99999999999999999999999999", "9223372036854775807", "NaN", "Inf", "1e5", "0x1p9", "100, 100;w=60", "\xff", "9999-12-31T23:59:59+23:59",
	} {
		f.Add("X-Ratelimit-", "", v, int64(1785499200))
		f.Add("Anthropic-Ratelimit-", "input-tokens", v, int64(math.MaxInt64))
		f.Add("Ratelimit-", "minute", v, int64(math.MinInt64))
	}
	f.Fuzz(func(t *testing.T, prefix, name, v string, now int64) {
		if name != "" {
			name = "-" + name
		}
		h := http.Header{}
		for _, kind := range []string{"Limit", "Remaining", "Reset", "Reset-After"} {
			h[http.CanonicalHeaderKey(prefix+kind+name)] = []string{v}
		}
		h["Retry-After-Ms"] = []string{v}
		checkHints(t, h, 429, time.Unix(now, 0))
	})
}

// The header as a whole: any fields in any number.
func FuzzParseHintsHeader(f *testing.F) {
	f.Add("X-Ratelimit-Limit: 5\nX-Ratelimit-Remaining: 0\nX-Ratelimit-Reset: 5", 200)
	f.Add(strings.Repeat("X-Ratelimit-Remaining-A: 0\n", 200), 429)
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, "X-Ratelimit-Remaining-%d: 0\n", i)
	}
	f.Add(many.String(), 429)
	f.Add("Retry-After: 5\nDate: Fri, 31 Jul 2026 12:00:00 GMT\nRetry-After: Fri, 31 Jul 2026 12:01:30 GMT", 503)
	f.Fuzz(func(t *testing.T, lines string, status int) { checkHints(t, header(lines), status, noon) })
}
