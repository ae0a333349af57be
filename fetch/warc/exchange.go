package warc

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Truncation is why a record does not hold all of a response, as in
// WARC-Truncated; "" means that it does.
type Truncation string

// The reasons that the standard knows.
const (
	// TruncatedLength: the body exceeded the most that was wanted.
	TruncatedLength Truncation = "length"
	// TruncatedTime: it took longer than it was given.
	TruncatedTime Truncation = "time"
	// TruncatedDisconnect: the connection ended before the body did.
	TruncatedDisconnect Truncation = "disconnect"
	// TruncatedUnspecified: something else.
	TruncatedUnspecified Truncation = "unspecified"
)

// ErrNoExchange says that an Exchange has no response, or no request with a
// URL.
var ErrNoExchange = errors.New("warc: no response, or no request with a URL")

// An Exchange is a request and the response to it. It is not changed by being
// written, and nothing of it is kept.
type Exchange struct {
	// Date is when the request was sent; the zero time means now.
	Date time.Time
	// Request is what was asked; nil means Response.Request. Its Body is not
	// read: RequestBody is what it was.
	Request     *http.Request
	RequestBody []byte
	// Response is what net/http gave, of which the status, the protocol, the
	// header, Uncompressed and TransferEncoding are looked at.
	// Its Body is not read: Body is what it was.
	Response *http.Response
	Body     []byte
	// Truncated is set where Body is not the whole body.
	Truncated Truncation
	// IP is the address that answered, if it is known.
	IP netip.Addr
}

// check fills what may be left out.
func (x *Exchange) check() error {
	if x.Request == nil && x.Response != nil {
		x.Request = x.Response.Request
	}
	if x.Response == nil || x.Request == nil || x.Request.URL == nil {
		return ErrNoExchange
	}
	if x.Date.IsZero() {
		x.Date = time.Now()
	}
	return nil
}

// target is the URL that was asked for: without user, password and fragment,
// none of which is sent to the server as part of it.
func (x *Exchange) target() string {
	u := *x.Request.URL
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	return escape(u.String())
}

// requestHead is the request up to its body.
func (x *Exchange) requestHead() []byte {
	req := x.Request
	method, host := req.Method, req.Host
	if method == "" {
		method = http.MethodGet
	}
	if host == "" {
		host = req.URL.Host
	}
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\n", cleanValue(method), escape(req.URL.RequestURI()))
	b = appendField(b, "Host", host)
	b = appendHeader(b, req.Header, func(name string) bool {
		return !RequestField(name) || name == "Host" || name == "Content-Length"
	})
	if req.Header.Get("Accept-Encoding") == "" && x.Response.Uncompressed {
		b = appendField(b, "Accept-Encoding", "gzip")
	}
	if n := x.requestLength(); n > 0 {
		b = appendField(b, "Content-Length", strconv.FormatInt(n, 10))
	}
	return append(b, '\r', '\n')
}

// requestLength is how long the request's body was, which may be known where
// the body itself is not.
func (x *Exchange) requestLength() int64 {
	if len(x.RequestBody) > 0 {
		return int64(len(x.RequestBody))
	}
	return max(0, x.Request.ContentLength)
}

// responseHead is the response up to its body.
func (x *Exchange) responseHead() []byte {
	resp := x.Response
	minor := 1
	if resp.ProtoMajor == 1 {
		minor = resp.ProtoMinor
	}
	code := fmt.Sprintf("%03d", resp.StatusCode)
	reason := strings.TrimSpace(strings.TrimPrefix(resp.Status, code))
	if resp.Status == "" {
		reason = http.StatusText(resp.StatusCode)
	}
	b := fmt.Appendf(nil, "HTTP/1.%d %s %s\r\n", minor, code, cleanValue(reason))
	b = appendHeader(b, resp.Header, func(name string) bool {
		switch name {
		case "Set-Cookie", "Set-Cookie2", "Transfer-Encoding", "Trailer", "Content-Length":
			return true
		}
		return name == "Content-Encoding" && resp.Uncompressed
	})
	if resp.Uncompressed {
		b = appendField(b, "X-Orig-Content-Encoding", "gzip")
	}
	if len(resp.TransferEncoding) > 0 {
		b = appendField(b, "X-Orig-Transfer-Encoding", strings.Join(resp.TransferEncoding, ", "))
	}
	if n := x.responseLength(); n >= 0 {
		b = appendField(b, "Content-Length", strconv.FormatInt(n, 10))
	}
	return append(b, '\r', '\n')
}

// responseLength is what Content-Length has to say; less than 0 is nothing.
func (x *Exchange) responseLength() int64 {
	resp := x.Response
	if x.Truncated == "" && !x.bodyless() {
		return int64(len(x.Body))
	}
	if resp.Uncompressed {
		return -1
	}
	if said, err := strconv.ParseInt(resp.Header.Get("Content-Length"), 10, 64); err == nil {
		return said
	}
	return -1
}

// bodyless says that the response has no body by rule (RFC 9110, section 6.4.1).
func (x *Exchange) bodyless() bool {
	code := x.Response.StatusCode
	return len(x.Body) == 0 && (x.Request.Method == http.MethodHead ||
		code < 200 || code == http.StatusNoContent || code == http.StatusNotModified)
}

// bareURL is a URL without user and password, or "" where it cannot be told
// what they are.
func bareURL(raw string) string {
	if !strings.Contains(raw, "@") {
		return raw
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return ""
	case u.User == nil:
		return raw
	}
	u.User = nil
	return u.String()
}
