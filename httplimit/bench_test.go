package httplimit_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/httplimit"
	"github.com/penstock-go/penstock/rate"
)

// instant is a Base that answers at once: what is left is the Transport.
type instant struct{ header http.Header }

func (b *instant) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: b.header, Body: &instantBody{}, Request: req}, nil
}

type instantBody struct{ bytes.Reader }

func (*instantBody) Close() error { return nil }

func newInstant() *instant {
	return &instant{header("Content-Type: text/plain\nContent-Length: 0\nDate: Fri, 31 Jul 2026 12:00:00 GMT\nServer: x\nEtag: y\nX-Request-Id: 1")}
}

// BenchmarkTransport is the cost of a request over that of its Base, which is
// the row "base".
func BenchmarkTransport(b *testing.B) {
	rates := rate.List{{Count: 500_000_000, Per: time.Second, Burst: 1 << 20}}
	for _, test := range []struct {
		name string
		o    httplimit.Options
	}{
		{"plain", httplimit.Options{}},
		{"perhost", httplimit.Options{PerHost: 50}},
		{"breaker", httplimit.Options{Breaker: httplimit.Breaker{Failures: 5}}},
		{"rates", httplimit.Options{Rate: rates, PerHostRate: rates}},
		{"limiter", httplimit.Options{Limiter: penstock.NewSemaphore(50)}},
	} {
		b.Run(test.name, func(b *testing.B) {
			test.o.Base = newInstant()
			t, err := httplimit.New(test.o)
			if err != nil {
				b.Fatal(err)
			}
			run(b, t)
		})
		b.Run(test.name+"/parallel", func(b *testing.B) {
			test.o.Base = newInstant()
			t, err := httplimit.New(test.o)
			if err != nil {
				b.Fatal(err)
			}
			req := request(b.Context(), b, "http://example.com/path")
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					one(b, t, req)
				}
			})
		})
	}
	b.Run("base", func(b *testing.B) { run(b, newInstant()) })
}

func run(b *testing.B, t http.RoundTripper) {
	req := request(b.Context(), b, "http://example.com/path")
	b.ReportAllocs()
	for b.Loop() {
		one(b, t, req)
	}
}

func one(b *testing.B, t http.RoundTripper, req *http.Request) {
	resp, err := t.RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	var p [512]byte
	if _, err := resp.Body.Read(p[:]); err != io.EOF {
		b.Fatal(err)
	}
	resp.Body.Close()
}

// BenchmarkParseHints is what reading a response's header costs.
func BenchmarkParseHints(b *testing.B) {
	for name, h := range map[string]http.Header{
		"none":     newInstant().header,
		"github":   header("Content-Type: text/plain\nX-RateLimit-Limit: 5000\nX-RateLimit-Remaining: 4999\nX-RateLimit-Reset: 1785499290\nX-RateLimit-Used: 1"),
		"draft 11": header("Content-Type: text/plain\nRateLimit-Policy: \"default\";q=100;w=60\nRateLimit: \"default\";r=50;t=30"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				httplimit.ParseHints(h, 200, noon)
			}
		})
	}
}
