package h1

import "net/http"

// last is the response that a Caller was given last, of which the next one is made.
type last struct {
	resp   http.Response
	header http.Header
	names  []string // of its fields as they were sent
	values []string // of the same fields: what header refers to
}

// next returns what the next response is made of, with the fields found in text. A
// server mostly sends the same ones in the same order, and then only the values
// are others: the header is as it is to be already.
func (r *last) next(text string, lines []line) (*http.Response, http.Header) {
	if r.sameNames(text, lines) {
		for i, l := range lines {
			r.values[i] = l.value.of(text)
		}
		return &r.resp, r.header
	}
	if r.header == nil {
		r.header = make(http.Header, len(lines))
	}
	clear(r.header)
	clear(r.names)
	clear(r.values)
	r.names = r.names[:0]
	if cap(r.values) < len(lines) {
		r.values = make([]string, 0, max(16, len(lines)))
	}
	fill(r.header, r.values[:0], text, lines)
	r.values = r.values[:len(lines)]
	for _, l := range lines {
		r.names = append(r.names, l.name.of(text))
	}
	return &r.resp, r.header
}

// sameNames says that the fields in text are those of the response before. Where a name
// was there twice, or was taken out since, the header's length shows it.
func (r *last) sameNames(text string, lines []line) bool {
	if len(r.names) != len(lines) || len(r.header) != len(lines) {
		return false
	}
	for i, l := range lines {
		if l.name.of(text) != r.names[i] {
			return false
		}
	}
	return true
}
