package fetch_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/origin"
)

// over fetches one URL by a transport of the package's own, as far as the
// network.
func over(t *testing.T, transport *http.Transport, it fetch.Item, o fetch.Options) fetch.Record {
	t.Helper()
	defer transport.CloseIdleConnections()
	transport.Proxy = nil
	o.Transport = transport
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second // where a test fails it need not hang
	}
	s := newShelf()
	if _, err := fetch.Run(t.Context(), list(it), s, o); err != nil {
		t.Fatal(err)
	}
	return s.each(t, 1)[0]
}

// want is what a record must say.
type want struct {
	path    string
	class   fetch.Class
	status  int
	message string // a part of it
}

func (w want) check(t *testing.T, r fetch.Record) {
	t.Helper()
	if classOf(r) != w.class || r.Status != w.status {
		t.Errorf("%s: class %q, status %d (%v); want %q, %d", w.path, classOf(r), r.Status, r.Error, w.class, w.status)
	}
	if r.OK != (w.class == "") {
		t.Errorf("%s: ok is %v", w.path, r.OK)
	}
	if r.Error == nil {
		return
	}
	if m := r.Error.Message; m == "" || len(m) > 400 || strings.ContainsAny(m, "\r\n\t\x00") || !strings.Contains(m, w.message) {
		t.Errorf("%s: message %q, want something short on one line with %q", w.path, m, w.message)
	}
}

// What a server can do to a client, over loopback, and what it is called.
func TestClasses(t *testing.T) {
	s := serve(t, origin.Options{})
	for _, w := range []want{
		{path: "/item/1", status: 200},
		{path: "/204", status: 204},
		{path: "/304", status: 304},
		{path: "/chunked/5", status: 200},
		{path: "/nolength/1000", status: 200},
		{path: "/gzip/10000", status: 200},
		{path: "/big/100000", status: 200},
		{path: "/redirect/3", status: 200},
		{path: "/bye", status: 200},
		{path: "/raw/chunk-extension", status: 200},
		{path: "/raw/bare-lf", status: 200},

		{"/status/404", fetch.Status, 404, "404 Not Found"},
		{"/status/503", fetch.Status, 503, "503 Service Unavailable"},
		{"/status/799", fetch.Status, 799, "799"},

		{"/reset", fetch.Reset, 0, "reset"},
		{"/close", fetch.Reset, 0, ""},
		{"/reset-body", fetch.Reset, 200, "reset"},
		{"/truncate/1000", fetch.Reset, 200, "complete"},
		{"/raw/chunk-cut", fetch.Reset, 200, "complete"},
		{"/raw/chunk-no-end", fetch.Reset, 200, "complete"},
		{"/badgzip/cut", fetch.Reset, 200, ""},

		{"/garbage", fetch.Protocol, 0, ""},
		{"/raw/cut-header", fetch.Protocol, 0, ""}, // net/http does not tell a cut line from nonsense
		{"/raw/cut-status", fetch.Protocol, 0, ""},
		{"/raw/two-lengths", fetch.Protocol, 0, ""},
		{"/raw/negative-length", fetch.Protocol, 0, ""},
		{"/raw/no-colon", fetch.Protocol, 0, ""},
		{"/raw/unknown-coding", fetch.Protocol, 0, ""},
		{"/garbage-chunk", fetch.Protocol, 200, ""},
		{"/raw/bad-chunk-size", fetch.Protocol, 200, ""},
		{"/badgzip/plain", fetch.Protocol, 200, "gzip"},
		{"/badgzip/crc", fetch.Protocol, 200, "gzip"},
		{"/redirect-loop", fetch.Protocol, 302, "10 redirects"},
		{"/redirect-to?url=ftp://x/", fetch.Protocol, 302, "redirect"},

		{"/hugeheader/8000000", fetch.TooLarge, 0, "header"},
		{"/big/200000", fetch.TooLarge, 200, "body is over 100000 bytes"},
		{"/nolength/200000", fetch.TooLarge, 200, "body is over 100000 bytes"},
		{"/gzipbomb/100000000", fetch.TooLarge, 200, "body is over 100000 bytes"},
	} {
		t.Run(w.path, func(t *testing.T) {
			r := over(t, fetch.NewTransport(fetch.TransportOptions{}), fetch.Item{URL: s.URL() + w.path},
				fetch.Options{MaxBody: 100_000, Redirects: 10})
			w.check(t, r)
		})
	}
}

