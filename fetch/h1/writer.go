package h1

import (
	"bytes"
	"errors"
	"net"
)

// errNotSent ends the writing of a request whose body the server has not asked
// for.
var errNotSent = errors.New("h1: the body was not sent")

var endOfHeader = []byte("\r\n\r\n")

// A writer is what Request.Write writes to. It adds fields to the header, and
// collects all or, with a connection, passes it on: the header, then each part
// of the body as it comes. (Its WriteByte keeps Request.Write from putting a
// buffer of its own in between.)
type writer struct {
	buf   []byte
	extra string // lines that follow the header's
	head  bool   // the header is written

	conn    net.Conn // nil: collect
	chunked bool
	ask     func() bool // nil, or whether the body may be sent; it waits
	wrote   int64       // to conn
	err     error       // of conn
}

// Write takes a part of the request.
func (w *writer) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	if w.conn == nil || !w.head || w.chunked && len(w.buf) < readBuffer {
		return len(p), nil
	}
	return len(p), w.flush()
}

// WriteByte does as Write.
func (w *writer) WriteByte(b byte) error {
	w.buf = append(w.buf, b)
	return nil
}

// WriteString does as Write. The end of the header comes this way, and so does
// that of each chunk.
func (w *writer) WriteString(s string) (int, error) {
	w.buf = append(w.buf, s...)
	if len(s) != 2 {
		return len(s), nil
	}
	if !w.head && bytes.HasSuffix(w.buf, endOfHeader) {
		w.head = true
		w.buf = append(w.buf[:len(w.buf)-2], w.extra...)
		w.buf = append(w.buf, '\r', '\n')
		if w.conn == nil {
			return len(s), nil
		}
		if err := w.flush(); err != nil {
			return 0, err
		}
		if w.ask != nil && !w.ask() {
			return 0, errNotSent
		}
		return len(s), nil
	}
	if w.head && w.conn != nil && s == "\r\n" {
		return len(s), w.flush()
	}
	return len(s), nil
}

// flush passes on what has been collected.
func (w *writer) flush() error {
	n, err := w.conn.Write(w.buf)
	w.wrote += int64(n)
	w.buf = w.buf[:0]
	if err != nil {
		w.err = err
	}
	return err
}

// end passes on the rest.
func (w *writer) end() error {
	if len(w.buf) == 0 {
		return nil
	}
	return w.flush()
}
