package export

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxLine is the longest line that is taken for a record.
const maxLine = 1 << 30

// The kinds of a LineError, besides errors of reading.
var (
	// ErrTorn says that the last line is not whole, as a process leaves it
	// that was killed while it wrote.
	ErrTorn = errors.New("torn: the file ends in the middle of a record")
	// ErrNotRecord says that a line is something else.
	ErrNotRecord = errors.New("not a record of penstock fetch")
)

// A LineError says which line of the input is not a record.
type LineError struct {
	Line int64 // from 1
	// Err is or wraps ErrTorn or ErrNotRecord, or is the error of reading.
	Err error
}

// Error names the line.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Err }

// lines reads records.
type lines struct {
	r    *bufio.Reader
	n    int64 // lines read
	long []byte
}

func newLines(r io.Reader) *lines {
	return &lines{r: bufio.NewReaderSize(r, 64<<10)}
}

// next returns the next record, or io.EOF.
func (l *lines) next() (*record, error) {
	for {
		line, err := l.line()
		if err == io.EOF && len(line) == 0 {
			return nil, err
		}
		l.n++
		if err != nil && err != io.EOF {
			return nil, &LineError{l.n, err}
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		rec, bad := parse(line)
		if bad != nil && err == io.EOF && errors.Is(bad, errCut) {
			bad = ErrTorn
		}
		if bad != nil {
			return nil, &LineError{l.n, bad}
		}
		return rec, nil
	}
}

// line reads a line. Its error is io.EOF where the file ends without an end of
// line.
func (l *lines) line() ([]byte, error) {
	l.long = l.long[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		more := errors.Is(err, bufio.ErrBufferFull)
		if !more && len(l.long) == 0 {
			return part, err
		}
		l.long = append(l.long, part...)
		switch {
		case !more:
			return l.long, err
		case l.long[0] != '{':
			// Not worth reading to an end that may never come.
			return nil, fmt.Errorf("%w: it begins with %s", ErrNotRecord, show(l.long))
		case len(l.long) > maxLine:
			return nil, fmt.Errorf("%w: over %d bytes", ErrNotRecord, maxLine)
		}
	}
}

// errCut says that JSON ends too early.
var errCut = errors.New("the JSON ends in the middle")

// parse reads a line.
func parse(line []byte) (*record, error) {
	rec := &record{}
	err := json.Unmarshal(line, rec)
	if err == nil {
		err = rec.check()
	}
	if err == nil {
		return rec, nil
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		if syntax.Offset >= int64(len(bytes.TrimRight(line, "\r\n"))) && strings.Contains(syntax.Error(), "unexpected end") {
			return nil, fmt.Errorf("%w: %w", ErrNotRecord, errCut)
		}
		if bytes.TrimSpace(line)[0] != '{' {
			return nil, fmt.Errorf("%w: it begins with %s", ErrNotRecord, show(line))
		}
		return nil, fmt.Errorf("%w: %w at byte %d of it", ErrNotRecord, err, syntax.Offset)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		what := wrong.Field
		if what == "" {
			return nil, fmt.Errorf("%w: a JSON %s, not an object", ErrNotRecord, wrong.Value)
		}
		return nil, fmt.Errorf("%w: %q cannot be %s", ErrNotRecord, what, wrong.Value)
	}
	return nil, fmt.Errorf("%w: %w", ErrNotRecord, err)
}

// show is the beginning of a line. It may be a line of anything, so that no
// more is shown than it takes to know it.
func show(line []byte) string {
	const most = 12
	line = bytes.TrimSpace(line)
	if len(line) > most {
		return fmt.Sprintf("%q...", line[:most])
	}
	return fmt.Sprintf("%q", line)
}
