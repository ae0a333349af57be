package origin

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
)

// conn is an accepted connection that is counted: from accept until the server
// closes it or its client has, and byte by byte as it goes out.
type conn struct {
	net.Conn
	srv     *Server
	host    *host
	id      uint64
	open    stay
	gone    atomic.Bool              // the client or the server has closed it
	current atomic.Pointer[exchange] // at work on it, HTTP/1 only
	control atomic.Bool              // a control request is being answered: bytes do not count
	closed  atomic.Bool
}

type connKey struct{}

// connOf finds the conn under what net/http holds.
func connOf(nc net.Conn) *conn {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	if r, ok := nc.(*replay); ok {
		return r.conn
	}
	c, _ := nc.(*conn)
	return c
}

func withConn(ctx context.Context, nc net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, connOf(nc))
}

// Write counts before it writes, so that a client never has bytes that the
// audit has not.
func (c *conn) Write(b []byte) (int, error) {
	if c.control.Load() {
		return c.Conn.Write(b)
	}
	c.host.bytes.Add(uint64(len(b)))
	n, err := c.Conn.Write(b)
	if n < len(b) {
		c.host.bytes.Add(-uint64(len(b) - n))
	}
	return n, err
}

// Close also abandons the other HTTP/2 requests that are at work on the
// connection: their clients are told by it that no answer comes.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	c.gone.Store(true)
	c.srv.drop(c)
	c.open.leave()
	return c.Conn.Close()
}

// CloseWrite sends the end of the stream and leaves the other direction open.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// reset closes the connection with a TCP RST.
func (c *conn) reset() {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		t.SetLinger(0) // cannot fail on an open socket; on a closed one nothing is left to reset
	}
	c.Close()
}

// abandon is called by hangups.settle, which holds its lock meanwhile.
func (c *conn) abandon() {
	c.gone.Store(true)
	c.open.abandon()
	if x := c.current.Load(); x != nil {
		x.stay.abandon()
	}
}
