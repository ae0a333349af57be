package fetch

import (
	"net/http"
	"sync"
	"sync/atomic"
)

// A conduit is the transport of a run. A transport may have been made for as many
// connections as the run's limit was then; when the limit is raised, so are they.
type conduit struct {
	now  atomic.Pointer[http.RoundTripper]
	mu   sync.Mutex // of what follows
	made int        // the limit that it was made for
}

func (c *conduit) init(t http.RoundTripper, limit int) {
	c.now.Store(&t)
	c.made = limit
}

// transport is the one to make requests with.
func (c *conduit) transport() http.RoundTripper { return *c.now.Load() }

// grow makes room for limit requests at once, where it was the run's limit that
// bounded the connections: a bound that was another number stays.
func (c *conduit) grow(limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if limit <= c.made {
		return
	}
	raised := func(n int) int {
		if n == c.made {
			return limit
		}
		return n
	}
	switch t := c.transport().(type) {
	case *http.Transport:
		// Its fields must not change while it is in use. What is in flight stays
		// with the old one, whose connections are closed as they become idle.
		wider := t.Clone()
		wider.MaxConnsPerHost, wider.MaxIdleConnsPerHost = raised(t.MaxConnsPerHost), raised(t.MaxIdleConnsPerHost)
		wider.MaxIdleConns = raised(t.MaxIdleConns)
		var next http.RoundTripper = wider
		c.now.Store(&next)
		t.CloseIdleConnections()
	case interface {
		MaxIdle() (all, perHost int)
		SetMaxIdle(all, perHost int)
	}:
		all, perHost := t.MaxIdle()
		t.SetMaxIdle(raised(all), raised(perHost))
	}
	c.made = limit
}

// closeIdle closes the connections that nobody uses, where the transport can.
func (c *conduit) closeIdle() {
	if t, ok := c.transport().(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
