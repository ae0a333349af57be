package httplimit_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/httplimit"
)

// inFlight checks how many permits are out.
func (b *bench) inFlight(want int, when string) {
	b.Helper()
	if got := b.t.Stats().InFlight; got != want {
		b.Errorf("%s: %d permits out, want %d", when, got, want)
	}
}

// roundTrip makes a request and returns its response with the body unread.
func (b *bench) roundTrip(req *http.Request) *http.Response {
	b.Helper()
	resp, err := b.t.RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	return resp
}

func TestPermitIsHeldUntilTheBodyEnds(t *testing.T) {
	bubble(t, 1, httplimit.Options{}, func(b *bench) {
		resp := b.roundTrip(request(b.Context(), b, b.url(0, "/drip/1000/500/a")))
		b.inFlight(1, "before the body")
		if n, err := io.CopyN(io.Discard, resp.Body, 999); n != 999 || err != nil {
			b.Fatal(n, err)
		}
		b.inFlight(1, "before its last byte")
		if _, err := io.ReadAll(resp.Body); err != nil {
			b.Fatal(err)
		}
		b.inFlight(0, "after the end, before Close")
		resp.Body.Close()
		b.inFlight(0, "after Close")

		resp = b.roundTrip(request(b.Context(), b, b.url(0, "/drip/1000/500/b")))
		resp.Body.Close()
		b.inFlight(0, "closed early")
		synctest.Wait() // for the server to see it
		if n := b.server.Audit().Total.InFlight; n != 0 {
			b.Errorf("closed early, but the server still has %d", n)
		}
		resp.Body.Close()
		b.inFlight(0, "closed twice")
	})
}

func TestBodyThatBreaks(t *testing.T) {
	for _, path := range []string{"/truncate/1000/a", "/reset-body/a", "/garbage-chunk/a"} {
		bubble(t, 1, httplimit.Options{Total: 1}, func(b *bench) {
			for range 3 { // the second would hang if the first had kept its permit
				resp := b.roundTrip(request(b.Context(), b, b.url(0, "%s", path)))
				if _, err := io.Copy(io.Discard, resp.Body); err == nil {
					b.Errorf("%s: no error", path)
				}
				b.inFlight(0, path)
				resp.Body.Close()
			}
		})
	}
}

func TestBodyThatIsCancelled(t *testing.T) {
	bubble(t, 1, httplimit.Options{Total: 1}, func(b *bench) {
		for range 3 {
			ctx, cancel := context.WithTimeout(b.Context(), 100*time.Millisecond)
			resp := b.roundTrip(request(ctx, b, b.url(0, "/hang-body/a")))
			if _, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, context.DeadlineExceeded) {
				b.Error(err)
			}
			b.inFlight(0, "after the deadline")
			cancel()
			synctest.Wait() // for the server to see it
		}
		if m := b.server.Audit().Total.MaxInFlight; m != 1 {
			b.Errorf("%d in flight", m)
		}
	})
}

func TestNothingToRead(t *testing.T) {
	bubble(t, 1, httplimit.Options{Total: 1}, func(b *bench) {
		for _, path := range []string{"/204", "/304", "/head/a"} {
			req := request(b.Context(), b, b.url(0, "%s", path))
			req.Method = http.MethodHead
			resp := b.roundTrip(req)
			b.inFlight(0, path)
			resp.Body.Close()
		}
	})
}

// A Base that returns no body at all, as some in tests do, is forgiven.
func TestNilBody(t *testing.T) {
	o := httplimit.Options{Base: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200}, nil
	})}
	bubble(t, 1, o, func(b *bench) {
		b.roundTrip(request(b.Context(), b, "http://x.test/"))
		b.inFlight(0, "no body")
	})
}

func TestInformationalResponses(t *testing.T) {
	bubble(t, 1, httplimit.Options{Total: 1}, func(b *bench) {
		seen := 0
		ctx := httptrace.WithClientTrace(b.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
				seen = code
				b.inFlight(1, "at 1xx")
				return nil
			},
		})
		resp := b.roundTrip(request(ctx, b, b.url(0, "/status/103/a")))
		b.inFlight(1, "after 1xx")
		io.Copy(io.Discard, resp.Body)
		if seen != 103 || resp.StatusCode != 200 {
			b.Errorf("saw %d, then %d", seen, resp.StatusCode)
		}
		b.inFlight(0, "after 200")
	})
}

