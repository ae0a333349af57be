package httplimit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/httplimit"
)

func TestRetries(t *testing.T) {
	dial := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	reset := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	tests := []struct {
		what   string
		method string
		key    bool // with an Idempotency-Key
		status int
		err    error
		want   int // attempts
	}{
		{"a good answer", "GET", false, 200, nil, 1},
		{"a lasting failure", "GET", false, 404, nil, 1},
		{"not implemented does not pass", "GET", false, 501, nil, 1},
		{"408", "GET", false, 408, nil, 4},
		{"425", "GET", false, 425, nil, 4},
		{"429", "GET", false, 429, nil, 4},
		{"500", "GET", false, 500, nil, 4},
		{"502", "GET", false, 502, nil, 4},
		{"503", "GET", false, 503, nil, 4},
		{"504", "GET", false, 504, nil, 4},
		{"529, overloaded", "GET", false, 529, nil, 4},
		{"a method without a name is GET", "", false, 500, nil, 4},
		{"PUT is idempotent", "PUT", false, 500, nil, 4},
		{"DELETE is idempotent", "DELETE", false, 500, nil, 4},
		{"POST may have done something", "POST", false, 500, nil, 1},
		{"PATCH may have done something", "PATCH", false, 502, nil, 1},
		{"POST that was refused", "POST", false, 429, nil, 4},
		{"POST that was refused", "POST", false, 503, nil, 4},
		{"POST with a key", "POST", true, 500, nil, 4},
		{"a reset", "GET", false, 0, reset, 4},
		{"a reset of a POST", "POST", false, 0, reset, 1},
		{"a POST that never had a connection", "POST", false, 0, dial, 4},
		{"a proxy that refuses", "POST", false, 0, &net.OpError{Op: "socks connect", Err: syscall.ECONNREFUSED}, 4},
		{"a handshake that hangs", "POST", false, 0, &net.OpError{Op: "remote error", Err: handshakeError{}}, 4},
		{"forbidden is not too many", "GET", false, 403, nil, 1},
		{"a connection closed", "GET", false, 0, io.ErrUnexpectedEOF, 4},
		{"a timeout of the base", "GET", false, 0, context.DeadlineExceeded, 4},
		{"no such host", "GET", false, 0, &net.DNSError{IsNotFound: true}, 1},
		{"a name server that fails", "POST", false, 0, &net.DNSError{IsTemporary: true}, 4},
		{"nonsense", "GET", false, 0, errors.New("malformed HTTP response"), 1},
	}
	for _, test := range tests {
		name := fmt.Sprintf("%s %s/%d %v", test.method, test.what, test.status, test.err)
		t.Run(name, func(t *testing.T) {
			var bodies []string
			o := httplimit.Options{Base: roundTripper(func(r *http.Request) (*http.Response, error) {
				body, _ := io.ReadAll(r.Body)
				r.Body.Close()
				bodies = append(bodies, string(body))
				if test.err != nil {
					return nil, test.err
				}
				return &http.Response{StatusCode: test.status, Body: http.NoBody}, nil
			})}
			bubble(t, 0, o, func(b *bench) {
				req, err := http.NewRequestWithContext(b.Context(), "POST", "http://x.test/", strings.NewReader("body"))
				if err != nil {
					b.Fatal(err)
				}
				req.Method = test.method
				if test.key {
					req.Header.Set("Idempotency-Key", "1")
				}
				resp, err := b.t.RoundTrip(req)
				if !errors.Is(err, test.err) || err == nil && resp.StatusCode != test.status {
					b.Errorf("got %v, %v", resp, err)
				}
				if len(bodies) != test.want {
					b.Errorf("%d attempts, want %d", len(bodies), test.want)
				}
				for _, body := range bodies {
					if body != "body" {
						b.Errorf("the body was sent as %q", body)
					}
				}
				if s := b.t.Stats(); s.Requests != 1 || s.Retries != int64(test.want-1) {
					b.Errorf("%+v", s)
				}
			})
		})
	}
}

// handshakeError is an error of net/http, which does not export it.
type handshakeError struct{}

func (handshakeError) Timeout() bool   { return true }
func (handshakeError) Temporary() bool { return true }
func (handshakeError) Error() string   { return "net/http: TLS handshake timeout" }

