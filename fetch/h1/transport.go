package h1

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"time"
)

// A Transport makes requests over HTTP/1.1 and hands others over; see the
// package's text. Make one with New. It is safe for concurrent use.
type Transport struct {
	opts Options
	std  *http.Transport
	pool pool
}

// New returns a Transport.
func New(o Options) *Transport {
	o.setDefaults()
	t := &Transport{opts: o, std: o.Std}
	t.pool.init(o.MaxIdle, o.MaxIdlePerHost, o.IdleTimeout)
	if t.std == nil {
		t.std = t.newStd()
	}
	return t
}

// RoundTrip makes one request and returns its response, whose body the caller
// must close, or read to its end, for the connection to be of use again. It
// blocks until the response's header is there, the request has failed, or its
// context has ended: the error is then the context's cause. Like every
// RoundTripper it closes the request's body, and leaves the request otherwise
// as it is.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !speaks(req) {
		return t.std.RoundTrip(req)
	}
	if t.opts.Proxy != nil {
		if u, err := t.opts.Proxy(req); u != nil || err != nil {
			return t.std.RoundTrip(req)
		}
	}
	ctx := req.Context()
	trace, served := traced(ctx)
	if !served {
		return t.std.RoundTrip(req)
	}
	if ctx.Err() != nil {
		closeBody(req)
		return nil, context.Cause(ctx)
	}
	resp, err := t.roundTrip(req, trace)
	if resp != nil {
		resp.Request = req
	}
	return resp, err
}

// roundTrip makes the request on an idle connection if there is one, else on a
// new one, which it also does when the idle one turns out to be dead.
func (t *Transport) roundTrip(req *http.Request, trace *httptrace.ClientTrace) (*http.Response, error) {
	h, c, b := t.pool.take(key{req.URL.Scheme == "https", req.URL.Host}, false)
	asks(trace, h)
	if c != nil {
		got(trace, c)
		resp, err := t.exchange(c, b, req)
		if err == nil {
			return resp, nil
		}
		lost, ok := errors.AsType[*unansweredError](err)
		if !ok {
			return nil, err
		}
		if req, err = lost.again(req); err != nil {
			return nil, err
		}
	}
	c, err := t.connect(req.Context(), h)
	if errors.Is(err, errHTTP2) {
		return t.std.RoundTrip(req)
	}
	if err != nil {
		closeBody(req)
		return nil, err
	}
	if c.choseHTTP2() {
		return t.handOver(req, c)
	}
	got(trace, c)
	return t.exchange(c, t.pool.borrow(), req)
}

// asks tells a trace that a connection is wanted. A request that is sent again on
// another one, or handed over, tells it of that as well, as net/http's does.
func asks(trace *httptrace.ClientTrace, h *host) {
	if trace != nil && trace.GetConn != nil {
		trace.GetConn(h.address())
	}
}

// got tells a trace that there is one.
func got(trace *httptrace.ClientTrace, c *conn) {
	if trace == nil || trace.GotConn == nil {
		return
	}
	info := httptrace.GotConnInfo{Conn: c.Conn, Reused: c.used, WasIdle: c.used}
	if c.used {
		info.IdleTime = time.Since(c.idleAt)
	}
	trace.GotConn(info)
}

// CloseIdleConnections closes the connections that nobody uses, also those of
// the transport that others are handed to.
func (t *Transport) CloseIdleConnections() {
	t.pool.closeIdle()
	t.std.CloseIdleConnections()
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// MaxIdle returns how many connections may be idle, in all and per host.
func (t *Transport) MaxIdle() (all, perHost int) {
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	return t.pool.most, t.pool.mostPerHost
}

// SetMaxIdle changes Options.MaxIdle and MaxIdlePerHost while requests go on, but
// for the transport that others are handed to. Idle connections that are more
// than that are closed as further ones become idle.
func (t *Transport) SetMaxIdle(all, perHost int) {
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	t.pool.most, t.pool.mostPerHost = all, perHost
}
