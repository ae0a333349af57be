package httplimit_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/httplimit"
)

func TestBreaker(t *testing.T) {
	status, sent := 500, 0
	base := roundTripper(func(*http.Request) (*http.Response, error) {
		sent++
		return &http.Response{StatusCode: status, Body: http.NoBody}, nil
	})
	o := httplimit.Options{Base: base, Retry: httplimit.Retry{Max: -1}, Breaker: httplimit.Breaker{Failures: 3, OpenFor: 10 * time.Second}}
	for name, limiter := range map[string]penstock.Limiter{"": nil, "composed": penstock.NewSemaphore(5)} {
		t.Run(name, func(t *testing.T) {
			o.Limiter, sent, status = limiter, 0, 500
			bubble(t, 0, o, func(b *bench) {
				refused := func() {
					b.Helper()
					_, err := b.get(b.Context(), "http://x.test/")
					var host *httplimit.HostError
					if !errors.Is(err, httplimit.ErrCircuitOpen) || !errors.As(err, &host) || host.Host != "x.test:80" {
						b.Errorf("%v", err)
					}
				}
				b.mustGet("http://x.test/", 500)
				b.mustGet("http://x.test/", 500)
				status = 200
				b.mustGet("http://x.test/", 200) // in a row, it says
				status = 500
				for range 3 {
					b.mustGet("http://x.test/", 500)
				}
				refused()
				b.mustGet("http://y.test/", 500) // another host
				time.Sleep(9999 * time.Millisecond)
				refused()
				time.Sleep(time.Millisecond)
				b.mustGet("http://x.test/", 500) // half open, and open again
				refused()
				time.Sleep(10 * time.Second)
				status = 200
				b.mustGet("http://x.test/", 200)
				b.mustGet("http://x.test/", 200)
				if sent != 10 {
					b.Errorf("%d were sent", sent)
				}
			})
		})
	}
}

// A breaker that opens fails those who wait, and half open it lets only one go
// at a time, however that ends.
func TestBreakerAndWaiters(t *testing.T) {
	o := httplimit.Options{PerHost: 1, Retry: httplimit.Retry{Max: -1}, Breaker: httplimit.Breaker{Failures: 1, OpenFor: 10 * time.Second}}
	for name, limiter := range map[string]penstock.Limiter{"": nil, "composed": penstock.NewSemaphore(5)} {
		t.Run(name, func(t *testing.T) {
			o.Limiter = limiter
			bubble(t, 1, o, func(b *bench) {
				var wg sync.WaitGroup
				wg.Go(func() { b.mustGet(b.url(0, "/status/500/a?delay=1000"), 500) })
				synctest.Wait()
				for range 5 {
					wg.Go(func() {
						if _, err := b.get(b.Context(), b.url(0, "/item/1")); !errors.Is(err, httplimit.ErrCircuitOpen) {
							b.Errorf("a waiter: %v", err)
						}
						b.took(time.Second)
					})
				}
				wg.Wait()
				time.Sleep(10 * time.Second)
				ctx, cancel := context.WithCancel(b.Context())
				wg.Go(func() { _, _ = b.get(ctx, b.url(0, "/hang/a")) })
				synctest.Wait()
				if _, err := b.get(b.Context(), b.url(0, "/item/2")); !errors.Is(err, httplimit.ErrCircuitOpen) {
					b.Errorf("beside the probe: %v", err)
				}
				if h := b.t.HostStats(); len(h) != 1 || !h[0].Open || h[0].InFlight != 1 {
					b.Errorf("%+v", h)
				}
				cancel()
				wg.Wait()
				b.mustGet(b.url(0, "/item/3"), 200)
				b.mustGet(b.url(0, "/item/4"), 200)
			})
		})
	}
}

