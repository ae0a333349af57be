package warc

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// requestFields are the fields of a request that are written: those of the
// field name registry (RFC 9110, section 18.4) that carry no credentials. It
// is a list of what may be and not of what may not, since nobody knows what
// the next API calls its key.
var requestFields = map[string]bool{
	"Accept": true, "Accept-Charset": true, "Accept-Datetime": true, "Accept-Encoding": true,
	"Accept-Language": true, "Access-Control-Request-Headers": true, "Access-Control-Request-Method": true,
	"Cache-Control": true, "Connection": true, "Content-Disposition": true, "Content-Encoding": true,
	"Content-Language": true, "Content-Length": true, "Content-Location": true, "Content-Type": true,
	"Date": true, "Dnt": true, "Expect": true, "From": true, "Host": true, "If-Match": true,
	"If-Modified-Since": true, "If-None-Match": true, "If-Range": true, "If-Unmodified-Since": true,
	"Max-Forwards": true, "Origin": true, "Pragma": true, "Prefer": true, "Priority": true, "Range": true,
	"Referer": true, "Save-Data": true, "Sec-Fetch-Dest": true, "Sec-Fetch-Mode": true,
	"Sec-Fetch-Site": true, "Sec-Fetch-User": true, "Te": true, "Upgrade-Insecure-Requests": true,
	"User-Agent": true, "Via": true, "X-Requested-With": true,
}

// RequestField reports whether a request's header field is written. Case does
// not matter.
func RequestField(name string) bool { return requestFields[http.CanonicalHeaderKey(name)] }

// appendHeader appends the fields of h, in the order of their names, without
// those that are to be left out.
func appendHeader(b []byte, h http.Header, leaveOut func(canonical string) bool) []byte {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		canonical := http.CanonicalHeaderKey(name)
		if !isToken(name) || leaveOut(canonical) {
			continue
		}
		for _, value := range h[name] {
			switch canonical {
			case "Referer", "Location", "Content-Location":
				value = bareURL(value)
			}
			b = appendField(b, name, value)
		}
	}
	return b
}

// appendField appends a line of a header, of HTTP or of WARC.
func appendField(b []byte, name, value string) []byte {
	b = append(append(b, name...), ':', ' ')
	return append(append(b, cleanValue(value)...), '\r', '\n')
}

// cleanValue puts a space where a control character would end the line or the
// value. net/http lets none through; other transports might.
func cleanValue(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// escape makes a URL printable ASCII: net/url leaves the query as it was.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || c == '<' || c == '>' {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			c = hex[c&15]
		}
		b.WriteByte(c)
	}
	return b.String()
}

// isToken says whether s may be the name of a field (RFC 9110, section 5.6.2;
// WARC has the same rule).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}
