package httplimit_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/httplimit"
)

// The fields of each vendor, with values that belong together.
func FuzzParseHintsVendors(f *testing.F) {
	vendors := []string{
		"X-Ratelimit-%s",                      // GitHub, Discord, Reddit
		"X-Rate-Limit-%s",                     // Twitter
		"Ratelimit-%s",                        // GitLab, the drafts up to 7
		"X-Ratelimit-%s-Requests",             // OpenAI, Groq
		"X-Ratelimit-%s-Tokens",               // OpenAI, Groq
		"Anthropic-Ratelimit-Requests-%s",     // Anthropic
		"Anthropic-Ratelimit-Input-Tokens-%s", // Anthropic
		"X-Ratelimit-%s-Minute",               // Kong
	}
	for i := range vendors {
		f.Add(uint8(i), "5000", "0", "1785499290", "60")
		f.Add(uint8(i), "60", "59", "1s", "")
		f.Add(uint8(i), "150000", "0", "6m0s", "NaN")
		f.Add(uint8(i), "50", "0", "2026-07-31T12:01:30Z", "-1")
		f.Add(uint8(i), "100, 100;w=60, 1000;w=3600", "598.0", "Fri, 31 Jul 2026 12:01:30 GMT", "1e9")
		f.Add(uint8(i), "100;w=99999999999999999999", "18446744073709551616", "9999999999999d", "99999999999999999999")
	}
	f.Fuzz(func(t *testing.T, vendor uint8, limit, remaining, reset, after string) {
		form := vendors[int(vendor)%len(vendors)]
		h := http.Header{"Retry-After": {after}}
		for kind, v := range map[string]string{"Limit": limit, "Remaining": remaining, "Reset": reset} {
			h[http.CanonicalHeaderKey(fmt.Sprintf(form, kind))] = []string{v}
		}
		for _, status := range []int{200, 403, 429} {
			checkHints(t, h, status, noon)
		}
		if q := httplimit.ParseHints(h, 200, noon).Quotas; len(q) > 1 {
			t.Errorf("one quota became %d: %+v", len(q), q)
		}
	})
}

// Whatever a server sends, with whatever status, the next request to it goes no
// later than MaxRetryAfter after its response, and so does the one after that.
func FuzzHostileServer(f *testing.F) {
	f.Add("Retry-After: 99999999999\nRateLimit: \"a\";r=0;t=999999999999999\nRateLimit-Policy: \"a\";q=1;w=999999999999999", 429)
	f.Add("X-RateLimit-Remaining: 1\nX-RateLimit-Limit: 1\nX-RateLimit-Reset: 9999999999999d", 200)
	f.Add("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", 403)
	f.Add("RateLimit: "+strings.Repeat(`"a";r=0;t=9,`, 500)+`"b"`, 503)
	f.Add("RateLimit-Limit: 1;w=99999999\nRateLimit-Policy: 1;w=99999999", 200)
	f.Fuzz(func(t *testing.T, lines string, status int) {
		if status < 200 || status > 599 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			h := header(lines)
			base := roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Header: h.Clone(), Body: http.NoBody}, nil
			})
			tr, err := httplimit.New(httplimit.Options{Base: base, MaxRetryAfter: time.Minute, Retry: httplimit.Retry{Max: -1}})
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			req := request(t.Context(), t, "http://hostile.test/")
			for i := range 4 {
				start := time.Now()
				if _, err := tr.RoundTrip(req); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took > time.Minute {
					t.Errorf("request %d waited %v for %q", i, took, lines)
				}
			}
		})
	})
}
