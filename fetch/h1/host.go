package h1

import (
	"context"
	"errors"
	"net"
	"strings"
)

// A key names a host as URLs do: those that spell it differently do not share
// connections.
type key struct {
	secure bool
	addr   string // with a port or without
}

// A host is what is known of one: its idle connections, and whether it speaks
// HTTP/2. All but key is guarded by the pool's mutex.
type host struct {
	key
	idle []*conn // the longest idle first
	gone bool    // forgotten: nothing is kept for it any more
	// known says that a handshake has told what the host speaks; h2, that it
	// was HTTP/2. finding is there while the first handshake is under way, so
	// that a host that has HTTP/2 sees one connection, not as many as there
	// are requests.
	known, h2 bool
	finding   chan struct{}
}

// name is the host's name without the port, for TLS.
func (h *host) name() string {
	name, _ := splitPort(h.addr)
	return name
}

// address is what to dial.
func (h *host) address() string {
	name, port := splitPort(h.addr)
	if port == "" {
		port = "80"
		if h.secure {
			port = "443"
		}
	}
	return net.JoinHostPort(name, port)
}

// splitPort splits "name", "name:", "name:port", "[v6]" and "[v6]:port".
func splitPort(addr string) (name, port string) {
	name = addr
	if i := strings.LastIndexByte(addr, ':'); i >= 0 && !strings.Contains(addr[i:], "]") {
		name, port = addr[:i], addr[i+1:]
	}
	return strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"), port
}

// errHTTP2 says that the host speaks HTTP/2.
var errHTTP2 = errors.New("h1: the host speaks HTTP/2")

// find is nil when the caller may connect: as the first one (lead is true, and
// it calls found when it knows), or since the host speaks HTTP/1.1 or could not
// be reached. It waits while another is finding out.
func (p *pool) find(ctx context.Context, h *host) (lead bool, _ error) {
	for {
		p.mu.Lock()
		finding := h.finding
		switch {
		case finding != nil:
		case h.h2:
			p.mu.Unlock()
			return false, errHTTP2
		case h.known:
			p.mu.Unlock()
			return false, nil
		default:
			h.finding = make(chan struct{})
			p.mu.Unlock()
			return true, nil
		}
		p.mu.Unlock()
		select {
		case <-finding:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// speaksOne says that h is known to speak HTTP/1.1.
func (p *pool) speaksOne(h *host) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return h.known && !h.h2
}

// found notes what a handshake has shown and, for the one who leads, lets the
// others go on. After a failure they all try at once: a host that cannot be
// reached makes nobody wait for somebody else's timeout.
func (p *pool) found(h *host, h2, lead bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.known = true
	h.h2 = h.h2 || h2
	if lead && h.finding != nil {
		close(h.finding)
		h.finding = nil
	}
}
