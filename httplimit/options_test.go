package httplimit_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/httplimit"
	"github.com/penstock-go/penstock/rate"
)

func TestBadOptions(t *testing.T) {
	for _, o := range []httplimit.Options{
		{Total: -2},
		{PerHost: -2},
		{MaxRetryAfter: -1},
		{Retry: httplimit.Retry{Base: -1}},
		{Retry: httplimit.Retry{Cap: -1}},
		{Retry: httplimit.Retry{Budget: math.NaN()}},
		{Retry: httplimit.Retry{Budget: math.Inf(1)}},
		{Breaker: httplimit.Breaker{Failures: -1}},
		{Breaker: httplimit.Breaker{OpenFor: -1}},
		{Share: httplimit.Share{MaxBody: -1}},
		{Rate: rate.List{{}}},
		{PerHostRate: rate.List{{Count: 5}}},
	} {
		if c, err := httplimit.NewClient(o); !errors.Is(err, httplimit.ErrOptions) || c != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := httplimit.New(httplimit.Options{Rate: rate.List{{}}}); !errors.Is(err, rate.ErrInvalid) {
		t.Errorf("%v is not rate.ErrInvalid", err)
	}
}

// HostLimits that cannot be kept fail the request, and nothing else.
func TestBadHostLimits(t *testing.T) {
	panics := false
	o := httplimit.Options{HostLimits: func(host string) httplimit.HostLimits {
		switch {
		case panics:
			panic("no idea")
		case host == "h0.test:80":
			return httplimit.HostLimits{Rate: rate.List{{}}}
		}
		return httplimit.HostLimits{Limit: httplimit.NoLimit}
	}}
	bubble(t, 2, o, func(b *bench) {
		if _, err := b.get(b.Context(), b.url(0, "/item/1")); !errors.Is(err, rate.ErrInvalid) {
			b.Error(err)
		}
		b.mustGet(b.url(1, "/item/1"), 200)
		panics = true
		func() {
			defer func() { _ = recover() }()
			_, _ = b.get(b.Context(), "http://other.test/")
			b.Error("no panic")
		}()
		b.mustGet(b.url(1, "/item/2"), 200)
	})
}

// A demand that a rate can never meet is refused at once, whether it is first or
// behind others.
func TestCostOverTheBurst(t *testing.T) {
	o := httplimit.Options{
		PerHostRate: rate.List{{Count: 10, Per: time.Second, Burst: 10}},
		Cost: func(r *http.Request) int {
			if r.URL.Path == "/item/99" {
				return 99
			}
			return 10
		},
	}
	for name, limiter := range map[string]penstock.Limiter{"": nil, "composed": penstock.PerCall(penstock.NewSemaphore(5))} {
		t.Run(name, func(t *testing.T) {
			o.Limiter = limiter
			bubble(t, 1, o, func(b *bench) {
				for range 2 {
					if _, err := b.get(b.Context(), b.url(0, "/item/99")); !errors.Is(err, penstock.ErrOverLimit) {
						b.Error(err)
					}
					b.took(0)
					b.start = b.start.Add(0)
				}
				b.mustGet(b.url(0, "/item/1"), 200)
				b.mustGet(b.url(0, "/item/2"), 200)
				b.took(time.Second)
			})
		})
	}
}

// Name and port are the host, whatever the scheme's default or the case.
func TestHostsByNameAndPort(t *testing.T) {
	o := httplimit.Options{Base: answers(200)}
	bubble(t, 0, o, func(b *bench) {
		for url, host := range map[string]string{
			"http://Example.com/a":      "example.com:80",
			"http://example.com:80/b":   "example.com:80",
			"https://example.com/c":     "example.com:443",
			"https://example.com:443/":  "example.com:443",
			"http://example.com:443/":   "example.com:443",
			"http://example.com:8080/d": "example.com:8080",
			"http://[::1]/e":            "[::1]:80",
			"http://[::1]:90/f":         "[::1]:90",
			"http://user:pw@x.test:/g":  "x.test:80",
		} {
			resp := b.roundTrip(request(context.Background(), b, url))
			found := false
			for _, h := range b.t.HostStats() {
				found = found || h.Host == host && h.InFlight == 1
			}
			if !found {
				b.Errorf("%s: %+v, want %s", url, b.t.HostStats(), host)
			}
			resp.Body.Close()
		}
		if n := b.t.Stats().Hosts; n != 6 {
			b.Errorf("%d hosts: %+v", n, b.t.HostStats())
		}
	})
}

// The house promises at most three allocations beyond the Base's.
func TestTransportAllocations(t *testing.T) {
	base := newInstant()
	tr, err := httplimit.New(httplimit.Options{Base: base, PerHost: 10, Breaker: httplimit.Breaker{Failures: 5}})
	if err != nil {
		t.Fatal(err)
	}
	req := request(t.Context(), t, "http://example.com/path")
	measure := func(rt http.RoundTripper) float64 {
		return testing.AllocsPerRun(100, func() {
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		})
	}
	if more := measure(tr) - measure(base); more > 1 {
		t.Errorf("%v allocations more than the base", more)
	}
}