// A connection that changed its protocol keeps the permit until it is closed,
// and can be written to.
func TestUpgrade(t *testing.T) {
	bubble(t, 1, httplimit.Options{Total: 1}, func(b *bench) {
		l, _ := b.net.listen(7)
		var wg sync.WaitGroup
		wg.Go(func() {
			c, err := l.Accept()
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			r := bufio.NewReader(c)
			if _, err := http.ReadRequest(r); err != nil {
				b.Error(err)
			}
			fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
			line, _ := r.ReadString('\n')
			fmt.Fprint(c, strings.ToUpper(line))
		})
		req := request(b.Context(), b, b.url(7, "/"))
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "echo")
		resp := b.roundTrip(req)
		rw, ok := resp.Body.(io.ReadWriteCloser)
		if !ok {
			b.Fatalf("a %T cannot be written to", resp.Body)
		}
		fmt.Fprint(rw, "hello\n")
		if line, err := io.ReadAll(rw); string(line) != "HELLO\n" {
			b.Errorf("%q, %v", line, err)
		}
		b.inFlight(1, "one side closed")
		if c, ok := resp.Body.(interface{ CloseWrite() error }); !ok || c.CloseWrite() == nil {
			b.Error("CloseWrite: want an error, for a pipe cannot")
		}
		rw.Close()
		b.inFlight(0, "closed")
		wg.Wait()
		l.Close()
	})
}

func TestPanics(t *testing.T) {
	panics := true
	o := httplimit.Options{Total: 1, Base: roundTripper(func(r *http.Request) (*http.Response, error) {
		if panics {
			panic("in the base")
		}
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("body")), Request: r}, nil
	})}
	bubble(t, 1, o, func(b *bench) {
		func() {
			defer func() {
				if v := recover(); v != "in the base" {
					b.Errorf("recovered %v", v)
				}
			}()
			b.roundTrip(request(b.Context(), b, "http://x.test/"))
		}()
		b.inFlight(0, "after the base's panic")
		panics = false
		func() {
			defer func() { _ = recover() }()
			resp := b.roundTrip(request(b.Context(), b, "http://x.test/"))
			defer resp.Body.Close()
			panic("in the caller")
		}()
		b.inFlight(0, "after the caller's panic")
	})
}

// A body that nobody closes keeps its permit: this is documented, and what
// Stats is for.
func TestLeakedBodyShows(t *testing.T) {
	bubble(t, 1, httplimit.Options{Total: 1}, func(b *bench) {
		resp := b.roundTrip(request(b.Context(), b, b.url(0, "/item/1")))
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		if _, err := b.get(ctx, b.url(0, "/item/2")); !errors.Is(err, context.DeadlineExceeded) {
			b.Error(err)
		}
		b.inFlight(1, "leaked")
		resp.Body.Close()
	})
}

func TestFailedDialsGiveTheirPermitsBack(t *testing.T) {
	o := httplimit.Options{Total: 1, Retry: httplimit.Retry{Max: -1}}
	bubble(t, 1, o, func(b *bench) {
		for range 3 {
			if _, err := b.get(b.Context(), "http://nowhere.test/"); err == nil {
				b.Error("no error")
			}
			b.inFlight(0, "after a failed dial")
		}
		// A dial that hangs: nobody accepts.
		l, _ := b.net.listen(9)
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		if _, err := b.get(ctx, b.url(9, "/")); !errors.Is(err, context.DeadlineExceeded) {
			b.Error(err)
		}
		b.inFlight(0, "after a cancelled dial")
		l.Close()
	})
}

// A request that is refused before it is sent has its body closed.
func TestRequestBodyIsClosed(t *testing.T) {
	bubble(t, 1, httplimit.Options{}, func(b *bench) {
		b.t.Close()
		body := &closeCounter{Reader: strings.NewReader("x")}
		req, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, b.url(0, "/echo"), body)
		if _, err := b.t.RoundTrip(req); !errors.Is(err, httplimit.ErrClosed) {
			b.Error(err)
		}
		if body.closed != 1 {
			b.Errorf("closed %d times", body.closed)
		}
	})
}

type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }

// Redirects count as requests of the hosts they go to, and the response to the
// first does not hold its permit meanwhile.
func TestRedirects(t *testing.T) {
	bubble(t, 2, httplimit.Options{Total: 1, PerHost: 1}, func(b *bench) {
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() { b.mustGet(b.url(0, "/redirect-to?url=%s&id=%d", b.url(1, "/delay/100/%d", i), i), 200) })
		}
		wg.Wait()
		a := b.server.Audit()
		if a.Total.MaxInFlight != 1 || a.Hosts[0].Requests != 10 || a.Hosts[1].Requests != 10 {
			b.Errorf("%+v", a.Total)
		}
		if n := b.t.Stats().Requests; n != 20 {
			b.Errorf("%d requests", n)
		}
		b.took(time.Second)
	})
}
