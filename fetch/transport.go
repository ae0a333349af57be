package fetch

import (
	"crypto/tls"
	"math"
	"net/http"
	"net/url"
	"time"
)

// TransportOptions tune the HTTP transport of a run.
type TransportOptions struct {
	// MaxConns and MaxConnsPerHost bound the connections, in all while idle
	// and per host at any time; 0 means no limit.
	MaxConns, MaxConnsPerHost int
	// ConnectTimeout is for the TCP connection and, once more, for the TLS
	// handshake; 0 means 10 s.
	ConnectTimeout time.Duration
	// Proxy is used for every request; nil means that of the environment
	// (HTTP_PROXY, HTTPS_PROXY, NO_PROXY).
	Proxy *url.URL
	// Insecure takes any certificate.
	Insecure bool
	// DenyPrivate refuses to connect to loopback, private, link-local and
	// metadata addresses, whatever the name that led there: for lists that
	// strangers made. With a proxy it guards the way to the proxy only.
	DenyPrivate bool
	// HTTP1 and HTTP2 say that nothing else is to be spoken; neither means that
	// a server with TLS may choose. Without TLS it is always HTTP/1.1.
	HTTP1, HTTP2 bool
	// MaxHeader is the most bytes of a response's header; 0 means 1 MiB.
	MaxHeader int64
}

// NewTransport is an http.Transport tuned for bulk: as many connections are
// kept idle per host as may ever be of use there, HTTP/2 is on, gzip is
// undone.
func NewTransport(o TransportOptions) *http.Transport {
	def(&o.ConnectTimeout, 10*time.Second)
	def(&o.MaxHeader, 1<<20)
	idle := o.MaxConnsPerHost
	def(&idle, math.MaxInt) // its own 0 means 2
	dialer := newDialer(o.ConnectTimeout, o.DenyPrivate)
	return &http.Transport{
		Proxy:                  o.proxy(),
		DialContext:            dialer.DialContext,
		Protocols:              o.protocols(),
		TLSClientConfig:        o.tls(),
		TLSHandshakeTimeout:    o.ConnectTimeout,
		MaxIdleConns:           o.MaxConns,
		MaxIdleConnsPerHost:    idle,
		MaxConnsPerHost:        o.MaxConnsPerHost,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: o.MaxHeader,
		ReadBufferSize:         8 << 10,
		WriteBufferSize:        4 << 10,
	}
}

func (o *TransportOptions) proxy() func(*http.Request) (*url.URL, error) {
	if o.Proxy != nil {
		return http.ProxyURL(o.Proxy)
	}
	return http.ProxyFromEnvironment
}

func (o *TransportOptions) tls() *tls.Config {
	return &tls.Config{InsecureSkipVerify: o.Insecure} //nolint:gosec // asked for with -k
}

func (o *TransportOptions) protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(!o.HTTP2)
	p.SetHTTP2(!o.HTTP1)
	return p
}
