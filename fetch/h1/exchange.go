package h1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

// An exchange is a request and its response on a connection. It is also the
// response's body.
type exchange struct {
	t       *Transport
	c       *conn
	b       *buffers
	req     *http.Request
	fields  *fields     // of req
	stop    func() bool // ends the watch over the context; nil if it never ends
	sending *sending    // nil unless the body is sent aside
	sendErr error       // of the connection
	unzip   bool        // gzip was our wish, so its undoing is our work
	caller  *Caller     // nil if it is RoundTrip's; then stop is nil
	fixed   fixedBody   // what src is, mostly

	mu   sync.Mutex
	src  io.ReadCloser // the body as net/http reads it
	left int64         // of the body; negative if unknown
	last bool          // the connection's last response
	err  error         // what Read returns from now on
}

// exchange makes the request on c and returns when its header is there.
func (t *Transport) exchange(c *conn, b *buffers, req *http.Request) (*http.Response, error) {
	x := &exchange{t: t, c: c, req: req, b: b, fields: &b.fields}
	x.fields.read(req.Header)
	x.begin()
	if ctx := req.Context(); ctx.Done() != nil {
		x.stop = context.AfterFunc(ctx, func() { c.abort(x) })
	}
	return x.make()
}

// begin takes the connection, so that it can be closed under the exchange.
func (x *exchange) begin() {
	x.c.begin(x, x.t.opts.MaxHeader)
	x.b.in.Reset(x.c)
}

// make makes the request.
func (x *exchange) make() (*http.Response, error) {
	if err := x.send(); err != nil {
		return nil, x.fail(err)
	}
	resp, err := x.receive()
	if err != nil {
		return nil, x.fail(err)
	}
	return x.answer(resp), nil
}

// send writes the request, or has begun to when it returns. That the connection
// takes no more is no error yet: a server may have answered before it closed it.
func (x *exchange) send() error {
	if hasBody(x.req) && (!inline(x.req) || expectsContinue(x.req)) {
		x.sendAside()
		return nil
	}
	w := &x.b.out
	w.extra = x.extra()
	if !w.writePlain(x.req, x.fields) {
		if err := x.req.Write(w); err != nil {
			return err
		}
	}
	if x.caller != nil && x.c.used && x.c.asksItself() && rewinds(x.req) {
		x.c.out = w.buf
		if d := x.t.opts.ResponseHeaderTimeout; d > 0 {
			x.c.readWithin(d)
		}
		return nil
	}
	n, err := x.c.Conn.Write(w.buf)
	w.wrote = int64(n)
	x.sendErr = err
	if d := x.t.opts.ResponseHeaderTimeout; d > 0 {
		x.c.readWithin(d)
	}
	return nil
}

const (
	acceptGzip      = "Accept-Encoding: gzip\r\n"
	connectionClose = "Connection: close\r\n"
)

// extra is the fields that a transport adds to a request's.
func (x *exchange) extra() string {
	extra := ""
	if x.unzip = !x.t.opts.DisableCompression && x.fields.noEncoding && x.req.Method != http.MethodHead; x.unzip {
		extra = acceptGzip
	}
	if x.t.opts.DisableKeepAlives && !x.wantsClose() {
		extra += connectionClose
	}
	return extra
}

// wantsClose says that the connection is not to be used again.
func (x *exchange) wantsClose() bool { return x.req.Close || x.fields.closes }

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// receive reads the header of the response, past informational ones.
func (x *exchange) receive() (*http.Response, error) {
	for {
		if x.sending != nil && x.sending.waiting {
			x.awaitContinue()
		}
		resp := x.quickResponse()
		if resp == nil {
			var err error
			if resp, err = http.ReadResponse(x.b.in, x.req); err != nil {
				return nil, err
			}
		}
		code := resp.StatusCode
		if code < 100 || code > 199 || code == http.StatusSwitchingProtocols {
			x.gotHeader()
			return resp, nil
		}
		if code == http.StatusContinue && x.sending != nil {
			x.sending.goOn(true)
		}
	}
}

