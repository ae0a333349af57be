package h1_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch/h1"
	"github.com/penstock-go/penstock/internal/origin"
)

const one = ok + "Content-Length: 1\r\n\r\n%d" // the number of the connection

// A connection that the server closed while it was idle is not used again, for
// no request at all is lost by it.
func TestClosedWhileIdle(t *testing.T) {
	for _, secure := range []bool{false, true} {
		closed := make(chan bool)
		serveIt := func(p *peer) {
			if p.request() != nil {
				p.say(one, p.number)
				p.Close()
				closed <- true
			}
		}
		url, o := serve(t, serveIt), h1.Options{}
		if secure {
			url, o.TLSConfig = serveTLS(t, serveIt)
		}
		tr := h1.New(o)
		for i := range 5 {
			// A POST may not be sent twice.
			resp, err := tr.RoundTrip(request(t, "POST", url, strings.NewReader("x")))
			if err != nil {
				t.Fatalf("secure %v, request %d: %v", secure, i, err)
			}
			if got := short(resp, nil); got != string(rune('1'+i)) {
				t.Errorf("request %d went over connection %s", i, got)
			}
			<-closed
		}
		tr.CloseIdleConnections()
	}
}

// What the server sends unasked, before or after the response is taken, ends
// with its connection; the next request has its own answer. This is where
// net/http may fail the next request: so only ours.
func TestSurplus(t *testing.T) {
	const second = ok + "Content-Length: 5\r\n\r\nwrong"
	for _, secure := range []bool{false, true} {
		for name, late := range map[string]bool{"with the response": false, "later": true} {
			sent, taken := make(chan bool), make(chan bool)
			serveIt := func(p *peer) {
				for p.request() != nil {
					answer := ok + "Content-Length: 1\r\n\r\n" + string(rune('0'+p.number))
					if late {
						p.say("%s", answer)
						<-taken
						p.say(second)
					} else {
						p.say("%s", answer+second)
						<-taken
					}
					sent <- true
				}
			}
			url, o := serve(t, serveIt), h1.Options{}
			if secure {
				url, o.TLSConfig = serveTLS(t, serveIt)
			}
			tr := h1.New(o)
			for i := range 5 {
				_, got := get(t, tr, url)
				taken <- true
				<-sent
				if got != string(rune('1'+i)) {
					t.Errorf("%s, secure %v: request %d had the answer %q", name, secure, i, got)
				}
			}
			tr.CloseIdleConnections()
		}
	}
}

// A server that closes the connection when the next request has come, as one
// does whose patience ends in that moment: what may be sent again is sent once
// more, on a new connection.
func TestRetries(t *testing.T) {
	for _, tt := range []struct {
		method  string
		key     bool
		body    string
		rewinds bool
		want    string
	}{
		{"GET", false, "", false, "2"},
		{"HEAD", false, "", false, ""},
		{"PUT", false, "content", true, "2"},
		{"PUT", false, "content", false, "refused"},
		{"DELETE", false, "", false, "2"},
		{"POST", false, "content", true, "refused"},
		{"POST", true, "content", true, "2"},
		{"PATCH", false, "", false, "refused"},
	} {
		url := serve(t, func(p *peer) {
			if req := p.request(); req != nil {
				if body, _ := io.ReadAll(req.Body); req.URL.Path != "/" && string(body) != tt.body {
					t.Errorf("%s: body %q", tt.method, body)
				}
				p.say(one, p.number)
				p.request()
			}
		})
		tr := h1.New(h1.Options{})
		get(t, tr, url)
		req := request(t, tt.method, url+"/x", nil)
		if tt.body != "" {
			req = request(t, tt.method, url+"/x", strings.NewReader(tt.body))
		}
		if tt.key {
			req.Header.Set("Idempotency-Key", "7")
		}
		if !tt.rewinds {
			req.GetBody = nil
		}
		if got := short(tr.RoundTrip(req)); got != tt.want {
			t.Errorf("%s %q: %s, want %s", tt.method, tt.body, got, tt.want)
		}
		tr.CloseIdleConnections()
	}
}

// On a new connection nothing is tried twice.
func TestNewConnectionsAreNotRetried(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		var conns atomic.Int64
		url := serve(t, func(p *peer) { conns.Add(1); p.request() })
		if got := short(anew(h1.Options{}).RoundTrip(request(t, "GET", url, nil))); got != "refused" || conns.Load() != 1 {
			t.Errorf("%s after %d connections", got, conns.Load())
		}
	})
}

