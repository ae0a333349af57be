package redistest

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A Proxy copies between its clients and a server, until it is cut.
type Proxy struct {
	Addr string
	// Cut, while true, has it copy nothing but keep the connections, as a
	// network does that drops packets; what was dropped never arrives.
	Cut atomic.Bool
	// Deaf, while true, has it end a connection when the server answers, and
	// drop the answer.
	Deaf atomic.Bool

	to  string
	all sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	ended bool
}

// StartProxy starts a proxy before the server at to, that ends with the test.
func StartProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), to: to}
	p.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.serve(c)
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		p.ended = true
		p.mu.Unlock()
		p.HangUp()
		p.all.Wait()
	})
	return p
}

func (p *Proxy) serve(c net.Conn) {
	s, err := net.Dial("tcp", p.to) //nolint:noctx // the loopback refuses or accepts at once
	if err != nil {
		c.Close()
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, c, s)
	ended := p.ended
	p.mu.Unlock()
	if ended {
		p.HangUp()
	}
	p.all.Go(func() { p.copy(s, c, false) })
	p.all.Go(func() { p.copy(c, s, true) })
}

func (p *Proxy) copy(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil || answers && p.Deaf.Load() {
			return
		}
		if p.Cut.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// HangUp ends all connections.
func (p *Proxy) HangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}
