package h1

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
)

// newStd is the transport for what this one does not speak.
func (t *Transport) newStd() *http.Transport {
	o := &t.opts
	std := &http.Transport{
		Proxy:                  o.Proxy,
		DialContext:            o.DialContext,
		TLSClientConfig:        o.TLSConfig.Clone(),
		TLSHandshakeTimeout:    o.TLSHandshakeTimeout,
		ResponseHeaderTimeout:  o.ResponseHeaderTimeout,
		ExpectContinueTimeout:  o.ContinueTimeout,
		IdleConnTimeout:        o.IdleTimeout,
		MaxIdleConns:           o.MaxIdle,
		MaxIdleConnsPerHost:    o.MaxIdlePerHost,
		MaxResponseHeaderBytes: o.MaxHeader,
		DisableCompression:     o.DisableCompression,
		DisableKeepAlives:      o.DisableKeepAlives,
		Protocols:              new(http.Protocols),
	}
	std.Protocols.SetHTTP1(true)
	if o.HTTP2 {
		std.Protocols.SetHTTP2(true)
		std.DialTLSContext = t.dialOffered
	}
	return std
}

// An offer is a connection on which a host has chosen HTTP/2, on its way to the
// other transport in a request's context.
type offer struct{ conn atomic.Pointer[conn] }

type offerKey struct{}

// handOver lets the other transport make the request, on c if it wants. Those
// who wait for what c has shown go on when the other transport would find c for
// them. That is when it has written the request: it has one write for its
// preface, and one for the answer to the server's settings, which may come before
// it knows the connection.
func (t *Transport) handOver(req *http.Request, c *conn) (*http.Response, error) {
	goOn := func() { t.pool.found(c.host, true, true) }
	defer goOn()
	writes := 0
	c.wire.wrote = func() {
		if writes++; writes == 3 {
			goOn()
		}
	}
	o := &offer{}
	o.conn.Store(c)
	ctx := context.WithValue(req.Context(), offerKey{}, o)
	resp, err := t.std.RoundTrip(req.WithContext(ctx))
	if left := o.conn.Swap(nil); left != nil {
		left.close()
	}
	if resp != nil {
		resp.Request = req
	}
	return resp, err
}

// dialOffered is the other transport's way to connections for TLS.
func (t *Transport) dialOffered(ctx context.Context, _, addr string) (net.Conn, error) {
	if o, ok := ctx.Value(offerKey{}).(*offer); ok {
		if c := o.conn.Swap(nil); c != nil {
			return c.Conn, nil
		}
	}
	c, err := t.dialTLS(ctx, &host{key: key{true, addr}})
	if err != nil {
		return nil, err
	}
	return c.Conn, nil
}
