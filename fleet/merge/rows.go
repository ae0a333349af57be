package merge

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// A LineError says which line of which output is no record.
type LineError struct {
	Name   string
	Line   int64
	Reason string
}

func (e *LineError) Error() string {
	return e.Name + ":" + strconv.FormatInt(e.Line, 10) + ": " + e.Reason
}

// rows reads the lines of an output. A row is valid until the next is read.
type rows struct {
	name string
	r    *bufio.Reader
	line int64
	long []byte // of a row that did not fit the reader
	torn bool   // the last line was cut off, and left out
	// cut lets the stream end in the middle of a record.
	cut bool

	index int64
	row   []byte // with its newline
}

func newRows(name string, r io.Reader, size int) *rows {
	return &rows{name: name, r: bufio.NewReaderSize(r, size)}
}

// next reads the next row. The error is io.EOF after the last.
func (s *rows) next() error {
	for {
		row, err := s.readLine()
		if len(row) == 0 {
			return s.end(err)
		}
		s.line++
		if err != nil && (!errors.Is(err, io.EOF) || row[len(row)-1] != '\n') {
			if s.cut && !json.Valid(row) {
				s.torn = true
				return s.end(err)
			}
			if !errors.Is(err, io.EOF) && !(s.cut && errors.Is(err, io.ErrUnexpectedEOF)) {
				return err
			}
			row = append(row[:len(row):len(row)], '\n')
		}
		if len(bytes.TrimSpace(row)) == 0 {
			continue
		}
		index, ok := indexOf(row)
		if !ok {
			return &LineError{s.name, s.line, "this is no record of penstock fetch: a JSON object with an index"}
		}
		s.index, s.row = index, row
		return nil
	}
}

// end is what the end of the stream means.
func (s *rows) end(err error) error {
	if s.cut && errors.Is(err, io.ErrUnexpectedEOF) {
		s.torn = true
		return io.EOF
	}
	return err
}

// readLine reads up to the next newline, or the end.
func (s *rows) readLine() ([]byte, error) {
	s.long = s.long[:0]
	for {
		part, err := s.r.ReadSlice('\n')
		if err == nil && len(s.long) == 0 {
			return part, nil
		}
		s.long = append(s.long, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return s.long, err
		}
	}
}

var indexKey = []byte(`{"index":`)

// indexOf finds the index of a record: where penstock puts it, or anywhere.
func indexOf(row []byte) (int64, bool) {
	if rest, ok := bytes.CutPrefix(row, indexKey); ok {
		n, i := int64(0), 0
		for ; i < len(rest) && i < 18 && '0' <= rest[i] && rest[i] <= '9'; i++ {
			n = 10*n + int64(rest[i]-'0')
		}
		if i > 0 && i < len(rest) && (rest[i] == ',' || rest[i] == '}') {
			return n, true
		}
	}
	var r struct {
		Index *int64 `json:"index"`
	}
	if json.Unmarshal(row, &r) != nil || r.Index == nil || *r.Index < 0 {
		return 0, false
	}
	return *r.Index, true
}

// better reports whether a is the one of two records of an item that counts.
func better(a, b []byte) bool {
	x, y := worthOf(a), worthOf(b)
	if x.OK != y.OK {
		return x.OK
	}
	if !x.Started.Equal(y.Started) {
		return x.Started.Before(y.Started)
	}
	return bytes.Compare(a, b) < 0
}

type worth struct {
	OK      bool      `json:"ok"`
	Started time.Time `json:"started"`
}

func worthOf(row []byte) worth {
	var w worth
	if err := json.Unmarshal(row, &w); err != nil {
		return worth{Started: time.Unix(1<<40, 0)} // whatever it is, anything else is better
	}
	return w
}

func wrap(name string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if _, ok := errors.AsType[*LineError](err); ok {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

var okText = []byte(`,"ok":true,`)

// accepted reports whether a record is ok.
func accepted(row []byte) bool {
	// Before it stand the id and the URLs, in which a quote is escaped.
	if bytes.HasPrefix(row, indexKey) && bytes.Contains(row[:min(len(row), 512)], okText) {
		return true
	}
	return worthOf(row).OK
}