// GitHub says 403 for too many requests too.
func TestGitHubForbids(t *testing.T) {
	for _, header := range [][]string{{"Retry-After", "5"}, {"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "5"}} {
		spy := &spyLimiter{}
		o := httplimit.Options{Base: answers(403, header...), HostLimits: func(string) httplimit.HostLimits {
			return httplimit.HostLimits{Limiter: spy}
		}}
		bubble(t, 0, o, func(b *bench) {
			spy.start = b.start
			b.mustGet("http://x.test/", 403)
			if n := b.t.Stats().Retries; n != 3 || b.at() < 15*time.Second {
				b.Errorf("%q: %d retries in %v", header, n, b.at())
			}
			if n := strings.Count(fmt.Sprint(spy.heard), "overload"); n != 4 {
				b.Errorf("%q: heard %v", header, spy.heard)
			}
		})
	}
}

// A GetBody that panics leaves neither a permit nor a body behind.
func TestGetBodyPanics(t *testing.T) {
	body := &closeCounter{Reader: strings.NewReader("no")}
	o := httplimit.Options{Base: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 503, Body: body}, nil
	})}
	bubble(t, 0, o, func(b *bench) {
		req, _ := http.NewRequestWithContext(b.Context(), "PUT", "http://x.test/", strings.NewReader("x"))
		req.GetBody = func() (io.ReadCloser, error) { panic("gone") }
		defer func() {
			if v := recover(); v != "gone" || body.closed != 1 {
				b.Errorf("recovered %v, the response closed %d times", v, body.closed)
			}
			b.inFlight(0, "after the panic")
		}()
		_, _ = b.t.RoundTrip(req)
	})
}

func TestRequestWithoutURL(t *testing.T) {
	bubble(t, 0, httplimit.Options{Base: answers(200)}, func(b *bench) {
		body := &closeCounter{Reader: strings.NewReader("x")}
		if _, err := b.t.RoundTrip(&http.Request{Method: "GET", Body: body}); err == nil || body.closed != 1 {
			b.Errorf("%v, closed %d times", err, body.closed)
		}
	})
}

// What cannot be sent again from its beginning is not.
func TestBodyWithoutGetBody(t *testing.T) {
	calls := 0
	o := httplimit.Options{Base: roundTripper(func(r *http.Request) (*http.Response, error) {
		calls++
		r.Body.Close()
		return &http.Response{StatusCode: 503, Body: http.NoBody}, nil
	})}
	bubble(t, 0, o, func(b *bench) {
		req, _ := http.NewRequestWithContext(b.Context(), "PUT", "http://x.test/", io.NopCloser(bytes.NewReader([]byte("x"))))
		resp := b.roundTrip(req)
		if calls != 1 || resp.StatusCode != 503 {
			b.Errorf("%d calls, status %d", calls, resp.StatusCode)
		}
	})
}

// While a request waits to be repeated others use the slot, and the response
// that failed is done with.
func TestRetryWaitsWithoutAPermit(t *testing.T) {
	o := httplimit.Options{Total: 1, Retry: httplimit.Retry{Base: time.Hour, Cap: time.Hour}, MaxRetryAfter: 2 * time.Hour}
	bubble(t, 1, o, func(b *bench) {
		var wg sync.WaitGroup
		wg.Go(func() { b.mustGet(b.url(0, "/flaky/1/x"), 200) })
		synctest.Wait()
		if s := b.t.Stats(); s.InFlight != 0 || s.Backoff != 1 {
			b.Errorf("in backoff: %+v", s)
		}
		for i := range 10 {
			b.mustGet(b.url(0, "/delay/100/%d", i), 200)
		}
		b.took(time.Second)
		wg.Wait()
		if at := b.at(); at > time.Hour+time.Second {
			b.Errorf("at %v", at)
		}
		if c := b.server.Audit().Total.Opened; c > 2 {
			b.Errorf("%d connections: the one of the failed response was not used again", c)
		}
	})
}

// Full jitter: between nothing and the doubled bound, and never past the cap.
func TestBackoff(t *testing.T) {
	var waits [4][]time.Duration
	for range 200 {
		last := time.Time{}
		n := 0
		o := httplimit.Options{
			Retry: httplimit.Retry{Max: 4, Base: time.Second, Cap: 3 * time.Second},
			Base: roundTripper(func(*http.Request) (*http.Response, error) {
				if n > 0 {
					waits[n-1] = append(waits[n-1], time.Since(last))
				}
				last = time.Now()
				n++
				return &http.Response{StatusCode: 500, Body: http.NoBody}, nil
			}),
		}
		bubble(t, 0, o, func(b *bench) { b.mustGet("http://x.test/", 500) })
	}
	for k, want := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second} {
		var sum, most time.Duration
		for _, w := range waits[k] {
			sum += w
			most = max(most, w)
		}
		mean := sum / time.Duration(len(waits[k]))
		if most > want || most < want*9/10 || mean < want*4/10 || mean > want*6/10 {
			t.Errorf("retry %d: up to %v, mean %v; want full jitter up to %v", k, most, mean, want)
		}
	}
}

// Where every request fails, retries are not a multiple of them but a tenth,
// and the documented least.
func TestRetryBudget(t *testing.T) {
	o := httplimit.Options{Base: answers(500), Retry: httplimit.Retry{Base: time.Nanosecond}}
	bubble(t, 0, o, func(b *bench) {
		for range 1000 {
			b.mustGet("http://x.test/", 500)
		}
		s := b.t.Stats()
		if s.Requests != 1000 || s.Retries < 105 || s.Retries > 110 {
			b.Errorf("%d retries, want 10 and a tenth of 1000", s.Retries)
		}
		time.Sleep(5 * time.Second)
		b.mustGet("http://x.test/", 500)
		if more := b.t.Stats().Retries - s.Retries; more != 3 {
			b.Errorf("%d retries after a pause, want 3", more)
		}
		b.mustGet("http://y.test/", 500) // another host has its own
		if more := b.t.Stats().Retries - s.Retries; more != 6 {
			b.Errorf("%d retries, want 6", more)
		}
	})
	o.Retry.Budget = -1
	bubble(t, 0, o, func(b *bench) {
		for range 100 {
			b.mustGet("http://x.test/", 500)
		}
		if n := b.t.Stats().Retries; n != 300 {
			b.Errorf("without a budget: %d retries", n)
		}
	})
}

