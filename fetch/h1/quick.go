package h1

import (
	"bytes"
	"io"
	"net/http"
)

// quickResponse reads what nearly all responses are, as http.ReadResponse does and
// at a fifth of the cost: HTTP/1.1, a final status, fields of one line each, one
// Content-Length. Of anything else, however small the doubt, it reads nothing and
// returns nil: http.ReadResponse then decides, of the same bytes.
func (x *exchange) quickResponse() *http.Response {
	in := x.b.in
	if x.req.Method == http.MethodHead {
		return nil
	}
	if _, err := in.Peek(1); err != nil {
		return nil
	}
	head, _ := in.Peek(in.Buffered())
	lines := x.b.lines[:0]
	end := 0
	for {
		n := bytes.IndexByte(head[end:], '\n')
		if n < 0 { // the rest is on its way, or there is too much for here
			more, err := in.Peek(len(head) + 1)
			if err != nil {
				return nil
			}
			head, _ = in.Peek(max(len(more), in.Buffered()))
			continue
		}
		if n == 0 || head[end+n-1] != '\r' {
			return nil
		}
		text := span{end, end + n - 1}
		end += n + 1
		if text.from == text.to {
			break
		}
		if len(lines) == 0 {
			if !plainStatus(head[text.from:text.to]) {
				return nil
			}
			lines = append(lines, line{value: text})
			continue
		}
		l, ok := plainField(head, text)
		if !ok {
			return nil
		}
		lines = append(lines, l)
	}
	x.b.lines = lines
	if len(lines) == 0 {
		return nil
	}
	length, ok := framing(head, lines[1:])
	if !ok {
		return nil
	}
	// One string holds all names and values, as long as one of them is kept.
	text := string(head[:end])
	_, _ = in.Discard(end)
	return x.response(text, lines, length)
}

// A span is a part of the header; a line, one of its fields, or the status, which
// has no name.
type span struct{ from, to int }

func (s span) of(text string) string { return text[s.from:s.to] }

type line struct{ name, value span }

// plainStatus says that a status line is of HTTP/1.1 and final, with a response
// that may have a body.
func plainStatus(b []byte) bool {
	const version = "HTTP/1.1 "
	if len(b) < len(version)+3 || string(b[:len(version)]) != version {
		return false
	}
	code := b[len(version):]
	if code[0] < '2' || code[0] > '9' || !isDigit(code[1]) || !isDigit(code[2]) || len(code) > 3 && code[3] != ' ' {
		return false
	}
	for _, c := range code {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return string(code[:3]) != "204" && string(code[:3]) != "304"
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// plainField splits a line into a name, which must be a token, and a value, which
// must be of what values are made of, without the blanks around it.
func plainField(head []byte, text span) (l line, ok bool) {
	b := head[text.from:text.to]
	colon := 0
	for colon < len(b) && tokenByte[b[colon]] {
		colon++
	}
	if colon == 0 || colon == len(b) || b[colon] != ':' {
		return l, false
	}
	from, to := colon+1, len(b)
	for from < to && (b[from] == ' ' || b[from] == '\t') {
		from++
	}
	for to > from && (b[to-1] == ' ' || b[to-1] == '\t') {
		to--
	}
	for _, c := range b[from:to] {
		if c < ' ' && c != '\t' || c == 0x7f {
			return l, false
		}
	}
	return line{span{text.from, text.from + colon}, span{text.from + from, text.from + to}}, true
}

// framing is what the fields say of where the response ends. It is not ok where
// that is anything but one length.
func framing(head []byte, lines []line) (length int64, ok bool) {
	length = -1
	for _, l := range lines {
		name, value := head[l.name.from:l.name.to], head[l.value.from:l.value.to]
		switch name[0] | 0x20 {
		case 'c':
			switch {
			case bytes.EqualFold(name, []byte("Content-Length")):
				if length >= 0 || len(value) == 0 || len(value) > 15 {
					return 0, false
				}
				length = 0
				for _, c := range value {
					if !isDigit(c) {
						return 0, false
					}
					length = length*10 + int64(c-'0')
				}
			case bytes.EqualFold(name, []byte("Connection")):
				if !bytes.EqualFold(value, []byte("keep-alive")) {
					return 0, false
				}
			}
		case 't':
			if bytes.EqualFold(name, []byte("Transfer-Encoding")) || bytes.EqualFold(name, []byte("Trailer")) {
				return 0, false
			}
		case 'p':
			if bytes.EqualFold(name, []byte("Pragma")) { // which net/http translates
				return 0, false
			}
		}
	}
	return length, length >= 0
}

// response makes one of what was found in text.
func (x *exchange) response(text string, lines []line, length int64) *http.Response {
	status := text[lines[0].value.from+len("HTTP/1.1 ") : lines[0].value.to]
	code := int(status[0]-'0')*100 + int(status[1]-'0')*10 + int(status[2]-'0')
	var resp *http.Response
	var header http.Header
	if x.caller != nil {
		resp, header = x.caller.last.next(text, lines[1:])
	} else {
		resp, header = new(http.Response), make(http.Header, len(lines)-1)
		fill(header, make([]string, 0, len(lines)-1), text, lines[1:])
	}
	*resp = http.Response{
		Status: status, StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, ContentLength: length, Request: x.req, Body: http.NoBody,
	}
	if length > 0 {
		x.fixed = fixedBody{in: x.b.in, left: length}
		resp.Body = &x.fixed
	}
	return resp
}

// fill puts the fields found in text into header, and their values into values, as
// far as there is room.
func fill(header http.Header, values []string, text string, lines []line) {
	for _, l := range lines {
		name, value := canonical(l.name.of(text)), l.value.of(text)
		if have := header[name]; have != nil {
			header[name] = append(have, value)
			continue
		}
		values = append(values, value)
		header[name] = values[len(values)-1 : len(values) : len(values)]
	}
}

// canonical is the name as http.Header has it.
func canonical(name string) string {
	up := true
	for i := range len(name) {
		c := name[i]
		if up && c >= 'a' && c <= 'z' || !up && c >= 'A' && c <= 'Z' {
			return http.CanonicalHeaderKey(name)
		}
		up = c == '-'
	}
	return name
}

// A fixedBody is one whose length is known.
type fixedBody struct {
	in   io.Reader
	left int64
}

// Read returns io.EOF with the last bytes.
func (b *fixedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.in.Read(p)
	b.left -= int64(n)
	switch {
	case b.left == 0:
		return n, io.EOF
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close is for io.ReadCloser; the exchange closes.
func (b *fixedBody) Close() error { return nil }
