package h1

import (
	"net/http"
	"reflect"
	"slices"
)

// fields are what the header of a request says of how that is sent.
type fields struct {
	header     http.Header
	agent      string
	text       []byte // what is written as it is, as lines
	closes     bool   // the connection is not to be used again
	noEncoding bool   // what encoding is welcome was not said, nor a range
	names      []string
}

// are says that f is of h, the same map, which whoever made it has not changed since
// (see Caller.Do). f holds it, so that no other can have come to its place.
func (f *fields) are(h http.Header) bool {
	return f.header != nil && reflect.ValueOf(f.header).Pointer() == reflect.ValueOf(h).Pointer()
}

// elsewhere are the fields that do not stand where the others do, or not at all.
var elsewhere = map[string]bool{
	"Host": true, "User-Agent": true, "Content-Length": true, "Transfer-Encoding": true, "Trailer": true,
}

// read makes f that of h.
func (f *fields) read(h http.Header) {
	f.header, f.agent = h, "Go-http-client/1.1"
	if values, ok := h["User-Agent"]; ok {
		f.agent = trim(first(values))
	}
	f.closes = hasToken(h["Connection"], "close")
	f.noEncoding = first(h["Accept-Encoding"]) == "" && first(h["Range"]) == ""
	f.text, f.names = f.text[:0], f.names[:0]
	for name := range h {
		if !elsewhere[name] {
			f.names = append(f.names, name)
		}
	}
	slices.Sort(f.names)
	for _, name := range f.names {
		for _, v := range h[name] {
			f.text = append(append(f.text, name...), ':', ' ')
			f.text = append(append(f.text, trim(v)...), '\r', '\n')
		}
	}
}

// reset lets go of the header; it is false for fields that have grown.
func (f *fields) reset() bool {
	clear(f.names)
	*f = fields{text: f.text[:0], names: f.names[:0]}
	return cap(f.text) <= 2*mostInline && cap(f.names) <= 64
}
