package h1

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// ErrNotServed is that of Caller.Do for a request that is another way's: the
// transport's RoundTrip serves it.
var ErrNotServed = errors.New("h1: not for a Caller: use RoundTrip")

// A Caller makes requests one after another, for one goroutine, each until a
// moment. It costs less than RoundTrip, since what a request needs is used again
// for the next one, and nothing watches over the context of each: a Caller has one
// context, and a deadline is a number. Make one with Transport.Caller, and Close it
// in the end. Its methods are not safe for concurrent use.
type Caller struct {
	t      *Transport
	ctx    context.Context //nolint:containedctx // that of all requests, as of a loop
	unhook func() bool     // ends the watch over ctx
	x      exchange
	fields fields // of the request that was made last
	last   last
	waited time.Duration

	mu     sync.Mutex
	conn   *conn // in use
	active bool  // from Do until the response's end
	until  time.Time
	timer  *time.Timer
	armed  bool
	at     time.Time // when the timer goes off, if armed
	err    error     // why it was stopped
}

// Caller returns a Caller whose requests end with ctx.
func (t *Transport) Caller(ctx context.Context) *Caller {
	c := &Caller{t: t, ctx: ctx}
	c.unhook = context.AfterFunc(ctx, func() { c.stop(context.Cause(ctx)) })
	return c
}

// Close ends the watch over the context. No request may be under way.
func (c *Caller) Close() {
	c.unhook()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
}

// Do makes a request, whose own context does not count, and returns its response,
// as RoundTrip does; but the response, its header included, is valid only until
// the next Do, and the header must not be changed. All of it must be over at
// until, the zero time being never, or it ends with context.DeadlineExceeded, in
// the body's Read as well. The body must be read to its end or closed before the
// next Do.
//
// A header that is the same map as that of the request before is taken to say the
// same: do not change it in between.
//
// What another way has to serve (what the transport hands over, bodies of more
// than 16 KiB, hosts with https of which it is not known yet that they speak
// HTTP/1.1) ends with ErrNotServed before anything was sent or closed.
func (c *Caller) Do(req *http.Request, until time.Time) (*http.Response, error) {
	c.waited = 0
	if !speaksLine(req) || !c.fields.are(req.Header) && !speaksHeader(req.Header) || hasBody(req) && (!inline(req) || expectsContinue(req)) {
		return nil, ErrNotServed
	}
	if c.t.opts.Proxy != nil {
		if u, err := c.t.opts.Proxy(req); u != nil || err != nil {
			return nil, ErrNotServed
		}
	}
	h, conn, b := c.t.pool.take(key{req.URL.Scheme == "https", req.URL.Host}, rewinds(req))
	if conn == nil && c.t.opts.HTTP2 && h.secure && !c.t.pool.speaksOne(h) {
		return nil, ErrNotServed
	}
	if err := c.begin(until); err != nil {
		closeBody(req)
		if conn != nil {
			c.t.pool.put(conn, b)
		}
		return nil, err
	}
	resp, err := c.roundTrip(req, h, conn, b)
	if err != nil {
		c.end()
	}
	return resp, err
}

// roundTrip is as that of Transport.
func (c *Caller) roundTrip(req *http.Request, h *host, conn *conn, b *buffers) (*http.Response, error) {
	var lost *unansweredError
	if conn != nil {
		resp, err := c.exchange(conn, b, req)
		if err == nil {
			return resp, nil
		}
		var ok bool
		if lost, ok = errors.AsType[*unansweredError](err); !ok {
			return nil, err
		}
		if req, err = lost.again(req); err != nil {
			return nil, err
		}
	}
	start := time.Now()
	conn, err := c.connect(h)
	c.waited = time.Since(start)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	if conn.choseHTTP2() { // all that was known was that nothing was: see pool.found
		conn.close()
		c.t.pool.found(h, true, false)
		if lost != nil && hasBody(req) { // which is another by now
			closeBody(req)
			return nil, lost.err
		}
		return nil, ErrNotServed
	}
	return c.exchange(conn, c.t.pool.borrow(), req)
}

// connect has a context of its own: it is a long way, and not the usual one.
func (c *Caller) connect(h *host) (*conn, error) {
	ctx := c.ctx
	if !c.until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, c.until)
		defer cancel()
	}
	if h.secure {
		return c.t.dialTLS(ctx, h)
	}
	return c.t.dial(ctx, h)
}

func (c *Caller) exchange(conn *conn, b *buffers, req *http.Request) (*http.Response, error) {
	if !c.fields.are(req.Header) {
		c.fields.read(req.Header)
	}
	c.x = exchange{t: c.t, c: conn, b: b, req: req, fields: &c.fields, caller: c}
	c.x.begin()
	c.mu.Lock()
	c.conn = conn
	if c.err != nil {
		conn.raw.Close()
	}
	c.mu.Unlock()
	return c.x.make()
}

// Waited returns for how long the last request waited for a connection to be
// made; 0 where one was at hand.
func (c *Caller) Waited() time.Duration { return c.waited }

// begin makes until count. The one timer is left as it is if it goes off before
// that: it then sees for itself what remains.
func (c *Caller) begin(until time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ctx.Err(); err != nil {
		return context.Cause(c.ctx)
	}
	c.active, c.until, c.err = true, until, nil
	if !until.IsZero() && (!c.armed || until.Before(c.at)) {
		c.arm(until)
	}
	return nil
}

// arm is called with mu held.
func (c *Caller) arm(at time.Time) {
	c.armed, c.at = true, at
	d := time.Until(at)
	if c.timer == nil {
		c.timer = time.AfterFunc(d, c.expire)
		return
	}
	c.timer.Reset(d)
}

// expire looks whether the time is over.
func (c *Caller) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = false
	if !c.active || c.until.IsZero() {
		return
	}
	if time.Until(c.until) > 0 {
		c.arm(c.until)
		return
	}
	c.abort(context.DeadlineExceeded)
}

func (c *Caller) stop(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active {
		c.abort(cause)
	}
}

// abort closes the connection under the request. The caller holds mu.
func (c *Caller) abort(why error) {
	if c.err == nil {
		c.err = why
	}
	if c.conn != nil {
		c.conn.raw.Close()
	}
}

// leave takes the connection off the watch, and says whether it was aborted.
func (c *Caller) leave() (aborted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = nil
	return c.err != nil
}

// end says that the request is over.
func (c *Caller) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active = false
}

// cause is why the request under way was stopped, nil if it was not.
func (c *Caller) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
