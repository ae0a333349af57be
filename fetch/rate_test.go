package fetch_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/rate"
)

func limiter(t *testing.T, text string) *rate.Limiter {
	t.Helper()
	list, err := rate.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	l, err := rate.New(list...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A *rate.Limiter paces a run to the nanosecond.
func TestRateLimiter(t *testing.T) {
	tests := map[string][]time.Duration{ // when the requests start
		"10/s":                   {0, 100 * ms, 200 * ms, 300 * ms, 400 * ms, 500 * ms, 600 * ms},
		"2/s burst 3":            {0, 0, 0, 500 * ms, 1000 * ms, 1500 * ms, 2000 * ms},
		"10/s, 4/10s burst 4":    {0, 100 * ms, 200 * ms, 300 * ms, 2500 * ms, 5000 * ms, 7500 * ms},
		"100 requests/s burst 2": {0, 0, 10 * ms, 20 * ms, 30 * ms, 40 * ms, 50 * ms},
	}
	for text, starts := range tests {
		t.Run(text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(func(h hit) reply {
					switch {
					case h.url == "http://a/0":
						return reply{status: 302, header: http.Header{"Location": {"/to"}}}
					case h.url == "http://a/1" && h.nth == 0:
						return retryAfter("0")
					}
					return reply{wait: 20 * time.Second}
				})
				out := mustRun(t, n, gets(many(5, "a")...), fetch.Options{
					Concurrency: 100, Rate: limiter(t, text), Redirects: 1, Retry: fetch.Retry{Max: 1, Cap: 1}, // a retry is due at once
				})
				if len(n.log()) != len(starts) || out.sum.OK != 5 {
					t.Fatalf("%d requests, summary %+v", len(n.log()), out.sum)
				}
				for i, h := range n.log() {
					wantTime(t, h.url, h.at, starts[i])
				}
			})
		})
	}
}

// What a demand costs is paid for before the next one starts.
func TestRateLimiterCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(nil)
		items := make([]fetch.Item, 5)
		for i := range items {
			items[i] = fetch.Item{URL: "http://a/", Cost: i * 10}
		}
		mustRun(t, n, list(items...), fetch.Options{Rate: limiter(t, "100/s")})
		for i, want := range []time.Duration{0, 10 * ms, 110 * ms, 310 * ms, 610 * ms} {
			wantTime(t, "start", n.log()[i].at, want)
		}
	})
}
