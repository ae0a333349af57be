package h1_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/penstock-go/penstock/fetch/h1"
	"github.com/penstock-go/penstock/internal/origin"
)

func insecure() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// A host that has HTTP/2 is spoken to in HTTP/2, from the first request on and
// over the connection on which it chose so; one that has not, or is not asked,
// in HTTP/1.1.
func TestHTTP2(t *testing.T) {
	for _, tt := range []struct {
		server, client bool
		want           string
	}{{true, true, "HTTP/2.0"}, {true, false, "HTTP/1.1"}, {false, true, "HTTP/1.1"}} {
		s := startOrigin(t, origin.Options{TLS: origin.SelfSigned, HTTP1: !tt.server})
		tr := h1.New(h1.Options{TLSConfig: insecure(), HTTP2: tt.client})
		for range 3 {
			if resp, body := get(t, tr, s.URL()+"/item/1"); resp.Proto != tt.want || body != string(origin.AppendItem(nil, 1)) {
				t.Errorf("%+v: %s: %s", tt, resp.Proto, body)
			}
		}
		if got := s.Audit().Total; got.Opened != 1 || got.Requests != 3 {
			t.Errorf("%+v: %d connections for %d requests", tt, got.Opened, got.Requests)
		}
		tr.CloseIdleConnections()
		if open := settled(s, 0); open != 0 {
			t.Errorf("%+v: %d connections are open", tt, open)
		}
	}
}

// Many who come to an unknown host at once wait for the first one's handshake:
// where it is HTTP/2 that few connections are made.
func TestHTTP2AtOnce(t *testing.T) {
	s := startOrigin(t, origin.Options{TLS: origin.SelfSigned})
	tr := h1.New(h1.Options{TLSConfig: insecure(), HTTP2: true})
	defer tr.CloseIdleConnections()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if resp, _ := get(t, tr, fmt.Sprintf("%s/delay/5/%d", s.URL(), i)); resp.Proto != "HTTP/2.0" {
				t.Error(resp.Proto)
			}
		})
	}
	wg.Wait()
	if got := s.Audit().Total; got.Opened > 10 || got.Requests != 50 {
		t.Errorf("%d connections for %d requests", got.Opened, got.Requests)
	}
}

// A host that cannot be reached fails for all who wait at once.
func TestHTTP2HostDown(t *testing.T) {
	var dials atomic.Int64
	tr := h1.New(h1.Options{HTTP2: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		dials.Add(1)
		return nil, io.ErrClosedPipe
	}})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := tr.RoundTrip(request(t, "GET", "https://x.test", nil)); err != io.ErrClosedPipe {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := dials.Load(); n != 20 {
		t.Errorf("%d dials", n)
	}
}

// What failed before it was known to speak HTTP/2 is spoken to in HTTP/2 afterwards,
// and never in HTTP/1.1.
func TestHTTP2AfterFailure(t *testing.T) {
	s := startOrigin(t, origin.Options{TLS: origin.SelfSigned})
	for name, anew := range map[string]func(h1.Options) transport{"RoundTrip": ours, "a Caller": byCaller} {
		failed := false
		var dialer net.Dialer
		tr := anew(h1.Options{TLSConfig: insecure(), HTTP2: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if !failed {
				failed = true
				return nil, io.ErrClosedPipe
			}
			return dialer.DialContext(ctx, network, addr)
		}})
		if _, err := tr.RoundTrip(request(t, "GET", s.URL()+"/item/1", nil)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: %v", name, err)
		}
		for range 2 {
			resp, err := tr.RoundTrip(request(t, "POST", s.URL()+"/item/1", strings.NewReader("x")))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			resp.Body.Close()
			if resp.Proto != "HTTP/2.0" {
				t.Errorf("%s: %s", name, resp.Proto)
			}
		}
		tr.CloseIdleConnections()
	}
}

// With a transport of the caller's the same holds but for one connection.
func TestGivenTransport(t *testing.T) {
	s := startOrigin(t, origin.Options{TLS: origin.SelfSigned})
	std := &http.Transport{TLSClientConfig: insecure(), ForceAttemptHTTP2: true}
	tr := h1.New(h1.Options{TLSConfig: insecure(), HTTP2: true, Std: std})
	for range 3 {
		if resp, _ := get(t, tr, s.URL()+"/item/1"); resp.Proto != "HTTP/2.0" {
			t.Error(resp.Proto)
		}
	}
	if got := s.Audit().Total.Opened; got != 2 {
		t.Errorf("%d connections", got)
	}
	tr.CloseIdleConnections()
	if open := settled(s, 0); open != 0 {
		t.Errorf("%d connections are open", open)
	}
}

func TestProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "by proxy: ", r.URL)
	}))
	defer proxy.Close()
	u, _ := url.Parse(proxy.URL)
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		tr := anew(h1.Options{Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Host == "bad.test" {
				return nil, io.ErrNoProgress
			}
			return u, nil
		}})
		if _, body := get(t, tr, "http://x.test/a"); body != "by proxy: http://x.test/a" {
			t.Error(body)
		}
		if _, err := tr.RoundTrip(request(t, "GET", "http://bad.test", nil)); err == nil {
			t.Error("a proxy that cannot be named was passed by")
		}
	})
}

