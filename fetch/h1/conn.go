package h1

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"sync"
	"time"
)

// A conn is a connection to a host. At any time it has one user, an exchange,
// or is idle.
type conn struct {
	net.Conn // what requests are written to: TLS, or raw
	raw      net.Conn
	wire     *wire                // between the two
	tls      *tls.ConnectionState // nil without
	host     *host
	peek     *peeker // nil where it cannot be asked
	used     bool    // a response has come over it

	// Of the request under way.
	mu    sync.Mutex
	user  *exchange // guarded by mu
	limit int64     // how many more bytes may be read
	read  int64     // that have been
	ended bool      // nothing more comes
	// out is the request where the first Read is to write it.
	out   []byte
	wrote int
	stale error // what that found: nothing is read any more

	// Of the pool, while idle.
	idleAt       time.Time
	older, newer *conn
}

// connect makes a connection for h. If the host has HTTP/2 the error is
// errHTTP2, or the connection one over which to speak it.
func (t *Transport) connect(ctx context.Context, h *host) (*conn, error) {
	if !h.secure {
		return t.dial(ctx, h)
	}
	if !t.opts.HTTP2 {
		return t.dialTLS(ctx, h)
	}
	lead, err := t.pool.find(ctx, h)
	if err != nil {
		return nil, err
	}
	c, err := t.dialTLS(ctx, h)
	if err == nil && c.choseHTTP2() && lead {
		return c, nil // handOver lets the others go on
	}
	t.pool.found(h, err == nil && c.choseHTTP2(), lead)
	return c, err
}

func (t *Transport) dial(ctx context.Context, h *host) (*conn, error) {
	raw, err := t.opts.DialContext(ctx, "tcp", h.address())
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return &conn{Conn: raw, raw: raw, host: h, peek: newPeeker(raw)}, nil
}

// dialTLS shakes hands in this goroutine: a deadline and the context close the
// connection under it.
func (t *Transport) dialTLS(ctx context.Context, h *host) (*conn, error) {
	c, err := t.dial(ctx, h)
	if err != nil {
		return nil, err
	}
	config := t.opts.TLSConfig
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = h.name()
	}
	c.wire = &wire{Conn: c.raw, peek: c.peek}
	over := tls.Client(c.wire, config)
	stop := context.AfterFunc(ctx, func() { c.raw.Close() })
	_ = c.raw.SetDeadline(time.Now().Add(t.opts.TLSHandshakeTimeout)) // it fails when Handshake does
	//nolint:noctx // HandshakeContext would start a goroutine to do what stop's does
	err = over.Handshake()
	switch {
	case !stop():
		c.raw.Close()
		return nil, context.Cause(ctx)
	case err != nil:
		c.raw.Close()
		return nil, handshakeError(err)
	}
	_ = c.raw.SetDeadline(time.Time{})
	state := over.ConnectionState()
	c.Conn, c.tls = over, &state
	return c, nil
}

func handshakeError(err error) error {
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return errHandshakeTimeout
	}
	return err
}

// choseHTTP2 says whether the TLS handshake has chosen that.
func (c *conn) choseHTTP2() bool {
	return c.tls != nil && c.tls.NegotiatedProtocol == "h2"
}

// begin gives the connection to a request.
func (c *conn) begin(x *exchange, maxHeader int64) {
	c.limit, c.read, c.ended, c.out, c.wrote = maxHeader, 0, false, nil, 0
	c.mu.Lock()
	c.user = x
	c.mu.Unlock()
}

// finish takes it back: nothing that x may still do reaches it.
func (c *conn) finish() {
	c.mu.Lock()
	c.user = nil
	c.mu.Unlock()
}

// abort closes the connection if x has it still.
func (c *conn) abort(x *exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.user == x {
		c.raw.Close()
	}
}

// readWithin bounds the reads that follow; 0 is no bound. It fails only on a
// connection that is closed, on which they fail as well.
func (c *conn) readWithin(d time.Duration) {
	var end time.Time
	if d > 0 {
		end = time.Now().Add(d)
	}
	_ = c.raw.SetReadDeadline(end)
}

// close ends it without a farewell: TLS would wait for up to 5 s to say one to a
// server that takes nothing any more.
func (c *conn) close() { c.raw.Close() }

// noLimit is for bodies.
const noLimit = math.MaxInt64

// Read reads no more than limit bytes, so that a header cannot be endless.
func (c *conn) Read(p []byte) (int, error) {
	if c.limit <= 0 {
		return 0, errHeaderTooLarge
	}
	if int64(len(p)) > c.limit {
		p = p[:c.limit]
	}
	n, err := c.next(p)
	c.read += int64(n)
	c.limit -= int64(n)
	if err == io.EOF {
		c.ended = true
	}
	return n, err
}

// next reads, having written first what was left to it.
func (c *conn) next(p []byte) (n int, err error) {
	switch {
	case c.stale != nil:
		return 0, c.stale
	case c.out == nil:
		return c.Conn.Read(p)
	}
	out := c.out
	c.out = nil
	c.wrote, n, err = c.peek.exchange(out, p)
	if err != nil || c.wrote == len(out) {
		c.stale = err
		return n, err
	}
	more, err := c.Conn.Write(out[c.wrote:])
	c.wrote += more
	if err != nil {
		c.stale = err
		return 0, err
	}
	return c.Conn.Read(p)
}

// asksItself says that a request can be written by the first Read, which asks in
// passing whether the connection is quiet.
func (c *conn) asksItself() bool { return c.peek != nil && c.tls == nil }

// quiet says whether an idle connection is as it was left: not closed, and
// nothing sent but what TLS says to itself, such as tickets for later sessions.
// Where it cannot be asked it is taken to be.
func (c *conn) quiet() bool {
	switch {
	case c.peek == nil:
		return true
	case c.tls == nil:
		return c.peek.empty()
	}
	c.peek.asking = true
	defer func() { c.peek.asking = false }()
	n, err := c.Conn.Read(make([]byte, 1))
	return n == 0 && errors.Is(err, errWouldBlock)
}