// Failures of what was sent before do not keep it open for longer, and waiters
// fail also while the total is full.
func TestBreakerAndLateFailures(t *testing.T) {
	o := httplimit.Options{Total: 3, PerHost: 2, Retry: httplimit.Retry{Max: -1}, Breaker: httplimit.Breaker{Failures: 1, OpenFor: 10 * time.Second}}
	bubble(t, 2, o, func(b *bench) {
		var wg sync.WaitGroup
		wg.Go(func() { b.mustGet(b.url(1, "/delay/100000/a"), 200) })
		wg.Go(func() { b.mustGet(b.url(0, "/status/500/late?delay=5000"), 500) })
		synctest.Wait()
		wg.Go(func() {
			time.Sleep(500 * time.Millisecond)
			if _, err := b.get(b.Context(), b.url(0, "/item/1")); !errors.Is(err, httplimit.ErrCircuitOpen) {
				b.Error(err)
			}
			b.took(time.Second)
		})
		resp := b.roundTrip(request(b.Context(), b, b.url(0, "/status/500/a?delay=1000")))
		defer resp.Body.Close() // unread: the total stays full
		b.took(time.Second)
		time.Sleep(9 * time.Second)
		if _, err := b.get(b.Context(), b.url(0, "/item/2")); !errors.Is(err, httplimit.ErrCircuitOpen) {
			b.Error(err)
		}
		time.Sleep(time.Second)
		b.mustGet(b.url(0, "/item/3"), 200) // 11 s, though a request failed at 5 s
		resp.Body.Close()
		wg.Wait()
	})
}

// While a breaker is half open only its probe closes or opens it, and there is
// only one, whatever becomes of older requests and of the bodies of older
// probes.
func TestBreakerHeedsItsProbeAlone(t *testing.T) {
	base := roundTripper(func(r *http.Request) (*http.Response, error) {
		wait, _ := time.ParseDuration(r.URL.Query().Get("wait"))
		time.Sleep(wait)
		status := 500
		if r.URL.Path == "/good" {
			status = 200
		}
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader("body")), Request: r}, nil
	})
	o := httplimit.Options{Base: base, Retry: httplimit.Retry{Max: -1}, Breaker: httplimit.Breaker{Failures: 1, OpenFor: 10 * time.Second}}
	for name, limiter := range map[string]penstock.Limiter{"": nil, "composed": penstock.NewSemaphore(5), "foreign": foreign{penstock.NewSemaphore(5)}} {
		t.Run(name, func(t *testing.T) {
			o.Limiter = limiter
			refused := func(b *bench) {
				b.Helper()
				if _, err := b.get(b.Context(), "http://x.test/good"); !errors.Is(err, httplimit.ErrCircuitOpen) {
					b.Errorf("at %v: %v, want ErrCircuitOpen", b.at(), err)
				}
			}
			bubble(t, 0, o, func(b *bench) {
				var wg sync.WaitGroup
				wg.Go(func() { b.mustGet("http://x.test/good?wait=15s", 200) })
				synctest.Wait()
				b.mustGet("http://x.test/", 500) // open until 10 s
				time.Sleep(12 * time.Second)
				wg.Go(func() { b.mustGet("http://x.test/?wait=8s", 500) }) // the probe
				time.Sleep(4 * time.Second)
				refused(b) // though an older one has succeeded at 15 s
				wg.Wait()
				time.Sleep(9 * time.Second)
				refused(b) // the probe has failed at 20 s
				time.Sleep(time.Second)
				b.mustGet("http://x.test/good", 200)
				b.mustGet("http://x.test/good", 200)
			})
			bubble(t, 0, o, func(b *bench) {
				var wg sync.WaitGroup
				b.mustGet("http://x.test/", 500)
				time.Sleep(10 * time.Second)
				first := b.roundTrip(request(b.Context(), b, "http://x.test/"))
				time.Sleep(10 * time.Second)
				wg.Go(func() { b.mustGet("http://x.test/good?wait=5s", 200) })
				synctest.Wait()
				first.Body.Close()
				refused(b)
				wg.Wait()
				b.mustGet("http://x.test/good", 200)
			})
		})
	}
}

// Who gives up, for whatever cause, says nothing of the host.
func TestBreakerDoesNotCountWhoGivesUp(t *testing.T) {
	o := httplimit.Options{Retry: httplimit.Retry{Max: -1}, Breaker: httplimit.Breaker{Failures: 1}}
	bubble(t, 1, o, func(b *bench) {
		cause := errors.New("no longer wanted")
		ctx, cancel := context.WithCancelCause(b.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		if _, err := b.get(ctx, b.url(0, "/hang/a")); !errors.Is(err, cause) {
			b.Errorf("%v, want the cause", err)
		}
		b.mustGet(b.url(0, "/item/1"), 200)
	})
}
