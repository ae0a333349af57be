package origin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server is a running test server. Its methods are safe for concurrent use.
type Server struct {
	opts    Options
	zero    time.Time // what arrival times count from
	hosts   []*host
	total   *scope // nil when there is one host, whose scope is then the total
	memory  memory
	hangups *hangups
	root    *authority
	control *http.Server
	address net.Addr // of control
	http    *http.Server
	stop    context.CancelFunc // ends what waits in a handler
	stopped <-chan struct{}    // by stop
	handed  chan net.Conn      // from the quick path to http

	serving sync.WaitGroup // accept loops
	working sync.WaitGroup // connections' goroutines and HTTP/2 handlers

	nextID atomic.Uint64

	mu      sync.Mutex
	since   time.Time
	closed  bool
	conns   map[*conn]struct{}
	streams map[*exchange]struct{} // HTTP/2 requests at work
}

// Start starts a server. When it returns without an error every host is
// listening, and Close must be called; after an error nothing is left running.
func Start(opts Options) (*Server, error) {
	if err := opts.fill(); err != nil {
		return nil, err
	}
	s := &Server{
		opts:    opts,
		zero:    time.Now(),
		since:   time.Now(),
		conns:   make(map[*conn]struct{}),
		streams: make(map[*exchange]struct{}),
	}
	s.memory.reset()
	var err error
	if s.hangups, err = newHangups(); err != nil {
		return nil, fmt.Errorf("origin: %w", err)
	}
	if err := s.listen(); err != nil {
		return nil, errors.Join(fmt.Errorf("origin: %w", err), s.hangups.close())
	}
	tlsConfig, err := s.certify()
	if err != nil {
		for _, h := range s.hosts {
			h.listener.Close()
		}
		return nil, errors.Join(fmt.Errorf("origin: %w", err), s.hangups.close())
	}
	s.serve(tlsConfig)
	return s, nil
}

// serve starts the accept loops.
func (s *Server) serve(tlsConfig *tls.Config) {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(!s.opts.HTTP1)
	s.http = &http.Server{
		Handler:     http.HandlerFunc(s.handle),
		TLSConfig:   tlsConfig,
		Protocols:   protocols,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnContext: withConn,
		ConnState:   s.connState,
		ErrorLog:    slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelDebug),
	}
	s.stopped = ctx.Done()
	s.handed = make(chan net.Conn)
	for _, h := range s.hosts {
		counted := &listener{h.listener, s, h}
		if tlsConfig == nil {
			s.serving.Go(counted.acceptQuick)
		} else {
			s.serving.Go(func() { s.http.ServeTLS(counted, "", "") }) // ends by Close
		}
	}
	if tlsConfig == nil {
		s.serving.Go(func() { s.http.Serve(&handedOver{s.handed, s.stopped, s.hosts[0].listener.Addr()}) })
	}
	s.serveControl()
	s.opts.Logger.Debug("origin started", "hosts", len(s.hosts), "first", s.hosts[0].url)
}

// connState keeps Close waiting for every connection's goroutine. One that was
// hijacked stays in its handler's hands, and is done when that returns.
func (s *Server) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.working.Add(1)
	case http.StateClosed:
		s.working.Done()
	}
}

// URLs returns the base URL of each host, without a slash at the end.
func (s *Server) URLs() []string {
	urls := make([]string, len(s.hosts))
	for i, h := range s.hosts {
		urls[i] = h.url
	}
	return urls
}

// URL returns the base URL of the first host, without a slash at the end.
func (s *Server) URL() string { return s.hosts[0].url }

// RootPEM is the certificate that a client must trust to accept a Trusted
// server, PEM-encoded. It is nil for a Plain server.
func (s *Server) RootPEM() []byte {
	if s.root == nil {
		return nil
	}
	return s.root.pem()
}

// Close stops listening, ends every request and connection, and returns when
// every goroutine of the server has stopped. It returns nil also when called
// again. Audit goes on giving the last figures.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()

	s.stop()
	err := s.http.Close()
	for _, h := range s.hosts {
		h.listener.Close() // a TLS host's is closed already
	}
	if s.control != nil {
		err = errors.Join(err, s.control.Close())
	}
	s.serving.Wait()
	s.closeConns() // also the hijacked ones, which net/http has forgotten
	s.working.Wait()
	s.opts.Logger.Debug("origin closed")
	return errors.Join(err, s.hangups.close())
}

func (s *Server) closeConns() {
	s.mu.Lock()
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Server) began() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since
}