// The same over HTTP/2, which has other words for it.
func TestClassesHTTP2(t *testing.T) {
	s := serve(t, origin.Options{TLS: origin.Trusted})
	for _, w := range []want{
		{path: "/item/1", status: 200},
		{path: "/redirect/3", status: 200},
		{"/status/404", fetch.Status, 404, "404"},
		{"/close", fetch.Reset, 0, ""},
		{"/reset", fetch.Reset, 0, ""},
		{"/truncate/1000", fetch.Reset, 200, ""},
		{"/reset-body", fetch.Reset, 200, ""},
		{"/big/200000", fetch.TooLarge, 200, "body is over 100000 bytes"},
		{"/gzipbomb/100000000", fetch.TooLarge, 200, "body is over 100000 bytes"},
	} {
		t.Run(w.path, func(t *testing.T) {
			tr := fetch.NewTransport(fetch.TransportOptions{})
			tr.TLSClientConfig.RootCAs = roots(t, s)
			r := over(t, tr, fetch.Item{URL: s.URL() + w.path}, fetch.Options{MaxBody: 100_000, Redirects: 10})
			w.check(t, r)
		})
	}
	if got := s.Audit().Total.Protocols; got["HTTP/2.0"] == 0 || len(got) != 1 {
		t.Errorf("protocols %v, want HTTP/2 alone", got)
	}
}

// What a transport says that has no type of its own, and what only happens in
// a moment that a test cannot choose.
func TestClassesOfTransportErrors(t *testing.T) {
	text := errors.New
	for _, tt := range []struct {
		err   error
		class fetch.Class
	}{
		{text("http2: response header list larger than advertised limit"), fetch.TooLarge},
		{text("http: server closed idle connection"), fetch.Reset},
		{text("http2: client connection lost"), fetch.Reset},
		{text("http2: client conn is closed"), fetch.Reset},
		{text("http2: Transport received Server's graceful shutdown GOAWAY"), fetch.Reset},
		{text(`http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug=""`), fetch.Reset},
		{text("stream error: stream ID 1; REFUSED_STREAM; received from peer"), fetch.Reset},
		{io.EOF, fetch.Reset},
		{io.ErrUnexpectedEOF, fetch.Reset},
		{net.ErrClosed, fetch.Reset},
		{&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, fetch.Reset},
		{&net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}, fetch.Reset},
		{&net.OpError{Op: "read", Net: "tcp", Err: syscall.ETIMEDOUT}, fetch.Timeout},
		{&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, fetch.Connect},
		{&net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}, fetch.Connect},
		{&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ENETUNREACH}, fetch.Connect},
		{&net.OpError{Op: "proxyconnect", Net: "tcp", Err: syscall.ECONNREFUSED}, fetch.Connect},
		{&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}}, fetch.DNS},
		{&net.DNSError{Err: "i/o timeout", Name: "x", IsTimeout: true}, fetch.DNS},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, fetch.TLS},
		{text("malformed HTTP response"), fetch.Protocol},
	} {
		t.Run(tt.err.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, _ := one(t, func(hit) reply { return reply{err: tt.err} }, fetch.Item{URL: "https://a/"}, fetch.Options{})
				want{path: "RoundTrip", class: tt.class}.check(t, r)
				if !errors.Is(r.Error, tt.err) {
					t.Errorf("%v does not wrap %v", r.Error, tt.err)
				}
			})
		})
	}
}

func roots(t *testing.T, s *origin.Server) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.RootPEM()) {
		t.Fatal("no root certificate")
	}
	return pool
}

// What is wrong with a certificate is tls; -k takes any.
func TestClassesOfCertificates(t *testing.T) {
	tests := map[string]struct {
		cert    origin.Cert
		trust   bool
		class   fetch.Class
		message string
	}{
		"trusted":     {origin.Trusted, true, "", ""},
		"no such CA":  {origin.Trusted, false, fetch.TLS, "authority"},
		"expired":     {origin.Expired, true, fetch.TLS, "expired"},
		"wrong host":  {origin.WrongHost, true, fetch.TLS, "certificate"},
		"self-signed": {origin.SelfSigned, true, fetch.TLS, "certificate"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, origin.Options{TLS: tt.cert})
			tr := fetch.NewTransport(fetch.TransportOptions{})
			if tt.trust {
				tr.TLSClientConfig.RootCAs = roots(t, s)
			}
			w := want{path: name, class: tt.class, message: tt.message}
			if tt.class == "" {
				w.status = 200
			}
			w.check(t, over(t, tr, fetch.Item{URL: s.URL() + "/item/1"}, fetch.Options{}))

			insecure := over(t, fetch.NewTransport(fetch.TransportOptions{Insecure: true}), fetch.Item{URL: s.URL() + "/item/1"}, fetch.Options{})
			want{path: "-k", status: 200}.check(t, insecure)
			if got := s.Audit().Total.Protocols["HTTP/2.0"]; got == 0 {
				t.Error("HTTP/2 was not used")
			}
		})
	}
}

