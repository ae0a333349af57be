package warc

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"strings"
)

// maxHeader is the most bytes of a record's header.
const maxHeader = 1 << 20

// ErrFormat says that a file is not as the standard wants it.
var ErrFormat = errors.New("not a WARC record")

// An Error says where a file cannot be read.
type Error struct {
	At  int64 // where the record begins, or its gzip member
	Err error // is ErrFormat, io.ErrUnexpectedEOF, or of gzip or the file
}

// Error says what is wrong with which record.
func (e *Error) Error() string {
	if errors.Is(e.Err, io.ErrUnexpectedEOF) {
		return fmt.Sprintf("warc: record at byte %d: the file ends in the middle of it", e.At)
	}
	return fmt.Sprintf("warc: record at byte %d: %v", e.At, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A Reader reads the records of a file one after another: WARC/1.0 and 1.1,
// plain, with a gzip member a record, or gzipped as a whole, which is told by
// the content. It holds no more than a record's header in memory. A Reader is
// for one goroutine at a time.
type Reader struct {
	src  counter
	file *bufio.Reader // of src
	gzip *gzip.Reader
	// unpacked is the current gzip member's content; nil in plain text.
	unpacked *bufio.Reader
	at       int64
	last     *block
	err      error
}

// NewReader returns a Reader of r, which begins with a record. Offsets count
// from there.
func NewReader(r io.Reader) *Reader {
	z := &Reader{src: counter{r: r}}
	z.file = bufio.NewReaderSize(&z.src, 64<<10)
	return z
}

// Next passes over what is left of the last record and returns the next one,
// or io.EOF after the last. Any other error is an *Error, and the reading ends
// with it.
func (r *Reader) Next() (*Record, error) {
	if r.err != nil {
		return nil, r.err
	}
	err := r.finish()
	if err == nil {
		err = r.advance()
	}
	var rec *Record
	if err == nil {
		rec, err = r.record()
	}
	if err != nil && err != io.EOF {
		err = &Error{At: r.at, Err: err}
	}
	r.err = err
	return rec, err
}

// finish reads what ends the last record.
func (r *Reader) finish() error {
	if r.last == nil {
		return nil
	}
	if err := r.last.skip(); err != nil {
		return err
	}
	r.last = nil
	var end [4]byte
	if _, err := io.ReadFull(r.text(), end[:]); err != nil {
		return torn(err)
	}
	if string(end[:]) != "\r\n\r\n" {
		return fmt.Errorf("%w: no two empty lines after the block", ErrFormat)
	}
	return nil
}

// text is what is read now, unpacked.
func (r *Reader) text() *bufio.Reader {
	if r.unpacked != nil {
		return r.unpacked
	}
	return r.file
}

// advance goes to the beginning of the next record, or returns io.EOF.
func (r *Reader) advance() error {
	for {
		if r.unpacked != nil {
			_, err := r.unpacked.Peek(1)
			if err != io.EOF {
				return torn(err)
			}
			r.unpacked = nil
		}
		r.at = r.src.n - int64(r.file.Buffered())
		head, err := r.file.Peek(2)
		switch {
		case len(head) == 0:
			return err // io.EOF, or the file's
		case string(head) != "\x1f\x8b":
			return nil
		}
		if err := r.openMember(); err != nil {
			return torn(err)
		}
	}
}

func (r *Reader) openMember() (err error) {
	if r.gzip == nil {
		r.gzip, err = gzip.NewReader(r.file)
	} else {
		err = r.gzip.Reset(r.file)
	}
	if err != nil {
		return err
	}
	// Where the member ends the next record's offset is.
	r.gzip.Multistream(false)
	r.unpacked = bufio.NewReader(r.gzip)
	return nil
}

// record reads a record's header.
func (r *Reader) record() (*Record, error) {
	left := maxHeader
	line, err := r.line(&left)
	if err != nil {
		return nil, err
	}
	version, ok := strings.CutPrefix(line, "WARC/")
	if major, minor, dot := strings.Cut(version, "."); !ok || !dot || !isDigits(major) || !isDigits(minor) {
		return nil, fmt.Errorf("%w: it begins with %q", ErrFormat, clip(line))
	}
	rec := &Record{At: r.at, Version: version, Header: textproto.MIMEHeader{}}
	if err := r.fields(rec.Header, &left); err != nil {
		return nil, err
	}
	// Section 5: these four are mandatory.
	for _, name := range []string{"WARC-Record-ID", "WARC-Date", "WARC-Type", "Content-Length"} {
		if n := len(rec.Header.Values(name)); n != 1 {
			return nil, fmt.Errorf("%w: %d times %s", ErrFormat, n, name)
		}
	}
	length := rec.Header.Get("Content-Length")
	if rec.Length, err = strconv.ParseInt(length, 10, 64); err != nil || !isDigits(length) {
		return nil, fmt.Errorf("%w: Content-Length is %q", ErrFormat, clip(length))
	}
	r.last = newBlock(r.text(), rec)
	rec.Block = r.last
	return rec, nil
}

// fields reads named fields up to the empty line. A line that begins with
// white space goes on with the one before.
func (r *Reader) fields(h textproto.MIMEHeader, left *int) error {
	var last string
	for {
		line, err := r.line(left)
		if err != nil || line == "" {
			return err
		}
		if line[0] == ' ' || line[0] == '\t' {
			values := h[last]
			if len(values) == 0 {
				return fmt.Errorf("%w: %q goes on with no field", ErrFormat, clip(line))
			}
			values[len(values)-1] += " " + strings.TrimSpace(line)
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) {
			return fmt.Errorf("%w: %q is not a named field", ErrFormat, clip(line))
		}
		last = textproto.CanonicalMIMEHeaderKey(name)
		h[last] = append(h[last], strings.TrimSpace(value))
	}
}

// line reads a line without its end, and takes its length from what is left.
func (r *Reader) line(left *int) (string, error) {
	var long []byte
	for {
		part, err := r.text().ReadSlice('\n')
		if *left -= len(part); *left < 0 {
			return "", fmt.Errorf("%w: its header is over %d bytes", ErrFormat, maxHeader)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long, part...)
			continue
		}
		if err != nil {
			return "", torn(err)
		}
		if long != nil {
			part = append(long, part...)
		}
		return string(bytes.TrimSuffix(part[:len(part)-1], []byte("\r"))), nil
	}
}

// torn is err, where the end comes too early.
func torn(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func clip(s string) string { return s[:min(len(s), 60)] }

// A counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
