package input

import (
	"errors"
	"net/http"
	"strconv"
)

// An Item is one thing to fetch, or one line of the input that cannot be.
type Item struct {
	// Index counts the items from 0, bad ones too.
	Index int64
	// Line is where the item begins in its source, counted from 1; for an
	// argument it is the argument's number.
	Line int64
	// Source is Options.Source, or "arg".
	Source string
	// ID is the item's own name for itself: id or custom_id, or the cell of
	// CSVOptions.IDColumn. It need not be unique. "" if there is none.
	ID string
	// URL is what to fetch. In a bad item it is what was given in its place,
	// as far as that could be made out.
	URL string
	// Method is an HTTP method; "" means the default.
	Method string
	// Header holds the item's own headers; nil if there are none. A Host
	// header is here like any other, though net/http takes the host from
	// Request.Host alone.
	Header http.Header
	// Body is the request body; nil if there is none. It may share memory
	// with Raw: modify neither.
	Body []byte
	// Cost is what the item takes of a limit by cost; 0 means the default, 1.
	Cost int
	// Raw is one line, without its end: the line of the input verbatim, or
	// where the input is no such line (CSV, some arguments) a JSON object
	// that says the same. An Auto reader makes the same item of it. For a
	// line over MaxLine it is only the beginning, at most 1024 bytes, and
	// Err is ErrTooLong.
	Raw []byte
	// Err is nil, or an *Error that says why the item cannot be fetched.
	Err error
}

// ErrTooLong says that a line, or a CSV record, is over MaxLine bytes. Such an
// item's Raw is a beginning only: it would not give the same item again, but
// perhaps a wrong one.
var ErrTooLong = errors.New("line is too long")

// An Error says what is wrong with one line of a source, or why the source
// cannot be read on from there.
type Error struct {
	Source string // the file's name, "-" or "arg"
	Line   int64  // counted from 1; 0 if the trouble is with no single line
	Reason string // what is wrong and, where one is known, what to do
	Err    error  // the cause, already told by Reason; nil if there is none
}

// Error returns "source:line: reason".
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Source + ": " + e.Reason
	}
	return e.Source + ":" + strconv.FormatInt(e.Line, 10) + ": " + e.Reason
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
