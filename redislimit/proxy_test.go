package redislimit_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A proxy copies between its clients and a server, until it is cut: then it
// copies nothing any more but keeps the connections, as a network does that
// drops packets.
type proxy struct {
	addr, to string
	cut      atomic.Bool // copies nothing
	deaf     atomic.Bool // copies nothing that the server says, and then ends the connection

	mu    sync.Mutex
	conns []net.Conn
}

func startProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), to: to}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, c, s)
			p.mu.Unlock()
			all.Go(func() { p.copy(s, c, false) })
			all.Go(func() { p.copy(c, s, true) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.hangUp()
		all.Wait()
	})
	return p
}

func (p *proxy) copy(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if answers && p.deaf.Load() {
			return
		}
		if p.cut.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// hangUp ends all connections.
func (p *proxy) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}
