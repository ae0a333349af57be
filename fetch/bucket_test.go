package fetch_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/rate"
)

// A policyFunc is a fetch.Policy.
type policyFunc func(u *url.URL) fetch.Bucket

func (f policyFunc) Bucket(u *url.URL) fetch.Bucket { return f(u) }

// eachHost gives every host a bucket of its own with the same limits.
func eachHost(l fetch.Limits) fetch.Policy {
	return policyFunc(func(u *url.URL) fetch.Bucket { return fetch.Bucket{Key: fetch.HostKey(u), Limits: l} })
}

func rates(t *testing.T, text string) rate.List {
	t.Helper()
	list, err := rate.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// now is how many requests are in flight.
func (n *network) now() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.inFlight
}

// Hosts of one bucket share its limit.
func TestBucketOfSeveralHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		urls := slices.Concat(many(20, "a.shop"), many(20, "b.shop"), many(20, "other"))
		n := newNetwork(always(100 * ms))
		shop := func(u *url.URL) fetch.Bucket {
			if strings.HasSuffix(u.Host, ".shop") {
				return fetch.Bucket{Key: "shop", Limits: fetch.Limits{Concurrency: 4}}
			}
			return fetch.Bucket{Key: u.Host, Limits: fetch.Limits{Concurrency: 5}}
		}
		out := mustRun(t, n, gets(urls...), fetch.Options{Concurrency: 100, Policy: policyFunc(shop)})
		if n.most != 9 || n.hostMost["other:80"] != 5 {
			t.Errorf("in flight: %d in all, %v; want 4 and 5", n.most, n.hostMost)
		}
		wantTime(t, "all of it", out.took, time.Second)
	})
}

// Each host has its own rate, and none waits for another's.
func TestRateOfEachHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		urls := slices.Concat(many(11, "a"), many(11, "b"))
		n := newNetwork(always(ms))
		out := mustRun(t, n, gets(urls...), fetch.Options{Concurrency: 100, Policy: eachHost(fetch.Limits{Rate: rates(t, "10/s")})})
		for _, host := range []string{"a:80", "b:80"} {
			var at []time.Duration
			for _, h := range n.log() {
				if h.host == host {
					at = append(at, h.at)
				}
			}
			// Whatever the window, at most half a request more than the rate.
			for i := range at {
				for k := range at[:i] {
					if got, most := i-k+1, 10*(at[i]-at[k]).Seconds()+1.5; float64(got) > most {
						t.Fatalf("%s: %d requests from %v to %v", host, got, at[k], at[i])
					}
				}
			}
		}
		if out.took < 990*ms || out.took > 1010*ms {
			t.Errorf("took %v, want 1s", out.took)
		}
	})
}

// The rate of all and that of a host are taken together or not at all: what a
// host's rate holds back takes nothing of the other's.
func TestRateOfHostAndTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		total, err := rate.New(rates(t, "100/s")...)
		if err != nil {
			t.Fatal(err)
		}
		slow := func(u *url.URL) fetch.Bucket {
			b := fetch.Bucket{Key: u.Host}
			if u.Host == "slow" {
				b.Rate = rates(t, "10/s")
			}
			return b
		}
		n := newNetwork(always(ms))
		out := mustRun(t, n, gets(slices.Concat(many(10, "slow"), many(90, "fast"))...), fetch.Options{
			Concurrency: 100, Rate: total, Policy: policyFunc(slow),
		})
		if out.took < 980*ms || out.took > 1010*ms {
			t.Errorf("took %v: 100 requests at 100/s are to take 1s", out.took)
		}
	})
}

// An item that costs more than its host's rate ever gives fails by itself.
func TestRateThatNeverGives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(nil)
		out := mustRun(t, n, list(fetch.Item{URL: "http://a/1", Cost: 11}, fetch.Item{URL: "http://a/2"}), fetch.Options{Policy: eachHost(fetch.Limits{Rate: rates(t, "10/s burst 10")})})
		recs := out.each(t, 2)
		if e := recs[0].Error; e == nil || e.Class != fetch.InvalidInput || !strings.Contains(e.Message, "cost 11") {
			t.Errorf("error %v", e)
		}
		if !recs[1].OK || len(n.log()) != 1 {
			t.Errorf("%d requests, second ok: %v", len(n.log()), recs[1].OK)
		}
	})
}

// A bucket's limit finds itself: the server refuses above 37.
func TestAuto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const room, items = 37, 20_000
		var n *network
		n = newNetwork(func(h hit) reply {
			if n.now() > room {
				return reply{status: 429, wait: ms}
			}
			return reply{wait: 10*ms + rand.N(20*ms)}
		})
		out := mustRun(t, n, gets(many(items, "a")...), fetch.Options{
			Concurrency: 200, Policy: eachHost(fetch.Limits{Auto: true}), Retry: fetch.Retry{Max: 10, Base: ms},
		})
		if out.sum.OK != items {
			t.Errorf("%d ok of %d", out.sum.OK, items)
		}
		if out.sum.Retries > items/50 {
			t.Errorf("%d were refused, over 2 %%", out.sum.Retries)
		}
		if ideal := items / room * 20 * ms; out.took > ideal*115/100 {
			t.Errorf("took %v, ideal %v", out.took, ideal)
		}
	})
}

