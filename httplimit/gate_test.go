package httplimit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/httplimit"
)

// After a hint nothing goes to the host too early, by the server's own count;
// meanwhile other hosts are served, with as many at a time as ever.
func TestRetryAfterHoldsTheHost(t *testing.T) {
	for _, kind := range []string{"retry-after", "date"} {
		t.Run(kind, func(t *testing.T) {
			bubble(t, 2, httplimit.Options{Total: 4}, func(b *bench) {
				var wg sync.WaitGroup
				wg.Go(func() { b.mustGet(b.url(0, "/retry-after/10/1/x?headers=%s", kind), 200) })
				synctest.Wait()
				for i := range 20 {
					wg.Go(func() {
						b.mustGet(b.url(0, "/item/%d", i), 200)
						if at := b.at(); at < 10*time.Second || at > 12*time.Second {
							b.Errorf("sent at %v", at)
						}
					})
				}
				synctest.Wait()
				if s := b.t.Stats(); s.InFlight != 0 || s.Waiting != 21 || s.Backoff != 0 {
					b.Errorf("while held: %+v", s)
				}
				for i := range 10 {
					b.mustGet(b.url(1, "/delay/100/%d", i), 200)
				}
				b.took(time.Second)
				wg.Wait()
				if n := b.server.Audit().Total.TooEarly; n != 0 {
					b.Errorf("%d too early", n)
				}
			})
		})
	}
}

// Quotas of every dialect that the server speaks are kept without a refusal,
// whether what is sent comes at once or one by one.
func TestQuotasAreKept(t *testing.T) {
	for _, kind := range []string{"ratelimit", "ratelimit-old", "x", "x-epoch", "openai"} {
		for _, total := range []int{1, 20} {
			t.Run(fmt.Sprint(kind, "/", total), func(t *testing.T) {
				bubble(t, 1, httplimit.Options{Total: total}, func(b *bench) {
					b.mustGet(b.url(0, "/quota/20/10/first?headers=%s", kind), 200) // nobody can know before
					var wg sync.WaitGroup
					for i := range 99 {
						wg.Go(func() { b.mustGet(b.url(0, "/quota/20/10/%d?headers=%s", i, kind), 200) })
					}
					wg.Wait()
					a := b.server.Audit().Total
					if a.TooEarly != 0 || a.Statuses[429] != 0 || a.Requests != 100 {
						b.Errorf("%d too early, %d refused, of %d", a.TooEarly, a.Statuses[429], a.Requests)
					}
					// 100 at 20 per 10 s: 40 s for the first window's to pass,
					// and up to a second of jitter after each.
					if at := b.at(); at > 56*time.Second {
						b.Errorf("took %v", at)
					}
				})
			})
		}
	}
}

// A bucket that is paced never runs dry: its quota is used to the full without a
// refusal or a stop.
func TestPolicyGivesASustainedRate(t *testing.T) {
	bubble(t, 1, httplimit.Options{Total: 10}, func(b *bench) {
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() { b.mustGet(b.url(0, "/rate/10/%d?burst=20&headers=ratelimit", i), 200) })
		}
		wg.Wait()
		a := b.server.Audit().Total
		if a.TooEarly != 0 || a.Statuses[429] != 0 {
			b.Errorf("%d too early, %d refused", a.TooEarly, a.Statuses[429])
		}
		if at := b.at(); at > 103*time.Second {
			b.Errorf("1000 requests at 10/s took %v", at)
		}
		if n := b.t.Stats().Holds; n > 3 {
			b.Errorf("it ran dry %d times", n)
		}
		if h := b.t.HostStats(); len(h) != 1 || h[0].Rate != 10 {
			b.Errorf("%+v", h)
		}
	})
}

func TestIgnoreQuotas(t *testing.T) {
	bubble(t, 1, httplimit.Options{IgnoreQuotas: true, Retry: httplimit.Retry{Max: -1}}, func(b *bench) {
		for i := range 5 {
			b.mustGet(b.url(0, "/quota/5/10/%d?headers=x", i), 200)
		}
		b.mustGet(b.url(0, "/quota/5/10/6?headers=x"), 429)
		b.took(0)
	})
}

func TestHoldPastTheDeadlineFailsAtOnce(t *testing.T) {
	bubble(t, 1, httplimit.Options{Retry: httplimit.Retry{Max: -1}}, func(b *bench) {
		b.mustGet(b.url(0, "/retry-after/60/1/x"), 429)
		ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
		defer cancel()
		_, err := b.get(ctx, b.url(0, "/item/1"))
		var held *httplimit.HostError
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &held) || held.Host != "h0.test:80" || !held.Timeout() {
			b.Errorf("%v", err)
		}
		b.took(0)
	})
}

// answers is a Base that answers every request with a status and header.
func answers(status int, header ...string) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Add(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader("no")), Request: r}, nil
	})
}

