// Package httplimit_test measures what penstock's httplimit adds to a request over
// its inner RoundTripper, which answers at once, beside what people write today: a
// RoundTripper that waits for golang.org/x/time/rate and golang.org/x/sync's
// semaphore, and gives the permit back when the response is there. (That is too
// early, for the body is still to come, but it is what they write.)
//
// A row less the row by=base is what is added.
package httplimit_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/penstock-go/penstock/httplimit"
	"github.com/penstock-go/penstock/rate"
	"golang.org/x/sync/semaphore"
	xrate "golang.org/x/time/rate"
)

// base is a RoundTripper that answers at once.
type base struct{ header http.Header }

func (b base) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: b.header, Body: &body{}, Request: req}, nil
}

type body struct{ bytes.Reader }

func (*body) Close() error { return nil }

func newBase(hints bool) base {
	h := http.Header{}
	for _, f := range []string{"Content-Type", "Content-Length", "Date", "Server", "Etag", "X-Request-Id"} {
		h.Set(f, "x")
	}
	h.Set("Date", "Fri, 31 Jul 2026 12:00:00 GMT")
	if hints {
		h.Set("X-RateLimit-Limit", "5000")
		h.Set("X-RateLimit-Remaining", "4999")
		h.Set("X-RateLimit-Reset", "4000000000")
	}
	return base{h}
}

// byHand is what people write.
type byHand struct {
	base  http.RoundTripper
	slots *semaphore.Weighted
	rate  *xrate.Limiter
}

func (t *byHand) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.rate != nil {
		if err := t.rate.Wait(req.Context()); err != nil {
			return nil, err
		}
	}
	if err := t.slots.Acquire(req.Context(), 1); err != nil {
		return nil, err
	}
	defer t.slots.Release(1)
	return t.base.RoundTrip(req)
}

func transport(b *testing.B, o httplimit.Options) http.RoundTripper {
	b.Helper()
	t, err := httplimit.New(o)
	if err != nil {
		b.Fatal(err)
	}
	return t
}

func cases(b *testing.B) []struct {
	name string
	t    http.RoundTripper
} {
	plain, hints := newBase(false), newBase(true)
	rates := rate.List{{Count: 500_000_000, Per: time.Second, Burst: 1 << 20}}
	return []struct {
		name string
		t    http.RoundTripper
	}{
		{"limits/by=base", plain},
		{"limits/by=penstock", transport(b, httplimit.Options{Base: plain, PerHost: 50, Breaker: httplimit.Breaker{Failures: 5}})},
		{"limits/by=hand", &byHand{base: plain, slots: semaphore.NewWeighted(50)}},
		{"rate/by=base", plain},
		{"rate/by=penstock", transport(b, httplimit.Options{Base: plain, PerHost: 50, PerHostRate: rates})},
		{"rate/by=hand", &byHand{base: plain, slots: semaphore.NewWeighted(50), rate: xrate.NewLimiter(5e8, 1<<20)}},
		{"hints/by=base", hints},
		{"hints/by=penstock", transport(b, httplimit.Options{Base: hints, PerHost: 50})},
	}
}

func BenchmarkTransport(b *testing.B) {
	for _, c := range cases(b) {
		b.Run(c.name, func(b *testing.B) {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://example.com/path", nil)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				one(b, c.t, req)
			}
		})
	}
}

func BenchmarkTransportParallel(b *testing.B) {
	for _, c := range cases(b) {
		b.Run(c.name, func(b *testing.B) {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://example.com/path", nil)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					one(b, c.t, req)
				}
			})
		})
	}
}

// one makes a request and reads its body to the end.
func one(b *testing.B, t http.RoundTripper, req *http.Request) {
	resp, err := t.RoundTrip(req)
	if err != nil {
		b.Error(err)
		return
	}
	var p [512]byte
	if _, err := resp.Body.Read(p[:]); err != io.EOF {
		b.Error(err)
	}
	resp.Body.Close()
}
