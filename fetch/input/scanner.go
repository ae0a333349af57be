package input

import (
	"bytes"
	"errors"
	"io"
)

var (
	errUTF16 = errors.New("UTF-16")

	bomUTF8    = []byte("\xef\xbb\xbf")
	bomUTF16LE = []byte("\xff\xfe")
	bomUTF16BE = []byte("\xfe\xff")
)

// minBuffer is the size of a scanner's buffer at first, and the room that it
// has beyond a line of the greatest length.
const minBuffer = 64 << 10

// A scanner splits a stream into lines within a bounded buffer. It holds on
// to a region of whole lines, which a CSV record needs: next adds a line to
// the region, rewind gives all but its first line back, and release empties
// it.
type scanner struct {
	r    io.Reader
	max  int    // most bytes of the region, without the last line's end
	buf  []byte // buf[:end] has been read
	hold int    // where the region begins
	pos  int    // where the next line begins
	end  int
	line int64 // lines before pos
	err  error // what r said last, to be told when buf is used up

	started bool
}

func newScanner(r io.Reader, maxLine int) scanner {
	return scanner{r: r, max: maxLine, buf: make([]byte, minBuffer)}
}

// release lets the region begin, empty, at the next line. Slices from next
// are void from here on.
func (s *scanner) release() {
	s.hold = s.pos
}

// next adds the next line to the region and returns it without its end; the
// slice is good until the following call. It returns io.EOF at the end, the
// reader's own error where that comes first, and ErrTooLong if the region
// would grow over max; the line is then not added, and skip passes over it.
func (s *scanner) next() ([]byte, error) {
	if !s.started {
		s.start()
	}
	seen := s.pos
	for {
		if i := bytes.IndexByte(s.buf[seen:s.end], '\n'); i >= 0 {
			return s.take(seen+i, seen+i+1)
		}
		if s.end-s.hold > s.max+1 { // one byte more: it may be a CR
			return nil, ErrTooLong
		}
		if s.err != nil {
			if s.err != io.EOF || s.pos == s.end {
				return nil, s.err
			}
			return s.take(s.end, s.end)
		}
		n := s.fill()
		seen = s.end - n
	}
}

// take adds the line that stops before stop, and lets the next one begin at
// from.
func (s *scanner) take(stop, from int) ([]byte, error) {
	if stop > s.pos && s.buf[stop-1] == '\r' {
		stop--
	}
	if stop-s.hold > s.max {
		return nil, ErrTooLong
	}
	line := s.buf[s.pos:stop:stop]
	s.pos = from
	s.line++
	return line, nil
}

// skip releases the region and passes over the next line, however long it is.
// It returns the line's first byte that is not blank, if there is one.
func (s *scanner) skip() (first byte, blank bool) {
	blank = true
	for {
		s.release()
		rest := s.buf[s.pos:s.end]
		i := bytes.IndexByte(rest, '\n')
		if i >= 0 {
			rest = rest[:i]
		}
		if rest = trimBlank(rest); blank && len(rest) > 0 {
			first, blank = rest[0], false
		}
		if i >= 0 {
			s.pos += i + 1
			break
		}
		s.pos = s.end
		if s.err != nil {
			break
		}
		s.release()
		s.fill()
	}
	s.line++
	return first, blank
}

// rewind gives back all lines of the region after its first, which ends
// before byte n of it and is the given line of the source.
func (s *scanner) rewind(n int, line int64) {
	s.pos, s.line = s.hold+n, line
}

// start looks for a byte order mark.
func (s *scanner) start() {
	s.started = true
	for s.end < len(bomUTF8) && s.err == nil {
		s.fill()
	}
	head := s.buf[:s.end]
	switch {
	case bytes.HasPrefix(head, bomUTF8):
		s.pos = len(bomUTF8)
		s.release()
	case bytes.HasPrefix(head, bomUTF16LE), bytes.HasPrefix(head, bomUTF16BE):
		s.end, s.err = 0, errUTF16
	}
}

// fill reads some more and returns by how much; it makes room first, which
// may move the region. The region is at most max+1 bytes here, so there is
// always room to be had.
func (s *scanner) fill() int {
	s.makeRoom()
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if err != nil {
			s.err = err
		}
		if n > 0 || err != nil {
			return n
		}
	}
	s.err = io.ErrNoProgress
	return 0
}

// makeRoom moves the region to the front of the buffer, and grows the buffer
// if the region fills most of it: so a byte is moved a bounded number of times
// on average.
func (s *scanner) makeRoom() {
	if s.hold == s.end {
		s.hold, s.pos, s.end = 0, 0, 0
		return
	}
	if s.end < len(s.buf) {
		return
	}
	to := s.buf
	if size := min(2*len(s.buf), s.max+2+minBuffer); s.end-s.hold > len(s.buf)/2 && size > len(s.buf) {
		to = make([]byte, size)
	}
	s.end = copy(to, s.buf[s.hold:s.end])
	s.pos -= s.hold
	s.hold = 0
	s.buf = to
}

// trimBlank cuts spaces, tabs and other ASCII white space from both ends. That
// of Unicode is left, to be refused inside a URL with its name.
func trimBlank[T ~string | ~[]byte](b T) T {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isBlank(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r'
}
