package fetch

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// connecting measures how long a worker's requests wait for a connection. It
// sits in the context of all of them, so that it costs an attempt no
// allocation. The fields are atomic because a transport may call from
// anywhere, also after the request is over.
type connecting struct {
	trace httptrace.ClientTrace
	began atomic.Int64 // nanoseconds since epoch; 0 for none
	got   atomic.Int64
	epoch time.Time
}

// watched returns a context whose requests c measures, one at a time.
func (c *connecting) watched(ctx context.Context) context.Context {
	c.epoch = time.Now()
	c.trace.GetConn = func(string) { c.began.CompareAndSwap(0, c.now()) }
	c.trace.GotConn = func(info httptrace.GotConnInfo) {
		if info.WasIdle { // it was at hand
			c.began.Store(0)
			return
		}
		c.got.Store(c.now())
	}
	return httptrace.WithClientTrace(ctx, &c.trace)
}

func (c *connecting) now() int64 { return int64(time.Since(c.epoch)) + 1 }

func (c *connecting) reset() {
	c.began.Store(0)
	c.got.Store(0)
}

// took is how long it was; all of ttfb's rest if there never was a connection.
func (c *connecting) took(ttfb time.Duration) time.Duration {
	began, got := c.began.Load(), c.got.Load()
	switch {
	case began == 0:
		return 0
	case got < began:
		got = c.now()
	}
	return min(time.Duration(got-began), ttfb)
}
