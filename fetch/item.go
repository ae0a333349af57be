package fetch

import (
	"context"
	"io"
	"iter"
	"net/http"
)

// An Item is one request to make. Only URL is required.
type Item struct {
	// Index counts the items of a run from 0. The engine schedules and
	// orders by it: each must be larger than the one before. What a source
	// leaves out counts as done before.
	Index int64
	// Line and Source say where the item stood, for messages.
	Line   int64
	Source string
	// ID is the caller's own name for the item; it comes back in the record.
	ID string
	// URL is absolute, http or https.
	URL string
	// Method is GET if empty (POST if there is a body).
	Method string
	// Header is added to the run's own headers and wins over them.
	Header http.Header
	Body   []byte
	// Cost is what the item takes from a rate; 0 means 1.
	Cost int
	// Raw is the input verbatim, kept so that a failed item can be fetched
	// again. Nil means that the URL says it all.
	Raw []byte
	// Err, if not nil, says why the item cannot be fetched. It becomes a
	// record of class invalid_input, and the run goes on.
	Err error
}

func (it *Item) raw() []byte {
	if it.Raw == nil {
		return []byte(it.URL)
	}
	return it.Raw
}

// A Source yields the items of a run, one after another. The engine calls
// Next from one goroutine at a time. A source that is an io.Closer is closed
// when the run has read from it for the last time.
type Source interface {
	// Next returns the next item, or io.EOF after the last one. Any other
	// error ends the reading: what was read is still fetched, and Run then
	// returns the error. Next should return soon after ctx has ended.
	Next(ctx context.Context) (Item, error)
}

// URLs is a Source over a sequence of URLs.
func URLs(seq iter.Seq[string]) Source {
	next, stop := iter.Pull(seq)
	return &urlSource{next: next, stop: stop}
}

type urlSource struct {
	next  func() (string, bool)
	stop  func()
	index int64
}

func (s *urlSource) Next(context.Context) (Item, error) {
	u, ok := s.next()
	if !ok {
		return Item{}, io.EOF
	}
	it := Item{Index: s.index, URL: u}
	s.index++
	return it, nil
}

// Close ends the sequence, also where it was not read to its end.
func (s *urlSource) Close() error {
	s.stop()
	return nil
}
