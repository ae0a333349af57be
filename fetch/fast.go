package fetch

import (
	"math"
	"time"

	"github.com/penstock-go/penstock/fetch/h1"
)

// NewFastTransport is as NewTransport, but speaks HTTP/1.1 by package h1, at
// about half the cost: a connection is served by the goroutine whose request it
// carries. What h1 does not speak (HTTP/2, proxies, Upgrade) goes through a
// transport of net/http's. MaxConnsPerHost bounds the idle connections alone:
// who calls it bounds the others by bounding its requests, as an Engine does.
func NewFastTransport(o TransportOptions) *h1.Transport {
	def(&o.ConnectTimeout, 10*time.Second)
	def(&o.MaxHeader, 1<<20)
	config := o.tls()
	if o.HTTP2 {
		config.NextProtos = []string{"h2"} // and no other
	}
	return h1.New(h1.Options{
		DialContext:         newDialer(o.ConnectTimeout, o.DenyPrivate).DialContext,
		TLSConfig:           config,
		TLSHandshakeTimeout: o.ConnectTimeout,
		HTTP2:               !o.HTTP1,
		Proxy:               o.proxy(),
		IdleTimeout:         30 * time.Second,
		MaxIdle:             idleConns(o.MaxConns),
		MaxIdlePerHost:      idleConns(o.MaxConnsPerHost),
		MaxHeader:           o.MaxHeader,
	})
}

// idleConns is a number of idle connections, of which 0 is no limit.
func idleConns(n int) int {
	if n == 0 {
		return math.MaxInt
	}
	return n
}