// Whatever a hostile server says, its host is never held for longer than
// MaxRetryAfter.
func TestHostileHintsHoldNoLongerThanTheCap(t *testing.T) {
	many := strings.Repeat(`"a";q=1;w=999999999;x="y", `, 300) + `"b";q=1;w=1`
	for _, test := range []struct {
		status int
		header []string
	}{
		{429, []string{"Retry-After", "86400"}},
		{429, []string{"Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"}},
		{429, []string{"Retry-After", "99999999999999999999"}},
		{429, []string{"Retry-After", "-5"}},
		{429, []string{"Retry-After", "NaN"}},
		{429, []string{"Retry-After-Ms", "9e300"}},
		{200, []string{"RateLimit", `"a";r=0;t=999999999999999`}},
		{200, []string{"RateLimit", `"a";r=0;t=-1`}},
		{200, []string{"RateLimit", `"a";r=1;t=999999999999999`}},
		{200, []string{"RateLimit-Policy", `"a";q=1;w=999999999999999`, "RateLimit", `"a";r=0;t=999999`}},
		{200, []string{"RateLimit-Policy", `"a";q=1;w=999999999999999`}},
		{200, []string{"RateLimit-Policy", `"a";q=1;w=31536000`}},
		{200, []string{"RateLimit-Policy", `"a";q=999999999999999;w=1`}},
		{200, []string{"RateLimit-Policy", many}},
		{200, []string{"RateLimit-Policy", many[:len(many)/4], "RateLimit", strings.Repeat(`"a";r=0;t=9;`, 5000)}},
		{200, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "99999999999999999999999"}},
		{200, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "9223372036854775807"}},
		{200, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1e400"}},
		{200, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "9999999h"}},
		{200, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "9999-12-31T23:59:59Z"}},
	} {
		t.Run(fmt.Sprintf("%.60q", test.header), func(t *testing.T) {
			o := httplimit.Options{Base: answers(test.status, test.header...), MaxRetryAfter: time.Minute, Retry: httplimit.Retry{Max: -1}}
			bubble(t, 0, o, func(b *bench) {
				for i := range 4 {
					before := b.at()
					b.mustGet("http://hostile.test/", test.status)
					if took := b.at() - before; took > time.Minute {
						b.Errorf("request %d waited %v", i, took)
					}
				}
			})
		})
	}
}

// A hint of one response holds what waits already, also for another limit.
func TestHoldConcernsThoseWhoWaitAlready(t *testing.T) {
	bubble(t, 1, httplimit.Options{Total: 1, Retry: httplimit.Retry{Max: -1}}, func(b *bench) {
		var wg sync.WaitGroup
		wg.Go(func() { b.mustGet(b.url(0, "/retry-after/5/1/x?delay=1000"), 429) })
		synctest.Wait()
		wg.Go(func() { b.mustGet(b.url(0, "/item/1"), 200) })
		wg.Wait()
		if at := b.at(); at < 6*time.Second || at > 7*time.Second {
			b.Errorf("at %v", at)
		}
		if n := b.server.Audit().Total.TooEarly; n != 0 {
			b.Errorf("%d too early", n)
		}
	})
}

// Responses that overtake each other do not make a quota look larger than it is.
func TestQuotaOfResponsesOutOfOrder(t *testing.T) {
	const quota = 20
	var mu sync.Mutex
	arrived := 0
	o := httplimit.Options{Retry: httplimit.Retry{Max: -1}, Base: roundTripper(func(*http.Request) (*http.Response, error) {
		mu.Lock()
		arrived++
		n := arrived
		mu.Unlock()
		time.Sleep(time.Duration(100-n) * time.Millisecond) // the later, the sooner
		status := 200
		if n > quota {
			status = 429
		}
		h := header(fmt.Sprintf("X-RateLimit-Limit: %d\nX-RateLimit-Remaining: %d\nX-RateLimit-Reset: 60", quota, max(0, quota-n)))
		return &http.Response{StatusCode: status, Header: h, Body: http.NoBody}, nil
	})}
	bubble(t, 0, o, func(b *bench) {
		b.many(1, func(int) string { return "http://x.test/" })
		b.many(10, func(int) string { return "http://x.test/" })
		ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() { _, _ = b.get(ctx, "http://x.test/") })
		}
		wg.Wait()
		if arrived != quota {
			b.Errorf("%d were sent, want %d", arrived, quota)
		}
	})
}

// Who was told to wait comes before those who came later.
func TestRepeatedRequestKeepsItsPlace(t *testing.T) {
	bubble(t, 1, httplimit.Options{PerHost: 1}, func(b *bench) {
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i, path := range []string{"/retry-after/5/1/x?delay=100", "/delay/10/1", "/delay/10/2"} {
			wg.Go(func() {
				b.mustGet(b.url(0, "%s", path), 200)
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			})
			synctest.Wait()
		}
		wg.Wait()
		if fmt.Sprint(order) != "[0 1 2]" {
			b.Errorf("order %v", order)
		}
	})
}

// A time that is as long as a Duration can be, or longer, is the cap, and not
// nothing.
func TestHoldWithoutEndIsTheCap(t *testing.T) {
	for _, header := range [][]string{
		{"Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"},
		{"RateLimit", `"a";r=0;t=999999999999999`},
		{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "9999999999999d"},
		{"Retry-After-Ms", "9999999999999999999999"},
	} {
		for _, limit := range []time.Duration{time.Minute, math.MaxInt64} {
			o := httplimit.Options{Base: answers(429, header...), MaxRetryAfter: limit, Retry: httplimit.Retry{Max: -1}}
			bubble(t, 0, o, func(b *bench) {
				b.mustGet("http://x.test/", 429)
				if h := b.t.HostStats(); len(h) != 1 || h[0].Held != limit && h[0].Held < 1e6*time.Hour {
					b.Errorf("%q: %+v, want it held for %v", header, h, limit)
				}
			})
		}
	}
}