// https spoken to a server of http, which is a handshake that fails.
func TestClassOfPlainServer(t *testing.T) {
	s := serve(t, origin.Options{})
	r := over(t, fetch.NewTransport(fetch.TransportOptions{}), fetch.Item{URL: "https" + strings.TrimPrefix(s.URL(), "http") + "/"}, fetch.Options{})
	want{path: "https to http", class: fetch.TLS}.check(t, r)
}

// A server that wants a version, or a client certificate, that there is not
// says so by an alert.
func TestClassOfTLSAlert(t *testing.T) {
	for name, mine := range map[string]func(*tls.Config){
		"client certificate": func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert },
		"no common version":  func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11; c.MinVersion = tls.VersionTLS11 },
	} {
		t.Run(name, func(t *testing.T) {
			config := &tls.Config{}
			mine(config)
			l := listen(t)
			serveTLS(t, l, config)
			r := over(t, fetch.NewTransport(fetch.TransportOptions{Insecure: true}), fetch.Item{URL: "https://" + l.Addr().String() + "/"}, fetch.Options{})
			want{path: name, class: fetch.TLS}.check(t, r)
		})
	}
}

// listen is a listener on loopback that is closed with the test.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestClassOfRefusedConnection(t *testing.T) {
	l := listen(t)
	addr := l.Addr().String()
	l.Close()
	r := over(t, fetch.NewTransport(fetch.TransportOptions{}), fetch.Item{URL: "http://" + addr + "/"}, fetch.Options{})
	want{path: "refused", class: fetch.Connect, message: "refused"}.check(t, r)

	// A proxy that is not there is no connection either; its password is
	// not to be seen.
	proxy := &url.URL{Scheme: "http", Host: addr, User: url.UserPassword("user", secret)}
	tr := fetch.NewTransport(fetch.TransportOptions{Proxy: proxy})
	defer tr.CloseIdleConnections()
	s := newShelf()
	if _, err := fetch.Run(t.Context(), gets("http://x.invalid/", "https://x.invalid/"), s, fetch.Options{Transport: tr}); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.each(t, 2) {
		want{path: "no proxy", class: fetch.Connect, message: "refused"}.check(t, r)
		if strings.Contains(r.Error.Error()+r.Error.Err.Error(), secret) {
			t.Errorf("the proxy's password is in %v", r.Error.Err)
		}
	}
}

// A name that does not resolve, by a name server of the test's own: no
// network is needed. One that is not there is not asked for again, one that
// cannot be asked for is.
func TestClassOfUnknownName(t *testing.T) {
	const nxdomain, servfail = 3, 2
	for code, attempts := range map[byte]int{nxdomain: 1, servfail: 3} {
		tr := fetch.NewTransport(fetch.TransportOptions{})
		tr.DialContext = (&net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: nameServer(code)}}).DialContext
		r := over(t, tr, fetch.Item{URL: "http://x.invalid/"}, fetch.Options{Retry: fetch.Retry{Max: 2, Base: 1}})
		want{path: "x.invalid", class: fetch.DNS, message: "x.invalid"}.check(t, r)
		if r.Attempts != attempts {
			t.Errorf("code %d: %d attempts, want %d (%v)", code, r.Attempts, attempts, r.Error)
		}
	}
}

// nameServer answers every question over a pipe with a code (RFC 1035,
// section 4.1.1).
func nameServer(code byte) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			size := make([]byte, 2)
			for { // as over TCP: a length, then the message
				if _, err := theirs.Read(size[:1]); err != nil {
					return
				}
				if _, err := theirs.Read(size[1:]); err != nil {
					return
				}
				msg := make([]byte, binary.BigEndian.Uint16(size))
				for at := 0; at < len(msg); {
					n, err := theirs.Read(msg[at:])
					if err != nil {
						return
					}
					at += n
				}
				msg[2] |= 0x80       // an answer
				msg[3] = 0x80 | code // recursion is available
				if _, err := theirs.Write(slices.Concat(size, msg)); err != nil {
					return
				}
			}
		}()
		return ours, nil
	}
}