// awaitContinue waits for the server's first byte, or else lets the body be sent.
func (x *exchange) awaitContinue() {
	x.c.readWithin(x.t.opts.ContinueTimeout)
	_, err := x.b.in.Peek(1)
	x.c.readWithin(0)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		x.sending.goOn(true)
	}
}

// gotHeader ends what waits for the header.
func (x *exchange) gotHeader() {
	s := x.sending
	if s == nil {
		if x.t.opts.ResponseHeaderTimeout > 0 {
			x.c.readWithin(0)
		}
		return
	}
	if s.waiting { // a refusal: the body stays here
		s.goOn(false)
		x.last = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = true
	if x.t.opts.ResponseHeaderTimeout > 0 {
		x.c.readWithin(0)
	}
}

// answer makes resp the caller's. If it has no body, the connection is free
// already.
func (x *exchange) answer(resp *http.Response) *http.Response {
	x.c.used = true
	x.c.limit = noLimit
	x.last = x.last || resp.Close || x.sendErr != nil || resp.StatusCode <= 199 ||
		x.t.opts.DisableKeepAlives || x.wantsClose()
	resp.TLS = x.c.tls
	if resp.Body == http.NoBody {
		x.end(true)
		return resp
	}
	x.src, x.left = resp.Body, resp.ContentLength
	resp.Body = x
	if x.unzip && strings.EqualFold(first(resp.Header["Content-Encoding"]), "gzip") {
		resp.Body = &gzipBody{body: x}
		resp.Header.Del("Content-Encoding")
		resp.Header.Del("Content-Length")
		resp.ContentLength = -1
		resp.Uncompressed = true
	}
	return resp
}

// fail ends a request that has no response, and says why.
func (x *exchange) fail(err error) error {
	c, read := x.c, x.c.read
	wrote := x.b.out.wrote + int64(x.c.wrote)
	c.close()
	canceled := x.unwatch()
	c.finish()
	var bodyErr error
	if s := x.sending; s != nil {
		s.abandon(x.req)
		if s.isDone() {
			bodyErr, x.sendErr, wrote = s.err, s.w.err, s.w.wrote
		} else {
			wrote = 1 // who knows
		}
	}
	timedOut := errors.Is(err, os.ErrDeadlineExceeded)
	tooLarge := errors.Is(err, errHeaderTooLarge)
	x.t.pool.giveBack(x.b)
	x.b = nil
	switch {
	case canceled:
		return x.cause()
	case bodyErr != nil:
		return bodyErr
	case timedOut:
		return errHeaderTimeout
	case tooLarge:
		return fmt.Errorf("%w of %d bytes", errHeaderTooLarge, x.t.opts.MaxHeader)
	case read > 0:
		return fmt.Errorf("h1: reading the response: %w", err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF // no response, and not half of one
	}
	if x.sendErr != nil {
		err = x.sendErr
	}
	if c.used && (wrote == 0 || repeatable(x.req)) && rewinds(x.req) {
		return &unansweredError{err}
	}
	return err
}

// unwatch says whether the context has ended the exchange.
func (x *exchange) unwatch() (canceled bool) {
	if x.caller != nil {
		return x.caller.leave()
	}
	return x.stop != nil && !x.stop()
}

// cause is why the exchange was stopped from outside; nil if it was not.
func (x *exchange) cause() error {
	if x.caller != nil {
		return x.caller.cause()
	}
	return context.Cause(x.req.Context())
}

// end parts with the connection: for the next request, if the response was
// whole and nothing speaks against it.
func (x *exchange) end(whole bool) {
	c := x.c
	keep := whole && !x.last && !c.ended && x.b.in.Buffered() == 0
	if x.unwatch() {
		keep = false
	}
	if s := x.sending; s != nil && !s.over() {
		keep = false
	}
	c.finish()
	b := x.b
	x.b = nil
	if keep {
		x.t.pool.put(c, b)
	} else {
		x.t.pool.giveBack(b)
		c.close()
	}
}
