package origin

import (
	"errors"
	"net"
	"time"
)

// listener counts what it accepts.
type listener struct {
	net.Listener
	srv  *Server
	host *host
}

func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.srv.admit(nc, l.host), nil
}

// acceptQuick accepts connections for the quick path until the listener is
// closed. Out of descriptors, it waits as net/http does, for some to be closed.
func (l *listener) acceptQuick() {
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			c := nc.(*conn)
			l.srv.working.Go(func() { l.srv.serveQuick(c) })
		case l.srv.isClosed() || errors.Is(err, net.ErrClosed):
			return
		default:
			l.srv.opts.Logger.Debug("origin: accept", "err", err)
			select {
			case <-time.After(5 * time.Millisecond):
			case <-l.srv.stopped:
				return
			}
		}
	}
}

// admit counts a connection in.
func (s *Server) admit(nc net.Conn, h *host) *conn {
	c := &conn{Conn: nc, srv: s, host: h, id: s.nextID.Add(1)}
	if err := s.hangups.watch(c); err != nil {
		s.opts.Logger.Debug("origin: connection is not watched", "err", err)
	}
	h.opened.Add(1)
	c.open.of(&h.open, s.totalOpen())
	c.open.enter(s.settle)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
	return c
}

// drop forgets a connection that is being closed.
func (s *Server) drop(c *conn) {
	s.hangups.forget(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *Server) totalOpen() *gauge {
	if s.total == nil {
		return nil
	}
	return &s.total.open
}

func (s *Server) totalFlight() *gauge {
	if s.total == nil {
		return nil
	}
	return &s.total.flight
}

// settle finds out what clients have abandoned: connections that they closed,
// and HTTP/2 requests that they reset (which net/http makes known by the
// request's context before it reads the client's next frame).
func (s *Server) settle() {
	s.hangups.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	for x := range s.streams {
		if x.conn.gone.Load() || x.r.Context().Err() != nil {
			x.stay.abandon()
		}
	}
}
