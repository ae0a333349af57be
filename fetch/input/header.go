package input

import (
	"fmt"
	"net/http"
	"strings"
)

// parseHeaders reads the headers field. A fault is told with the header's name
// and never with its value, which may be a credential.
func (f *fields) parseHeaders(it *Item) string {
	if f.headers == nil {
		return ""
	}
	if f.headers[0] != '{' {
		return wrongType("headers", "an object", f.headers)
	}
	h := make(http.Header)
	for quoted, value := range members(f.headers) {
		name, ok := unquote(quoted)
		if !ok {
			return "a header's name holds half of a surrogate pair"
		}
		if i := notToken(name); i >= 0 {
			return badHeaderName(name, i)
		}
		key := http.CanonicalHeaderKey(name)
		if _, ok := h[key]; ok {
			return fmt.Sprintf("header %q appears twice: give it an array of strings", clip(key, 40))
		}
		values, reason := headerValues(key, value)
		if reason != "" {
			return reason
		}
		if len(values) > 0 {
			h[key] = values
		}
	}
	if len(h) > 0 {
		it.Header = h
	}
	return ""
}

func headerValues(key string, value []byte) (values []string, reason string) {
	if value[0] != '[' {
		v, reason := headerValue(key, value)
		return []string{v}, reason
	}
	for element := range elements(value) {
		v, reason := headerValue(key, element)
		if reason != "" {
			return nil, reason
		}
		values = append(values, v)
	}
	return values, ""
}

func headerValue(key string, value []byte) (v, reason string) {
	key = clip(key, 40)
	if value[0] != '"' {
		return "", fmt.Sprintf("header %q must be a string or an array of strings, not %s", key, kind(value))
	}
	v, ok := unquote(value)
	if !ok {
		return "", fmt.Sprintf("header %q holds half of a surrogate pair", key)
	}
	for i := range len(v) {
		switch c := v[i]; {
		case c == '\r' || c == '\n':
			return "", fmt.Sprintf("header %q holds a line break", key)
		case c < ' ' && c != '\t' || c == 0x7f:
			return "", fmt.Sprintf("header %q holds the control character %U", key, c)
		}
	}
	return v, ""
}

// badHeaderName tells where a name goes wrong. What follows may be a value
// that slipped in, and is not quoted.
func badHeaderName(name string, i int) string {
	if name == "" {
		return "a header has an empty name"
	}
	return fmt.Sprintf("header name %q is followed by %q, which no name holds", clip(name[:i], 40), []rune(name[i:])[0])
}

// notToken returns where s stops being a token of RFC 9110, section 5.6.2, or
// -1 if it is one.
func notToken(s string) int {
	for i := range len(s) {
		c := s[i]
		if classes[c]&inHost == 0 && strings.IndexByte("!#$%&'*+^`|~", c) < 0 {
			return i
		}
	}
	if s == "" {
		return 0
	}
	return -1
}