// A bucket's own Retry takes the place of the run's.
func TestRetryOfBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(hit) reply { return reply{status: 500} })
		retry := func(u *url.URL) fetch.Bucket {
			b := fetch.Bucket{Key: u.Host}
			if u.Host == "twice" {
				b.Retry = &fetch.Retry{Max: 1}
			}
			return b
		}
		out := mustRun(t, n, gets("http://twice/", "http://often/"), fetch.Options{Policy: policyFunc(retry), Retry: fetch.Retry{Max: 4}})
		recs := out.each(t, 2)
		if a, b := recs[0].Attempts, recs[1].Attempts; a != 2 || b != 5 {
			t.Errorf("%d and %d attempts, want 2 and 5", a, b)
		}
	})
}

// What is left of a quota bounds what is sent before it is renewed; nothing is
// ever refused.
func TestQuotaIsObeyed(t *testing.T) {
	for _, header := range []string{"RateLimit", "X-RateLimit"} {
		t.Run(header, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const quota, window, items = 20, time.Second, 100
				var mu sync.Mutex
				refused := 0
				served := map[time.Duration]int{}
				n := newNetwork(func(h hit) reply {
					mu.Lock()
					defer mu.Unlock()
					w := h.at.Truncate(window)
					served[w]++
					left := quota - served[w]
					if left < 0 {
						refused++
						return reply{status: 429, wait: ms}
					}
					seconds := int((w + window - h.at + time.Second - 1) / time.Second)
					hdr := http.Header{}
					if header == "RateLimit" {
						hdr.Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%d`, left, seconds))
					} else {
						hdr.Set("X-RateLimit-Remaining", strconv.Itoa(left))
						hdr.Set("X-RateLimit-Limit", strconv.Itoa(quota))
						hdr.Set("X-RateLimit-Reset", strconv.Itoa(seconds))
					}
					return reply{wait: 10 * ms, header: hdr}
				})
				out := mustRun(t, n, gets(many(items, "a")...), fetch.Options{Concurrency: 10, Retry: fetch.Retry{Max: 5}})
				if out.sum.OK != items || refused > 0 {
					t.Errorf("%d ok of %d, %d refused", out.sum.OK, items, refused)
				}
				if out.took > 12*time.Second {
					t.Errorf("took %v", out.took)
				}
			})
		})
	}
}

// GitHub answers 403 to those who are over their quota, and to others.
func TestForbiddenForNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(h hit) reply {
			switch {
			case h.url == "http://a/0":
				return reply{status: 403, wait: ms}
			case h.nth == 0:
				return reply{status: 403, wait: ms, header: http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"60"}}}
			}
			return reply{wait: ms}
		})
		out := mustRun(t, n, gets("http://a/0", "http://b/1"), fetch.Options{Retry: fetch.Retry{Max: 1}})
		recs := out.each(t, 2)
		if recs[0].Attempts != 1 || recs[0].OK || recs[1].Attempts != 2 || !recs[1].OK {
			t.Errorf("%+v\n%+v", recs[0], recs[1])
		}
		if out.took < time.Minute {
			t.Errorf("came back after %v", out.took)
		}
	})
}

func TestQuotaIsIgnoredWhereAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(hit) reply {
			return reply{header: http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"60"}}, wait: ms}
		})
		out := mustRun(t, n, gets(many(10, "a")...), fetch.Options{Concurrency: 1, IgnoreQuotas: true})
		wantTime(t, "all of it", out.took, 10*ms)
	})
}

// Another policy while the run goes on: what waits falls under it, what is in
// flight does not.
func TestSetPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(always(100 * ms))
		r := start(t.Context(), t, n, gets(many(90, "a")...), fetch.Options{Concurrency: 100, LookAhead: 20, Policy: eachHost(fetch.Limits{Concurrency: 1})})
		time.Sleep(1050 * ms) // 11 have started
		if err := r.SetPolicy(eachHost(fetch.Limits{Concurrency: 10})); err != nil {
			t.Fatal(err)
		}
		r.end(t)
		if n.most != 10 || r.sum.OK != 90 {
			t.Errorf("%d in flight, %d ok", n.most, r.sum.OK)
		}
		// Nine join the eleventh at 1.05 s; from then on 80 in tens, in two groups.
		if r.took > 1900*ms {
			t.Errorf("took %v", r.took)
		}
		if err := r.SetPolicy(nil); err == nil {
			t.Error("nil was taken")
		}
	})
}

// A policy with other keys: nothing is lost, also of what was put aside.
func TestSetPolicyOtherKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		urls := slices.Concat(many(500, "a"), many(500, "b"))
		n := newNetwork(always(10 * ms))
		one := policyFunc(func(*url.URL) fetch.Bucket {
			return fetch.Bucket{Key: "one", Limits: fetch.Limits{Concurrency: 1}}
		})
		r := start(t.Context(), t, n, gets(urls...), fetch.Options{Concurrency: 50, LookAhead: 100, Policy: one})
		time.Sleep(time.Second)
		if err := r.SetPolicy(eachHost(fetch.Limits{Concurrency: 2})); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := n.now(); got > 5 { // two each, and one that was in flight before
			t.Errorf("%d in flight", got)
		}
		if err := r.SetPolicy(one); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := r.SetPolicy(eachHost(fetch.Limits{Concurrency: 20})); err != nil {
			t.Fatal(err)
		}
		if r.end(t); r.sum.OK != 1000 || len(n.log()) != 1000 {
			t.Errorf("%d ok, %d requests", r.sum.OK, len(n.log()))
		}
	})
}

// A policy whose limits make no sense ends the run with what is wrong.
func TestPolicyThatMakesNoSense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := eachHost(fetch.Limits{Rate: rate.List{{Count: 0, Per: time.Second}}})
		_, err := fetch.Run(t.Context(), gets("http://a/"), fetch.SinkFunc(func(*fetch.Record) error { return nil }), fetch.Options{
			Policy: bad, Transport: newNetwork(nil),
		})
		if err == nil || !strings.Contains(err.Error(), "a:80") {
			t.Errorf("error %v", err)
		}
	})
}

func TestPauseAndSetConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(always(100 * ms))
		r := start(t.Context(), t, n, gets(slices.Concat(many(30, "a"), many(30, "b"), []string{"http://c/", "http://d/", "http://e/"})...), fetch.Options{Concurrency: 2})
		time.Sleep(50 * ms)
		r.Pause()
		time.Sleep(time.Minute)
		if got := len(n.log()); got != 2 {
			t.Errorf("%d requests, want 2", got)
		}
		if w := r.Stats().Wait; w.Reason != fetch.Paused {
			t.Errorf("waits for %q", w.Reason)
		}
		if err := r.SetConcurrency(10); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := len(n.log()); got != 2 {
			t.Errorf("%d requests while paused", got)
		}
		r.Resume()
		synctest.Wait()
		if got := n.now(); got != 10 {
			t.Errorf("%d in flight after Resume, want 10", got)
		}
		if err := r.SetConcurrency(1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(150 * ms)
		if got := n.now(); got != 1 {
			t.Errorf("%d in flight, want 1", got)
		}
		if err := r.SetConcurrency(0); err == nil {
			t.Error("0 was taken")
		}
		if r.end(t); r.sum.OK != 63 {
			t.Errorf("%d ok", r.sum.OK)
		}
	})
}

// Why nothing starts, in each of the cases.
func TestWait(t *testing.T) {
	slow := eachHost(fetch.Limits{Rate: rates(t, "1/s")})
	total, err := rate.New(rates(t, "1/s")...)
	if err != nil {
		t.Fatal(err)
	}
	retryAfter := func(h hit) reply {
		if h.nth > 0 || h.url != "http://a/0" {
			return reply{wait: time.Hour}
		}
		return reply{status: 503, header: http.Header{"Retry-After": {"60"}}}
	}
	for _, test := range []struct {
		want   fetch.Reason
		bucket string
		limit  int
		answer func(hit) reply
		o      fetch.Options
	}{
		{fetch.Concurrency, "", 3, always(time.Hour), fetch.Options{Concurrency: 3}},
		{fetch.HostConcurrency, "a:80", 2, always(time.Hour), fetch.Options{PerHost: 2}},
		{fetch.HostRate, "a:80", 0, always(ms), fetch.Options{Policy: slow}},
		{fetch.TotalRate, "", 0, always(ms), fetch.Options{Rate: total}},
		{fetch.RetryAfter, "a:80", 0, retryAfter, fetch.Options{Concurrency: 2, PerHost: 1, Retry: fetch.Retry{Max: 1}}},
		{fetch.Backoff, "", 0, func(hit) reply { return reply{status: 500} }, fetch.Options{Retry: fetch.Retry{Max: 100, Base: 20 * time.Hour, Cap: 40 * time.Hour}}},
		{fetch.Last, "", 0, always(time.Hour), fetch.Options{Concurrency: 100}},
	} {
		t.Run(string(test.want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				test.o.Timeout = -1
				r := start(ctx, t, newNetwork(test.answer), gets(many(20, "a")...), test.o)
				time.Sleep(3*time.Second + 500*ms)
				w := r.Stats().Wait
				if w.Reason != test.want || w.Bucket != test.bucket || w.Limit != test.limit && test.limit > 0 {
					t.Errorf("%+v, want %s %s %d", w, test.want, test.bucket, test.limit)
				}
				cancel()
				r.end(t)
			})
		})
	}
}
