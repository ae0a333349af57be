package h1_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/penstock-go/penstock/fetch/h1"
)

// A transport is what both are.
type transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// ours and theirs make a transport of the same options.
func ours(o h1.Options) transport { return h1.New(o) }

// byCaller makes requests by a Caller of its own for each, where that serves them.
func byCaller(o h1.Options) transport { return calling{h1.New(o)} }

type calling struct{ *h1.Transport }

func (c calling) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Context().Err() != nil {
		return c.Transport.RoundTrip(req)
	}
	caller := c.Caller(req.Context())
	until, _ := req.Context().Deadline()
	resp, err := caller.Do(req, until)
	if errors.Is(err, h1.ErrNotServed) {
		caller.Close()
		return c.Transport.RoundTrip(req)
	}
	if err != nil {
		caller.Close()
		return nil, err
	}
	resp.Body = &closing{resp.Body, caller}
	return resp, nil
}

// closing closes the Caller with the body.
type closing struct {
	io.ReadCloser
	caller *h1.Caller
}

func (c *closing) Close() error {
	err := c.ReadCloser.Close()
	c.caller.Close()
	return err
}

func theirs(o h1.Options) transport {
	tr := &http.Transport{
		DialContext: o.DialContext, TLSClientConfig: o.TLSConfig, Proxy: o.Proxy,
		TLSHandshakeTimeout: o.TLSHandshakeTimeout, ResponseHeaderTimeout: o.ResponseHeaderTimeout,
		ExpectContinueTimeout: o.ContinueTimeout, IdleConnTimeout: o.IdleTimeout,
		MaxIdleConns: o.MaxIdle, MaxIdleConnsPerHost: max(100, o.MaxIdlePerHost), MaxResponseHeaderBytes: o.MaxHeader,
		DisableCompression: o.DisableCompression, DisableKeepAlives: o.DisableKeepAlives,
		Protocols: new(http.Protocols),
	}
	tr.Protocols.SetHTTP1(true)
	tr.Protocols.SetHTTP2(o.HTTP2)
	return tr
}

// both runs a test with each transport: what it says holds for net/http too.
func both(t *testing.T, test func(t *testing.T, anew func(h1.Options) transport)) {
	for name, anew := range map[string]func(h1.Options) transport{"h1": ours, "h1 by a Caller": byCaller, "net-http": theirs} {
		t.Run(name, func(t *testing.T) {
			test(t, func(o h1.Options) transport {
				tr := anew(o)
				t.Cleanup(tr.CloseIdleConnections)
				return tr
			})
		})
	}
}

// A peer is a server's end of a connection.
type peer struct {
	net.Conn
	in     *bufio.Reader
	number int // of the connection, from 1
}

// request reads the next one, and its body; nil at the end.
func (p *peer) request() *http.Request {
	req, err := http.ReadRequest(p.in)
	if err != nil {
		return nil
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	return req
}

func (p *peer) say(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// serve answers each connection by serve, which closes it by returning.
func serve(t *testing.T, serve func(p *peer)) (url string) {
	return "http://" + serveOn(t, nil, serve)
}

func serveOn(t *testing.T, config *tls.Config, serve func(p *peer)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	if config != nil {
		l = tls.NewListener(l, config)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for n := 1; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				serve(&peer{c, bufio.NewReader(c), n})
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return addr
}

// outcome is all that a caller can tell of a response.
func outcome(resp *http.Response, err error) string {
	if err != nil {
		return "refused"
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	end := "whole"
	if err != nil {
		end = "broken"
	}
	return fmt.Sprintf("%s %s length=%d coding=%v close=%v unzipped=%v\n%s%q %s\n%s", resp.Proto, resp.Status, resp.ContentLength,
		resp.TransferEncoding, resp.Close, resp.Uncompressed, fields(resp.Header), body, end, fields(resp.Trailer))
}

func fields(h http.Header) string {
	var lines []string
	for name, values := range h {
		lines = append(lines, fmt.Sprintf("%s: %q\n", name, values))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// request makes a request with a body or without.
func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// dialTo leads everywhere to one address.
func dialTo(to string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, to)
	}
}