// Upgrade: both sides have the connection.
func TestUpgrade(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		url := serve(t, func(p *peer) {
			p.request()
			p.say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: talk\r\n\r\nhello\n")
			line, _ := p.in.ReadString('\n')
			p.say("you said %s", line)
		})
		req := request(t, "GET", url, nil)
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "talk")
		resp, err := anew(h1.Options{}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		rw, ok := resp.Body.(io.ReadWriter)
		if !ok {
			t.Fatalf("%T", resp.Body)
		}
		in := bufio.NewReader(rw)
		first, _ := in.ReadString('\n')
		io.WriteString(rw, "hi\n")
		second, _ := in.ReadString('\n')
		if first+second != "hello\nyou said hi\n" {
			t.Errorf("%q", first+second)
		}
		resp.Body.Close()
	})
}

// A trace sees what net/http lets it see.
func TestTrace(t *testing.T) {
	s := startOrigin(t, origin.Options{})
	tr := h1.New(h1.Options{})
	defer tr.CloseIdleConnections()
	var got atomic.Int64
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { got.Add(1) },
		GotFirstResponseByte: func() { got.Add(1) },
	})
	resp, err := tr.RoundTrip(request(t, "GET", s.URL()+"/item/1", nil).WithContext(ctx))
	if err != nil || got.Load() != 2 {
		t.Fatalf("%v: %d calls", err, got.Load())
	}
	resp.Body.Close()
}

// A trace that asks only for connections is served here, as package fetch has one
// in each request: for a while it made the engine hand over all of them.
func TestTraceOfConnections(t *testing.T) {
	s := startOrigin(t, origin.Options{})
	tr := h1.New(h1.Options{Std: &http.Transport{DialContext: noDial}})
	defer tr.CloseIdleConnections()
	var said []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GetConn: func(addr string) { said = append(said, addr) },
		GotConn: func(info httptrace.GotConnInfo) {
			said = append(said, fmt.Sprint(info.Conn.RemoteAddr(), info.Reused, info.WasIdle))
		},
	})
	for range 2 {
		resp, err := tr.RoundTrip(request(t, "GET", s.URL()+"/item/1", nil).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	addr := strings.TrimPrefix(s.URL(), "http://")
	want := []string{addr, addr + " false false", addr, addr + " true true"}
	if !slices.Equal(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
}

func noDial(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("handed over")
}

// What net/http refuses is refused in its words.
func TestBadRequests(t *testing.T) {
	alter := map[string]func(*http.Request){
		"no URL":          func(r *http.Request) { r.URL = nil },
		"no header":       func(r *http.Request) { r.Header = nil },
		"scheme":          func(r *http.Request) { r.URL.Scheme = "ftp" },
		"no host":         func(r *http.Request) { r.URL.Host = "" },
		"method":          func(r *http.Request) { r.Method = "GET /x" },
		"field name":      func(r *http.Request) { r.Header["A b"] = []string{"c"} },
		"field value":     func(r *http.Request) { r.Header["A"] = []string{"b\r\nC: d"} },
		"trailer":         func(r *http.Request) { r.Trailer = http.Header{"A\n": nil} },
		"length, no body": func(r *http.Request) { r.ContentLength = 5; r.Body = nil },
	}
	url := serve(t, echo)
	for name, alter := range alter {
		var said [2]string
		for i, anew := range []func(h1.Options) transport{ours, theirs} {
			req := request(t, "GET", url, nil)
			alter(req)
			_, err := anew(h1.Options{}).RoundTrip(req)
			said[i] = fmt.Sprint(err)
		}
		if said[0] != said[1] || said[0] == "<nil>" {
			t.Errorf("%s: %s; net/http says %s", name, said[0], said[1])
		}
	}
}

// Hosts as URLs may have them are found where net/http finds them.
func TestHosts(t *testing.T) {
	for _, host := range []string{"x.test", "x.test:", "X.Test:80", "x.test:8080", "127.0.0.1", "127.0.0.1:81", "[::1]", "[::1]:82", "[fe80::1%25eth0]:83", "bücher.test", "_a.b-c.test."} {
		for _, scheme := range []string{"http", "https"} {
			var dialed, hosts [2]string
			for i, anew := range []func(h1.Options) transport{ours, theirs} {
				ours, serverEnd := net.Pipe()
				heard := make(chan string, 1)
				go func() {
					defer serverEnd.Close()
					if req, err := http.ReadRequest(bufio.NewReader(serverEnd)); err == nil {
						heard <- req.Host
						io.WriteString(serverEnd, ok+"Content-Length: 0\r\n\r\n")
					} else {
						heard <- "" // TLS
					}
				}()
				tr := anew(h1.Options{DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
					dialed[i] = strings.ToLower(addr)
					return ours, nil
				}})
				u, err := url.Parse(scheme + "://" + host + "/")
				if err != nil {
					t.Fatal(err)
				}
				req := request(t, "GET", "http://x", nil)
				req.URL, req.Host = u, u.Host
				if resp, err := tr.RoundTrip(req); err == nil {
					resp.Body.Close()
				}
				hosts[i] = <-heard
				tr.CloseIdleConnections()
			}
			if dialed[0] != dialed[1] || hosts[0] != hosts[1] || dialed[0] == "" {
				t.Errorf("%s://%s: dialed %q for %q; net/http %q for %q", scheme, host, dialed[0], hosts[0], dialed[1], hosts[1])
			}
		}
	}
}
