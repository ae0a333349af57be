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

// maxHosts is what fits into one certificate that clients still read.
const maxHosts = 10_000

// Options say how a server is started. The zero value is one plain host on a
// free port.
type Options struct {
	// Hosts is how many hosts there are, each a loopback address of its own:
	// 127.0.0.1, 127.0.0.2 and on. Default 1, at most 10,000.
	Hosts int
	// Port is the port of all hosts. Default 0: a free one, the same for all
	// where that can be had.
	Port int
	// TLS is the certificate to show. Default Plain: no TLS. With TLS, clients
	// may choose HTTP/2.
	TLS Cert
	// HTTP1 keeps TLS clients on HTTP/1.1.
	HTTP1 bool
	// HostDelay delays every answer of the host with that index.
	HostDelay map[int]time.Duration
	// JudgeRate is a rate in requests a second that the arrivals are held
	// against: see Counts.Burst. Default 0: none.
	JudgeRate float64
	// HintGrace is how long after a hint (Retry-After and the like) requests
	// may still arrive that were under way before the client had read it.
	// Default 20 ms.
	HintGrace time.Duration
	// Seed decides, with the path, what chance decides elsewhere (/flaky,
	// /jitter): the same seed, the same faults. Default 0.
	Seed uint64
	// Listen, when set, gives host i its listener, for example one of an
	// in-memory network; Hosts is then how often it is asked, Port is not used
	// and there is no control address.
	Listen func(i int) (net.Listener, error)
	// Logger gets a line for each start, close and failed handshake, at level
	// debug. Default nil: silent.
	Logger *slog.Logger
}

func (o *Options) fill() error {
	if o.Hosts == 0 {
		o.Hosts = 1
	}
	if o.HintGrace == 0 {
		o.HintGrace = 20 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Hosts < 1 || o.Hosts > maxHosts:
		return fmt.Errorf("origin: %d hosts: use 1 to %d", o.Hosts, maxHosts)
	case o.Port < 0 || o.Port > 65535:
		return fmt.Errorf("origin: port %d: use 0 (any free port) to 65535", o.Port)
	case o.TLS < Plain || o.TLS > SelfSigned:
		return fmt.Errorf("origin: unknown certificate kind %v", o.TLS)
	case o.JudgeRate < 0:
		return fmt.Errorf("origin: rate %v a second: use 0 (none) or more", o.JudgeRate)
	}
	for i, d := range o.HostDelay {
		if i < 0 || i >= o.Hosts || d < 0 {
			return fmt.Errorf("origin: delay %v for host %d: hosts are 0 to %d and no delay is negative", d, i, o.Hosts-1)
		}
	}
	return nil
}

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

// listen makes the hosts. On an error nothing is left listening.
func (s *Server) listen() error {
	var ls []net.Listener
	var err error
	if s.opts.Listen != nil {
		for i := range s.opts.Hosts {
			var l net.Listener
			if l, err = s.opts.Listen(i); err != nil {
				break
			}
			ls = append(ls, l)
		}
	} else {
		ls, err = listenAll(s.opts.Hosts, s.opts.Port)
	}
	if err != nil {
		for _, l := range ls {
			l.Close()
		}
		return err
	}
	scheme := "http"
	if s.opts.TLS != Plain {
		scheme = "https"
	}
	for i, l := range ls {
		h := &host{index: i, listener: l, url: scheme + "://" + l.Addr().String(), delay: s.opts.HostDelay[i], seen: newSeen()}
		h.arrivals = newArrivals(s.opts.JudgeRate)
		s.hosts = append(s.hosts, h)
	}
	if len(s.hosts) > 1 {
		s.total = &scope{arrivals: newArrivals(s.opts.JudgeRate)}
	}
	return nil
}

// certify makes the certificate, where there is to be one.
func (s *Server) certify() (*tls.Config, error) {
	if s.opts.TLS == Plain {
		return nil, nil
	}
	var err error
	if s.root, err = newAuthority(s.zero); err != nil {
		return nil, err
	}
	var ips []net.IP
	for _, h := range s.hosts {
		if a, ok := h.listener.Addr().(*net.TCPAddr); ok {
			ips = append(ips, a.IP)
		}
	}
	cert, err := s.root.issue(s.opts.TLS, ips, s.zero)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, nil
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
	for _, h := range s.hosts {
		counted := &listener{h.listener, s, h}
		s.serving.Go(func() {
			if tlsConfig != nil {
				s.http.ServeTLS(counted, "", "") // ends with ErrServerClosed, by Close
			} else {
				s.http.Serve(counted)
			}
		})
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

func (s *Server) began() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since
}
