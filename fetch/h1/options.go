package h1

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Options say how a Transport works. The zero value is good: HTTP/1.1 only, no
// proxy.
type Options struct {
	// DialContext makes the connections; nil means those of a net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLSConfig is for https; nil means the zero one. It is cloned. Its
	// ServerName and NextProtos are left as they are where they are set. Without
	// a ClientSessionCache it gets one of 1,024 sessions.
	TLSConfig *tls.Config
	// HTTP2 lets servers choose HTTP/2 in the TLS handshake; the other transport
	// then speaks it.
	HTTP2 bool
	// Proxy names the proxy of a request; nil, or a nil URL, is none. What
	// goes to a proxy goes through the other transport.
	Proxy func(*http.Request) (*url.URL, error)
	// Std is the other transport, for all that this one does not speak; nil
	// means one made of these Options. With one that is given, the connection
	// on which a host first chose HTTP/2 is closed and made anew.
	Std *http.Transport

	// TLSHandshakeTimeout bounds the TLS handshake; 0 means 10 s.
	TLSHandshakeTimeout time.Duration
	// ResponseHeaderTimeout is from when a request is written to when its
	// response's header is read; 0 means no limit.
	ResponseHeaderTimeout time.Duration
	// ContinueTimeout is how long a request with "Expect: 100-continue" waits
	// for the server's word before it sends its body anyway; 0 means 1 s.
	ContinueTimeout time.Duration
	// IdleTimeout is how long a connection may be idle; 0 means 30 s.
	IdleTimeout time.Duration
	// MaxIdle and MaxIdlePerHost bound the idle connections; 0 means 1,000, and
	// MaxIdle. The longest idle one makes room.
	MaxIdle, MaxIdlePerHost int
	// MaxHeader is the most bytes of a response's header; 0 means 1 MiB.
	MaxHeader int64
	// DisableCompression leaves out the "Accept-Encoding: gzip" that requests
	// get where they ask for no encoding, nor for a Range, and are no HEAD. What
	// then comes in gzip is decompressed.
	DisableCompression bool
	// DisableKeepAlives closes each connection after one request.
	DisableKeepAlives bool
}

func (o *Options) setDefaults() {
	if o.DialContext == nil {
		o.DialContext = new(net.Dialer).DialContext
	}
	def(&o.TLSHandshakeTimeout, 10*time.Second)
	def(&o.ContinueTimeout, time.Second)
	def(&o.IdleTimeout, 30*time.Second)
	def(&o.MaxIdle, 1000)
	def(&o.MaxIdlePerHost, o.MaxIdle)
	def(&o.MaxHeader, 1<<20)
	if o.TLSConfig == nil {
		o.TLSConfig = &tls.Config{} //nolint:gosec // the defaults are good
	}
	o.TLSConfig = o.TLSConfig.Clone()
	if o.TLSConfig.ClientSessionCache == nil {
		o.TLSConfig.ClientSessionCache = tls.NewLRUClientSessionCache(1024)
	}
	if o.TLSConfig.NextProtos == nil {
		o.TLSConfig.NextProtos = []string{"http/1.1"}
		if o.HTTP2 {
			o.TLSConfig.NextProtos = []string{"h2", "http/1.1"}
		}
	}
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
