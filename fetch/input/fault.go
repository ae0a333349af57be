package input

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// item returns an item of which only the place is known.
func (o *Options) item(index, line int64, raw []byte) Item {
	return Item{Index: index, Line: line, Source: o.Source, Raw: raw}
}

// fault returns the error of one line.
func (o *Options) fault(line int64, reason string, err error) *Error {
	return &Error{Source: o.Source, Line: line, Reason: reason, Err: err}
}

// tooLong passes over a line that does not fit, and makes the item of it. It
// reports false if the line is blank, or begins with the byte of a comment.
func (o *Options) tooLong(s *scanner, index int64, comment string) (it Item, ok bool) {
	line := s.buf[s.hold:s.end]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	it = o.item(index, s.line+1, bytes.Clone(line[:min(rawPrefix, o.MaxLine)]))
	it.Err = o.fault(it.Line, "line is longer than "+bytesText(o.MaxLine), ErrTooLong)
	first, blank := s.skip()
	return it, !blank && string(first) != comment
}

// sourceError says why the source cannot be read on at a line.
func (o *Options) sourceError(line int64, err error) error {
	if err == io.EOF {
		return err
	}
	if errors.Is(err, errUTF16) {
		return &Error{Source: o.Source, Reason: "the text is UTF-16: make it UTF-8 with iconv -f UTF-16 -t UTF-8", Err: err}
	}
	return o.fault(line, "cannot read on: "+err.Error(), err)
}

// bytesText writes a number of bytes as people say it.
func bytesText(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
