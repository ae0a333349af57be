package h1

import (
	"net/http"
	"strings"
)

// writePlain writes a request as Request.Write does, byte for byte, at a third of
// the cost. It does so for what nearly all requests are: without a body, and
// without wishes for the connection. Else it is false and nothing is written.
func (w *writer) writePlain(req *http.Request, f *fields) bool {
	u := req.URL
	if hasBody(req) || req.ContentLength != 0 || req.Close || len(req.TransferEncoding) > 0 || u.Opaque != "" ||
		!validValue(u.RawQuery) || strings.IndexByte(u.RawQuery, '\t') >= 0 {
		return false
	}
	method, host := req.Method, req.Host
	if method == "" {
		method = http.MethodGet
	}
	if host == "" {
		host = u.Host
	}
	b := w.buf
	b = append(b, method...)
	b = append(b, ' ')
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	b = append(b, path...)
	if u.ForceQuery || u.RawQuery != "" {
		b = append(append(b, '?'), u.RawQuery...)
	}
	b = append(append(b, " HTTP/1.1\r\nHost: "...), host...)
	if f.agent != "" {
		b = append(append(b, "\r\nUser-Agent: "...), f.agent...)
	}
	b = append(b, '\r', '\n')
	switch method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		b = append(b, "Content-Length: 0\r\n"...)
	}
	b = append(b, f.text...)
	b = append(b, w.extra...)
	b = append(b, '\r', '\n')
	w.buf = b
	w.head = true
	return true
}

// trim takes off the blanks around a value.
func trim(s string) string { return strings.Trim(s, " \t") }
