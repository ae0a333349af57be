package h1_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch/h1"
	"github.com/penstock-go/penstock/internal/origin"
)

var errEnough = errors.New("enough")

// The context ends what is under way at once, whatever it is, with its cause.
func TestCancel(t *testing.T) {
	for _, phase := range []string{"dial", "handshake", "write", "blocked body", "header", "body", "compressed body"} {
		both(t, func(t *testing.T, anew func(h1.Options) transport) {
			reached := make(chan bool, 1)
			o := h1.Options{}
			url := serve(t, func(p *peer) {
				switch phase {
				case "handshake", "write", "blocked body":
					p.in.Peek(1)
				case "header":
					p.request()
				case "body", "compressed body":
					p.request()
					if phase == "body" {
						p.say("%sContent-Length: 100\r\n\r\nhello", ok)
					} else {
						p.say("%sContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n%s", ok, zipped("hello")[:11])
					}
					return2(p, reached)
					return
				}
				reached <- true
				if phase == "write" || phase == "handshake" { // what is no request would end it
					<-t.Context().Done()
				}
				p.request()
			})
			var body io.Reader
			switch phase {
			case "dial":
				o.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
					reached <- true
					<-ctx.Done()
					return nil, ctx.Err()
				}
			case "handshake":
				url = strings.Replace(url, "http:", "https:", 1)
			case "write":
				body = &endless{}
			case "blocked body":
				r, w := io.Pipe()
				go w.Write([]byte("x"))
				t.Cleanup(func() { w.Close() })
				body = r
				if byNetHTTP(t) {
					t.Skip("net/http waits for the body's Read")
				}
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			go func() { <-reached; cancel(errEnough) }()
			start := time.Now()
			resp, err := anew(o).RoundTrip(request(t, "POST", url, body).WithContext(ctx))
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			if !errors.Is(err, errEnough) {
				t.Errorf("%s: %v", phase, err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%s: after %v", phase, took)
			}
		})
	}
}

// return2 says that the phase is reached and waits for the other side's end.
func return2(p *peer, reached chan<- bool) {
	reached <- true
	p.request()
}

type endless struct{}

func (*endless) Read(b []byte) (int, error) { return len(b), nil }

// A context that has ended lets nothing begin.
func TestCanceledBefore(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errEnough)
		_, err := anew(h1.Options{DialContext: func(context.Context, string, string) (net.Conn, error) {
			t.Error("a connection was made")
			return nil, io.EOF
		}}).RoundTrip(request(t, "GET", "http://x.test", nil).WithContext(ctx))
		if !errors.Is(err, errEnough) {
			t.Error(err)
		}
	})
}

// A deadline ends the body as it ends the rest.
func TestDeadline(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		s := startOrigin(t, origin.Options{})
		for _, path := range []string{"/hang", "/hang-body"} {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			resp, err := anew(h1.Options{}).RoundTrip(request(t, "GET", s.URL()+path, nil).WithContext(ctx))
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			if cancel(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", path, err)
			}
		}
		if open := settled(s, 0); open != 0 {
			t.Errorf("%d connections are open", open)
		}
	})
}

// Close ends a Read of another goroutine; nothing that comes later reaches the
// connection when it serves the next request.
func TestCloseDuringRead(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		s := startOrigin(t, origin.Options{})
		tr := anew(h1.Options{})
		for _, path := range []string{"/hang-body", "/drip/100/3", "/gzip/100000"} {
			for range 20 {
				resp, err := tr.RoundTrip(request(t, "GET", s.URL()+path, nil))
				if err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				wg.Go(func() { io.Copy(io.Discard, resp.Body) })
				wg.Go(func() { resp.Body.Close() })
				get(t, tr, s.URL()+"/item/1")
				wg.Wait()
			}
		}
	})
}

// Contexts that end as their responses do: whoever has an answer has all of it,
// and no request pays for another's end. Under the race detector this also
// shows that nobody uses what another has.
func TestCancelRaces(t *testing.T) {
	s := startOrigin(t, origin.Options{})
	tr := h1.New(h1.Options{})
	defer tr.CloseIdleConnections()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 300 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(k%10)*50*time.Microsecond+time.Minute*time.Duration(i%2))
				resp, err := tr.RoundTrip(request(t, "GET", s.URL()+"/item/5", nil).WithContext(ctx))
				var body []byte
				if err == nil {
					body, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				if err == nil && string(body) != string(origin.AppendItem(nil, 5)) {
					t.Errorf("%q", body)
				}
				var ne net.Error // a net.Dialer may see the deadline before the context does
				if err != nil && (i%2 == 1 || !errors.As(err, &ne) || !ne.Timeout()) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
}

// Nothing but the callers' goroutines works: not while requests are under way,
// nor between them.
func TestNoGoroutines(t *testing.T) {
	s := startOrigin(t, origin.Options{})
	secure := startOrigin(t, origin.Options{TLS: origin.SelfSigned, HTTP1: true})
	tr := h1.New(h1.Options{TLSConfig: insecure()})
	defer tr.CloseIdleConnections()
	var wg sync.WaitGroup
	for _, url := range []string{s.URL() + "/item/1", secure.URL() + "/item/1", s.URL() + "/delay/300", secure.URL() + "/delay/300"} {
		for range 20 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				resp, err := tr.RoundTrip(request(t, "POST", url, strings.NewReader("x")).WithContext(ctx))
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			})
		}
	}
	for range 50 {
		if stacks := created(); stacks != "" {
			t.Fatalf("goroutines of its own:\n%s", stacks)
		}
		time.Sleep(2 * time.Millisecond) // looks at different moments; what it waits for is nothing
	}
	wg.Wait()
	if stacks := created(); stacks != "" {
		t.Fatalf("goroutines of its own:\n%s", stacks)
	}
	tr.CloseIdleConnections()
	if open := settled(s, 0) + settled(secure, 0); open != 0 {
		t.Errorf("%d connections are open", open)
	}
}

// created is the stacks of the goroutines that package h1 has started.
func created() string {
	buf := make([]byte, 4<<20)
	var found []string
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		_, by, _ := strings.Cut(stack, "created by ")
		if strings.HasPrefix(by, "github.com/penstock-go/penstock/fetch/h1.") {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}

var _ http.RoundTripper = (*h1.Transport)(nil)

// A deadline counts that is sooner than the one of the request before.
func TestCallerSoonerDeadline(t *testing.T) {
	url := serve(t, func(p *peer) {
		for first := true; p.request() != nil; first = false {
			if first {
				p.say("%sContent-Length: 0\r\n\r\n", ok)
			}
		}
	})
	caller := h1.New(h1.Options{}).Caller(t.Context())
	defer caller.Close()
	resp, err := caller.Do(request(t, "GET", url, nil), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	over := make(chan error, 1)
	go func() {
		_, err := caller.Do(request(t, "GET", url, nil), time.Now().Add(50*time.Millisecond))
		over <- err
	}()
	select {
	case err := <-over:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it waits for the deadline of the request before")
	}
}
