package h1

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"reflect"
	"strings"
)

// speaks says whether req is for this transport; see the package's text.
func speaks(req *http.Request) bool { return speaksLine(req) && speaksHeader(req.Header) }

// speaksLine says so of all but the header.
func speaksLine(req *http.Request) bool {
	u := req.URL
	switch {
	case u == nil || req.Header == nil || u.Scheme != "http" && u.Scheme != "https":
		return false
	case req.Method == http.MethodConnect || req.Method != "" && !isToken(req.Method):
		return false
	case u.Host == "" || u.Host[0] == ':' || !plainHost(u.Host) || !plainHost(req.Host):
		return false
	//lint:ignore SA1019 what uses it is left to net/http
	case req.Cancel != nil: //nolint:staticcheck // deprecated, and so left to net/http
		return false
	}
	return validHeader(req.Trailer)
}

func speaksHeader(h http.Header) bool { return validHeader(h) && len(h["Upgrade"]) == 0 }

// traced returns the trace of a request, if it has one, and whether all of it is
// served here: who asks for connections, and the dialer's part.
func traced(ctx context.Context) (t *httptrace.ClientTrace, served bool) {
	t = httptrace.ContextClientTrace(ctx)
	return t, t == nil || t.PutIdleConn == nil && t.GotFirstResponseByte == nil && t.Got100Continue == nil &&
		t.Got1xxResponse == nil && t.TLSHandshakeStart == nil && t.TLSHandshakeDone == nil &&
		t.WroteHeaderField == nil && t.WroteHeaders == nil && t.Wait100Continue == nil && t.WroteRequest == nil
}

func validHeader(h http.Header) bool {
	for name, values := range h {
		if !isToken(name) {
			return false
		}
		for _, v := range values {
			if !validValue(v) {
				return false
			}
		}
	}
	return true
}

// isToken is for methods and field names (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if !tokenByte[s[i]] {
			return false
		}
	}
	return s != ""
}

var tokenByte = func() (table [256]bool) {
	for c := byte('0'); c <= 'z'; c++ {
		table[c] = c <= '9' || c >= 'a' || c >= 'A' && c <= 'Z'
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		table[c] = true
	}
	return table
}()

// validValue is as net/http has it: no control characters but tabs.
func validValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// plainHost says that a host with or without a port is made of what needs no
// translation: no international name, no zone, no user.
func plainHost(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '.', c == '-', c == '_', c == ':', c == '[', c == ']':
		default:
			return false
		}
	}
	return true
}

// rewinds says that the request can be made again from its start.
func rewinds(req *http.Request) bool { return !hasBody(req) || req.GetBody != nil }

func hasBody(req *http.Request) bool { return req.Body != nil && req.Body != http.NoBody }

// repeatable says that sending the request twice does no harm (RFC 9110,
// section 9.2.2).
func repeatable(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	_, key := req.Header["Idempotency-Key"]
	_, xkey := req.Header["X-Idempotency-Key"]
	return key || xkey
}

// expectsContinue says that the body waits for a 100 Continue.
func expectsContinue(req *http.Request) bool {
	return hasBody(req) && hasToken(req.Header["Expect"], "100-continue")
}

func hasToken(values []string, token string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// inline says that the body is in memory and short enough to be sent before the
// response is looked for: it fits into what a connection takes unread.
func inline(req *http.Request) bool {
	return req.ContentLength > 0 && req.ContentLength <= mostInline && inMemory(req.Body)
}

var nopClosers = [...]reflect.Type{
	reflect.TypeOf(io.NopCloser(nil)),
	reflect.TypeOf(io.NopCloser(struct {
		io.Reader
		io.WriterTo
	}{})),
}

// inMemory knows the readers that never block, also in an io.NopCloser, as
// http.NewRequest makes them.
func inMemory(r io.Reader) bool {
	switch r.(type) {
	case *bytes.Reader, *bytes.Buffer, *strings.Reader:
		return true
	}
	if t := reflect.TypeOf(r); t == nopClosers[0] || t == nopClosers[1] {
		inner, ok := reflect.ValueOf(r).Field(0).Interface().(io.Reader)
		return ok && inMemory(inner)
	}
	return false
}
