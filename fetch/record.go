package fetch

import (
	"net/http"
	"time"

	"github.com/penstock-go/penstock/fetch/warc"
)

// A Class names the kind of thing that went wrong.
type Class string

// The classes of errors that a record can carry.
const (
	// InvalidInput: the item could not be understood; nothing was sent.
	InvalidInput Class = "invalid_input"
	// DNS: the host's name did not resolve.
	DNS Class = "dns"
	// Connect: no connection could be made.
	Connect Class = "connect"
	// TLS: the handshake or the certificate was refused.
	TLS Class = "tls"
	// Timeout: the attempt did not end within its time.
	Timeout Class = "timeout"
	// Reset: the connection ended before the response was whole.
	Reset Class = "reset"
	// Protocol: what came back was not HTTP, or a redirect led nowhere.
	Protocol Class = "protocol"
	// TooLarge: the body or the header exceeded what was allowed.
	TooLarge Class = "too_large"
	// Status: a whole response, with a status that is not accepted.
	Status Class = "status"
	// Canceled: the caller's context ended the attempt.
	Canceled Class = "canceled"
)

// classes gives each class a number for the journal, by its place. New ones
// go to the end.
var classes = [...]Class{"", InvalidInput, DNS, Connect, TLS, Timeout, Reset, Protocol, TooLarge, Status, Canceled}

func classNumber(c Class) uint8 {
	for i, known := range classes {
		if c == known {
			return uint8(i)
		}
	}
	return 0
}

// An Error is why an item failed.
type Error struct {
	Class   Class
	Message string
	// Err is the cause, if it was an error.
	Err error
}

func (e *Error) Error() string { return string(e.Class) + ": " + e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A Record is what became of one item. Durations and bytes are those of the
// last attempt.
type Record struct {
	Index int64
	ID    string
	// URL is the item's, without a password.
	URL string
	// FinalURL is set where redirects led elsewhere.
	FinalURL string
	// Status is 0 where no response came.
	Status int
	// OK says that the response is whole and its status accepted.
	OK bool
	// Attempts counts the tries; following a redirect is not another try.
	Attempts int
	Error    *Error
	// Started is when the last attempt began.
	Started time.Time
	// Queue is how long the item waited inside Penstock, for permits, rates
	// and backoff.
	Queue time.Duration
	// Connect is how long the last request waited for a connection, for one
	// to be free or to be opened (name and TLS included); 0 where one was at
	// hand. It is a part of TTFB.
	Connect time.Duration
	// TTFB is from the start of the last attempt to its response header.
	TTFB time.Duration
	// Total is from the start of the last attempt to the end of its body.
	Total time.Duration
	// Bytes counts the body, decompressed.
	Bytes       int64
	ContentType string
	// Proto is what the response came by, such as "HTTP/1.1" or "HTTP/2.0".
	Proto string
	// Header is the response's; nil unless Options.KeepHeader is set.
	Header http.Header
	// Body is valid only until Write returns: a sink that keeps it copies
	// it. Nil unless Options.KeepBody is set.
	Body []byte
	// BodyRef says where the body is, if it is not in the record: what a sink
	// that keeps bodies elsewhere puts there (see FileOptions).
	BodyRef string
	// Exchanges are the redirects that were followed and the last response,
	// each with its request. Like Body they are valid only until Write
	// returns. Nil unless Options.KeepExchanges is set.
	Exchanges []warc.Exchange
	// Duplicate says that the request is that of the earlier item DuplicateOf,
	// and was not made again: see Dedup.
	Duplicate   bool
	DuplicateOf int64
	// Raw is the item's Raw, or else its URL with all that is in it: not for
	// showing.
	Raw []byte
}

// A Sink takes the records of a run.
type Sink interface {
	// Write takes one record, in the order of completion. It is called by
	// several goroutines at once. The record is used again when Write has
	// returned: a sink that keeps one copies it, and its Body. An error ends
	// the run.
	Write(r *Record) error
}

// SinkFunc makes a function a Sink.
type SinkFunc func(r *Record) error

// Write calls f.
func (f SinkFunc) Write(r *Record) error { return f(r) }