// A body that is closed before its end: when little is left the connection is
// kept, which net/http never does.
func TestHalfReadBodies(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		kept         bool
	}{
		{"short", ok + "Content-Length: 1000\r\n\r\n" + strings.Repeat("x", 1000), true},
		{"chunked", ok + "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + strings.Repeat("x", 1000) + "\r\n0\r\n\r\n", true},
		{"long", ok + "Content-Length: 1000000\r\n\r\n" + strings.Repeat("x", 1_000_000), false},
		{"long in chunks", ok + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("3e8\r\n"+strings.Repeat("x", 1000)+"\r\n", 100) + "0\r\n\r\n", false},
		{"slow", ok + "Content-Length: 1000\r\n\r\nx", false},
		{"until close", ok + "\r\nxxxx", false},
	} {
		url := serve(t, func(p *peer) {
			for req := p.request(); req != nil; req = p.request() {
				if req.URL.Path == "/next" {
					p.say(one, p.number)
					continue
				}
				p.say("%s", tt.answer)
			}
		})
		tr := h1.New(h1.Options{})
		resp, err := tr.RoundTrip(request(t, "GET", url, nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if n, err := resp.Body.Read(make([]byte, 1)); n > 0 || err == nil || err == io.EOF {
			t.Errorf("%s: Read after Close: %d, %v", tt.name, n, err)
		}
		if _, on := get(t, tr, url+"/next"); (on == "1") != tt.kept {
			t.Errorf("%s: the next request went over connection %s", tt.name, on)
		}
		tr.CloseIdleConnections()
	}
}

// Idle connections are bounded per host and in all, the longest idle go first,
// and none lives for longer than the timeout.
func TestIdleBounds(t *testing.T) {
	const hosts = 5
	for _, tt := range []struct{ most, mostPerHost, want int }{{0, 0, 4 * hosts}, {0, 3, 3 * hosts}, {7, 0, 7}, {7, 2, 7}} {
		s := startOrigin(t, origin.Options{Hosts: hosts})
		tr := h1.New(h1.Options{MaxIdle: tt.most, MaxIdlePerHost: tt.mostPerHost})
		var bodies []io.Closer
		for _, url := range s.URLs() {
			for range 4 {
				resp, err := tr.RoundTrip(request(t, "GET", url+"/drip/10/1", nil))
				if err != nil {
					t.Fatal(err)
				}
				bodies = append(bodies, resp.Body)
			}
		}
		for _, b := range bodies {
			io.Copy(io.Discard, b.(io.Reader))
			b.Close()
		}
		if got := settled(s, tt.want); got != tt.want {
			t.Errorf("at most %d, %d per host: %d are open, want %d", tt.most, tt.mostPerHost, got, tt.want)
		}
		tr.CloseIdleConnections()
		if got := settled(s, 0); got != 0 {
			t.Errorf("%d are open after CloseIdleConnections", got)
		}
	}

	s := startOrigin(t, origin.Options{})
	tr := h1.New(h1.Options{IdleTimeout: 20 * time.Millisecond})
	get(t, tr, s.URL()+"/item/1")
	if got := settled(s, 0); got != 0 {
		t.Errorf("%d are open after the idle timeout", got)
	}
}

// settled waits until the server sees want connections, and says how many it
// sees in the end.
func settled(s *origin.Server, want int) (open int) {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if open = s.Audit().Total.Open; open == want {
			break
		}
	}
	return open
}

func TestMaxHeader(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		s := startOrigin(t, origin.Options{})
		for _, tt := range []struct {
			most  int64
			size  string
			taken bool
		}{{0, "900000", true}, {0, "1200000", byNetHTTP(t)}, {10_000, "5000", true}, {10_000, "20000", false}} {
			resp, err := anew(h1.Options{MaxHeader: tt.most}).RoundTrip(request(t, "GET", s.URL()+"/hugeheader/"+tt.size, nil))
			if (err == nil) != tt.taken {
				t.Errorf("%s bytes, at most %d: %v", tt.size, tt.most, err)
			}
			if err == nil {
				resp.Body.Close()
			} else if !strings.Contains(err.Error(), "response headers exceeded") {
				t.Error(err)
			}
		}
	})
}

// byNetHTTP says whose turn it is in both: their default limit is 10 MiB, ours 1 MiB.
func byNetHTTP(t *testing.T) bool { return strings.Contains(t.Name(), "net-http") }

// The times of the options are timeouts to who asks, and end what they are for.
func TestTimeouts(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		url := serve(t, func(p *peer) { io.Copy(io.Discard, p) })
		for name, req := range map[string]*http.Request{
			"no body":    request(t, "GET", url, nil),
			"small body": request(t, "PUT", url, strings.NewReader("x")),
			"aside":      request(t, "PUT", url, io.MultiReader(strings.NewReader("x"))),
		} {
			_, err := anew(h1.Options{ResponseHeaderTimeout: 20 * time.Millisecond}).RoundTrip(req)
			var ne net.Error
			if !errors.As(err, &ne) || !ne.Timeout() || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := anew(h1.Options{TLSHandshakeTimeout: 20 * time.Millisecond}).RoundTrip(request(t, "GET", "https"+url[4:], nil))
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("handshake: %v", err)
		}
	})
}

// The time for the header does not go on to the body, nor to the next request.
func TestHeaderTimeoutEndsWithTheHeader(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		s := startOrigin(t, origin.Options{})
		tr := anew(h1.Options{ResponseHeaderTimeout: 100 * time.Millisecond})
		for range 2 {
			if _, body := get(t, tr, s.URL()+"/drip/1000/300"); len(body) != 1000 {
				t.Errorf("%d bytes", len(body))
			}
		}
	})
}
