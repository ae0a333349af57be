package h1

import (
	"sync"
	"time"
)

const (
	maxHosts   = 1 << 16 // remembered
	maxBuffers = 1 << 10 // kept for the next requests
)

// A pool keeps what requests leave to one another: idle connections, in all and
// by host, and buffers.
type pool struct {
	most, mostPerHost int
	timeout           time.Duration

	mu    sync.Mutex
	hosts map[key]*host
	// The idle connections in the order in which they became so.
	oldest, newest *conn
	idle           int
	expiry         *time.Timer // runs while there are any
	buffers        []*buffers
}

func (p *pool) init(most, mostPerHost int, timeout time.Duration) {
	p.most, p.mostPerHost, p.timeout = most, mostPerHost, timeout
	p.hosts = map[key]*host{}
}

// host returns what is known of k. The caller holds mu.
func (p *pool) host(k key) *host {
	h := p.hosts[k]
	if h == nil {
		if len(p.hosts) >= maxHosts {
			p.makeRoom()
		}
		h = &host{key: k}
		p.hosts[k] = h
	}
	return h
}

// makeRoom forgets a few hosts, any that have no idle connection. The caller
// holds mu.
func (p *pool) makeRoom() {
	forget := maxHosts / 16
	for k, h := range p.hosts {
		if len(h.idle) == 0 && h.finding == nil {
			h.gone = true
			delete(p.hosts, k)
			if forget--; forget == 0 {
				return
			}
		}
	}
}

// take returns the idle connection to a host that was used last, if there is one
// that the server has left alone, and buffers with it. With later, a connection
// that asks for itself is not asked.
func (p *pool) take(k key, later bool) (*host, *conn, *buffers) {
	for {
		p.mu.Lock()
		h := p.host(k)
		n := len(h.idle)
		if n == 0 {
			p.mu.Unlock()
			return h, nil, nil
		}
		c := h.idle[n-1]
		p.forget(c)
		b := p.spare()
		p.mu.Unlock()
		if time.Since(c.idleAt) < p.timeout && (later && c.asksItself() || c.quiet()) {
			if b == nil {
				b = newBuffers()
			}
			return h, c, b
		}
		c.close()
		p.giveBack(b)
	}
}

// put keeps a connection that has become idle, or closes it, or another one to
// make room for it. It takes b back as well.
func (p *pool) put(c *conn, b *buffers) {
	c.idleAt = time.Now()
	good := b.reset()
	p.mu.Lock()
	if good {
		p.keep(b)
	}
	h := c.host
	drop := c
	if !h.gone {
		drop = nil
		h.idle = append(h.idle, c)
		c.older, p.newest = p.newest, c
		if c.older == nil {
			p.oldest = c
		} else {
			c.older.newer = c
		}
		p.idle++
		switch {
		case len(h.idle) > p.mostPerHost:
			drop = h.idle[0]
		case p.idle > p.most:
			drop = p.oldest
		}
		if drop != nil {
			p.forget(drop)
		}
		if p.expiry == nil && p.idle > 0 {
			p.expiry = time.AfterFunc(p.timeout, p.expire)
		}
	}
	p.mu.Unlock()
	if drop != nil {
		drop.close()
	}
}

// forget takes an idle connection off the lists. The caller holds mu.
func (p *pool) forget(c *conn) {
	h := c.host
	if n := len(h.idle) - 1; h.idle[n] == c {
		h.idle[n] = nil
		h.idle = h.idle[:n]
	} else { // to make room, or too old: the first
		copy(h.idle, h.idle[1:])
		h.idle[n] = nil
		h.idle = h.idle[:n]
	}
	if c.older == nil {
		p.oldest = c.newer
	} else {
		c.older.newer = c.newer
	}
	if c.newer == nil {
		p.newest = c.older
	} else {
		c.newer.older = c.older
	}
	c.older, c.newer = nil, nil
	p.idle--
}

// expire closes what has been idle for too long, and comes again when the next
// one will have been.
func (p *pool) expire() {
	var old []*conn
	p.mu.Lock()
	now := time.Now()
	for p.oldest != nil && now.Sub(p.oldest.idleAt) >= p.timeout {
		old = append(old, p.oldest)
		p.forget(p.oldest)
	}
	if p.oldest != nil {
		p.expiry.Reset(p.timeout - now.Sub(p.oldest.idleAt))
	} else {
		p.expiry = nil
	}
	p.mu.Unlock()
	for _, c := range old {
		c.close()
	}
}

func (p *pool) closeIdle() {
	var all []*conn
	p.mu.Lock()
	for p.oldest != nil {
		all = append(all, p.oldest)
		p.forget(p.oldest)
	}
	if p.expiry != nil && p.expiry.Stop() {
		p.expiry = nil
	}
	p.buffers = nil
	p.mu.Unlock()
	for _, c := range all {
		c.close()
	}
}

// borrow returns buffers for one request.
func (p *pool) borrow() *buffers {
	p.mu.Lock()
	b := p.spare()
	p.mu.Unlock()
	if b == nil {
		b = newBuffers()
	}
	return b
}

// spare returns buffers that nobody uses, nil if there are none. The caller
// holds mu.
func (p *pool) spare() *buffers {
	n := len(p.buffers) - 1
	if n < 0 {
		return nil
	}
	b := p.buffers[n]
	p.buffers[n] = nil
	p.buffers = p.buffers[:n]
	return b
}

// giveBack takes back what was borrowed, or nil.
func (p *pool) giveBack(b *buffers) {
	if b == nil || !b.reset() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep(b)
}

// keep keeps buffers, up to a number of them. The caller holds mu.
func (p *pool) keep(b *buffers) {
	if len(p.buffers) < maxBuffers {
		p.buffers = append(p.buffers, b)
	}
}