// The entry of a host whose budget is spent stays until it is filled again.
func TestBudgetSurvivesPauses(t *testing.T) {
	o := httplimit.Options{Base: answers(500), Retry: httplimit.Retry{Base: time.Nanosecond}}
	bubble(t, 0, o, func(b *bench) {
		for range 20 {
			b.mustGet("http://x.test/", 500)
		}
		for range 100 {
			before := b.t.Stats().Retries
			time.Sleep(2 * time.Second)
			b.mustGet("http://x.test/", 500)
			if n := b.t.Stats().Retries - before; n > 3 {
				b.Fatalf("%d retries", n)
			}
		}
		if n := b.t.Stats().Retries; n > 10+12+200+1 {
			b.Errorf("%d retries in 200 s", n)
		}
		time.Sleep(12 * time.Second)
		if n := b.t.Stats().Hosts; n != 0 {
			b.Errorf("%d hosts", n)
		}
	})
}

// A wait that would pass the deadline is not begun: the caller gets the response
// that there is.
func TestNoRetryPastTheDeadline(t *testing.T) {
	for _, path := range []string{"/retry-after/60/9/x", "/flaky/9/x"} {
		o := httplimit.Options{Retry: httplimit.Retry{Base: 1000 * time.Hour, Cap: 1000 * time.Hour}, MaxRetryAfter: 2000 * time.Hour}
		bubble(t, 1, o, func(b *bench) {
			ctx, cancel := context.WithTimeout(b.Context(), time.Second)
			defer cancel()
			if status, err := b.get(ctx, b.url(0, "%s", path)); err != nil || status < 400 {
				b.Errorf("%s: %d, %v", path, status, err)
			}
			b.took(0)
		})
	}
}

// Who is told to wait longer than MaxRetryAfter gets the response at once; the
// host is held for MaxRetryAfter.
func TestRetryAfterPastTheCap(t *testing.T) {
	bubble(t, 1, httplimit.Options{MaxRetryAfter: time.Minute}, func(b *bench) {
		b.mustGet(b.url(0, "/retry-after/3600/9/x"), 429)
		b.took(0)
		b.mustGet(b.url(0, "/item/1"), 200)
		b.took(time.Minute)
	})
}

func TestRetrySleepEnds(t *testing.T) {
	o := httplimit.Options{Retry: httplimit.Retry{Base: 1000 * time.Hour, Cap: 1000 * time.Hour}, MaxRetryAfter: 2000 * time.Hour}
	bubble(t, 1, o, func(b *bench) {
		cause := errors.New("no longer wanted")
		ctx, cancel := context.WithCancelCause(b.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := b.get(ctx, b.url(0, "/flaky/9/a")); !errors.Is(err, cause) {
				b.Errorf("cancelled: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := b.get(b.Context(), b.url(0, "/flaky/9/b")); !errors.Is(err, httplimit.ErrClosed) {
				b.Errorf("closed: %v", err)
			}
		})
		synctest.Wait()
		cancel(cause)
		synctest.Wait()
		b.t.Close()
		wg.Wait()
		b.took(0)
	})
}

// A failed response whose body never ends does not hold up its retry.
func TestRetryAfterABodyThatHangs(t *testing.T) {
	bubble(t, 1, httplimit.Options{Total: 1, Retry: httplimit.Retry{Max: 1, Base: 1}}, func(b *bench) {
		resp := b.roundTrip(request(b.Context(), b, b.url(0, "/hang-body/x?status=503")))
		resp.Body.Close()
		if n := b.t.Stats().Retries; resp.StatusCode == 503 && n != 1 {
			b.Errorf("%d retries", n)
		}
		if at := b.at(); at > 51*time.Millisecond {
			b.Errorf("held up for %v", at)
		}
	})
	slow := &closeCounter{}
	n := 0
	o := httplimit.Options{Total: 1, Retry: httplimit.Retry{Base: 1}, Base: roundTripper(func(*http.Request) (*http.Response, error) {
		if n++; n > 1 {
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		}
		r, w := io.Pipe() // nobody writes
		slow.Reader = r
		_ = w
		return &http.Response{StatusCode: 503, ContentLength: 10, Body: struct {
			io.Reader
			io.Closer
		}{r, r}}, nil
	})}
	bubble(t, 0, o, func(b *bench) {
		b.mustGet("http://x.test/", 200)
		b.took(50*time.Millisecond + b.at()%time.Millisecond)
	})
}
