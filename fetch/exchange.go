package fetch

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"

	"github.com/penstock-go/penstock/fetch/warc"
)

// hopBody is how much of a redirect's body is kept for an archive: nobody looks
// at it, and it is in memory until the last response is there.
const hopBody = 64 << 10

// keepHop keeps the redirect that a is. The worker's buffer is used again for
// the next request, so its body is copied.
func (j *job) keepHop(a *attempt) {
	if a.exchange == nil {
		return
	}
	hop := *a.exchange
	if len(hop.Body) > hopBody {
		hop.Body, hop.Truncated = hop.Body[:hopBody], warc.TruncatedLength
	}
	hop.Body = bytes.Clone(hop.Body)
	j.hops = append(j.hops, hop)
}

// truncation is what an archive says of a response that ended with err.
func truncation(err *Error) warc.Truncation {
	if err == nil {
		return ""
	}
	switch err.Class {
	case TooLarge:
		return warc.TruncatedLength
	case Timeout:
		return warc.TruncatedTime
	case Reset:
		return warc.TruncatedDisconnect
	}
	return warc.TruncatedUnspecified
}

// traced lets *ip be the address that answers. Behind a proxy nobody knows it.
func (e *Engine) traced(req *http.Request, ip *netip.Addr) *http.Request {
	if t, ok := e.conduit.transport().(*http.Transport); ok && t.Proxy != nil {
		if proxy, err := t.Proxy(req); err != nil || proxy != nil {
			return req
		}
	}
	// The transport calls it in the goroutine of RoundTrip.
	return req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if addr, ok := info.Conn.RemoteAddr().(*net.TCPAddr); ok {
				*ip = addr.AddrPort().Addr()
			}
		},
	}))
}