// A request that cannot be sent is bad input, not the server's fault, and is
// not sent.
func TestClassOfRequestThatCannotBeSent(t *testing.T) {
	s := serve(t, origin.Options{})
	for name, it := range map[string]fetch.Item{
		"method":       {Method: "GE T"},
		"header name":  {Header: http.Header{"a b": {"1"}}},
		"header value": {Header: http.Header{"A": {"line\nline"}}},
	} {
		it.URL = s.URL() + "/item/1"
		r := over(t, fetch.NewTransport(fetch.TransportOptions{}), it, fetch.Options{Retry: fetch.Retry{Max: 2, Base: 1}})
		want{path: name, class: fetch.InvalidInput}.check(t, r)
	}
	if got := s.Audit().Total.Requests; got != 0 {
		t.Errorf("%d requests arrived", got)
	}
}

// A response to HEAD says how long the body would be, and so may a 304; there
// is none, so it is not too large.
func TestHeadIsNotTooLarge(t *testing.T) {
	s := serve(t, origin.Options{})
	for _, path := range []string{"/head", "/big/1000000"} {
		r := over(t, fetch.NewTransport(fetch.TransportOptions{}), fetch.Item{URL: s.URL() + path, Method: "HEAD"},
			fetch.Options{MaxBody: 100, KeepBody: true, KeepHeader: true})
		if !r.OK || r.Bytes != 0 || len(r.Body) != 0 || r.Header.Get("Content-Length") == "" {
			t.Errorf("HEAD %s: %+v, %v", path, r, r.Error)
		}
	}
}

// The limit is on bytes as they are after decompression, and exact.
func TestMaxBodyIsExact(t *testing.T) {
	s := serve(t, origin.Options{})
	for _, path := range []string{"/big/", "/gzip/", "/nolength/", "/deflate/"} {
		for size, ok := range map[string]bool{"999": true, "1000": true, "1001": path == "/deflate/"} { // deflate is not undone
			r := over(t, fetch.NewTransport(fetch.TransportOptions{}), fetch.Item{URL: s.URL() + path + size},
				fetch.Options{MaxBody: 1000, KeepBody: true})
			if r.OK != ok || r.Bytes > 1000 || r.OK && int64(len(r.Body)) != r.Bytes {
				t.Errorf("%s%s: %v with %d bytes", path, size, r.Error, r.Bytes)
			}
		}
	}
	r := over(t, fetch.NewTransport(fetch.TransportOptions{}), fetch.Item{URL: s.URL() + "/big/20000000"}, fetch.Options{})
	want{path: "default", class: fetch.TooLarge, status: 200}.check(t, r)
	r = over(t, fetch.NewTransport(fetch.TransportOptions{}), fetch.Item{URL: s.URL() + "/big/20000000"}, fetch.Options{MaxBody: -1})
	if !r.OK || r.Bytes != 20_000_000 {
		t.Errorf("no limit: %v with %d bytes", r.Error, r.Bytes)
	}
}

// Attempts that hang, over an in-memory network: exact times with real HTTP.
func TestClassesOfHangs(t *testing.T) {
	for _, w := range []want{
		{"/hang", fetch.Timeout, 0, "5s"},
		{"/hang-body", fetch.Timeout, 200, "5s"},
		{"/drip/10/60000", fetch.Timeout, 200, "5s"},
		{"/slowheaders/60000", fetch.Timeout, 0, "5s"},
		{"/delay/6000", fetch.Timeout, 0, "5s"},
		{path: "/drip/10/4000", status: 200},
		{path: "/slowheaders/4000", status: 200},
	} {
		t.Run(w.path, func(t *testing.T) {
			inMemory(t, origin.Options{}, func(t *testing.T, s *origin.Server, tr *http.Transport) {
				began := time.Now()
				r := over(t, tr, fetch.Item{URL: s.URL() + w.path}, fetch.Options{Timeout: 5 * time.Second})
				w.check(t, r)
				if took := time.Since(began); (w.class == fetch.Timeout) != (took == 5*time.Second) || r.Total != took {
					t.Errorf("%s: over after %v, total %v", w.path, took, r.Total)
				}
			})
		})
	}
}

// inMemory runs f in a bubble with a server on a network of pipes and a
// transport for it.
func inMemory(t *testing.T, o origin.Options, f func(*testing.T, *origin.Server, *http.Transport)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pipes := &pipes{}
		o.Listen = pipes.listen
		s, err := origin.Start(o)
		if err != nil {
			t.Fatal(err)
		}
		tr := fetch.NewTransport(fetch.TransportOptions{})
		tr.DialContext = pipes.dial
		f(t, s, tr)
		tr.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
