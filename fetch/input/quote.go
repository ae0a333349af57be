package input

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// appendObject appends a JSON line that gives an item of this URL and ID.
func appendObject(b []byte, url, id string) []byte {
	b = slices.Grow(b, len(url)+len(id)+len(`{"url":"","id":""}`))
	b = append(b, `{"url":`...)
	b = appendQuoted(b, url)
	if id != "" {
		b = append(b, `,"id":`...)
		b = appendQuoted(b, id)
	}
	return append(b, '}')
}

// appendQuoted appends s as a JSON string. Unlike encoding/json it leaves &, <
// and > as they are, so that people can read the URLs. Bytes that are not
// UTF-8 become U+FFFD.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if classes[s[i]]&inRest == 0 && s[i] != '%' && s[i] != ' ' || s[i] == '"' || s[i] == '\\' {
			return append(appendEscaped(append(b, s[:i]...), s[i:]), '"')
		}
	}
	return append(append(b, s...), '"')
}

// appendEscaped is the slow way, for text that is not plain ASCII throughout.
func appendEscaped(b []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, `\u00`...)
			if r < 0x10 {
				b = append(b, '0')
			}
			b = strconv.AppendInt(b, int64(r), 16)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}
