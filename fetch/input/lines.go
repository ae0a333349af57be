package input

import (
	"bytes"
	"errors"
	"io"
)

// A LineReader reads items of one line each: what NewLines, NewJSONL and
// NewAuto return.
type LineReader struct {
	opts   Options
	scan   scanner
	format format
	index  int64
	err    error // why there is nothing more
}

type format int

const (
	urlLines format = iota
	jsonLines
	either
)

// NewLines returns a reader of URLs, one a line. Blank lines, and lines whose
// first character other than a blank is #, are skipped.
func NewLines(r io.Reader, o Options) *LineReader {
	return newLineReader(r, o, urlLines)
}

// NewJSONL returns a reader of JSON Lines, a JSON object a line. Blank lines
// and lines that begin with # are skipped.
//
// These are the fields of an object; all but url may be missing or null.
//
//   - url, a string: absolute, or a path that is joined to Options.Base
//   - id, a string or a number, whose text is kept as it stands
//   - custom_id, the same under the name that OpenAI's batch files use
//   - method, a string; GET and its kin are put in upper case
//   - headers, an object of strings or arrays of strings
//   - body: a string is sent as its bytes; an object or array is sent as its
//     JSON stands, with Content-Type application/json unless headers says
//     otherwise
//   - cost, a whole number from 1
//
// A field that is twice there is refused. An unknown field is ignored if it
// is none of the request's business, for lines often carry what their author
// wants to find again; one that is taken for a known field misspelled or
// that other tools have (data, timeout and the like) is refused, since a
// request without it would not be the request that was meant.
func NewJSONL(r io.Reader, o Options) *LineReader {
	return newLineReader(r, o, jsonLines)
}

// NewAuto returns a reader that takes a line for JSON, as NewJSONL does, if
// its first character other than a blank is {, and for a URL, as NewLines
// does, if it is not. It reads every Item.Raw.
func NewAuto(r io.Reader, o Options) *LineReader {
	return newLineReader(r, o, either)
}

func newLineReader(r io.Reader, o Options, f format) *LineReader {
	o = o.withDefaults()
	return &LineReader{opts: o, scan: newScanner(r, o.MaxLine), format: f}
}

// Next returns the next item, or io.EOF after the last. Any other error is an
// *Error that says why the source cannot be read on.
func (r *LineReader) Next() (Item, error) {
	for r.err == nil {
		r.scan.release()
		line, err := r.scan.next()
		if err != nil {
			if it, ok := r.fault(err); ok {
				return it, nil
			}
			continue
		}
		text := trimBlank(line)
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		it := r.opts.item(r.index, r.scan.line, bytes.Clone(line))
		if reason := r.parse(&it, trimBlank(it.Raw)); reason != "" {
			it.Err = r.opts.fault(it.Line, reason, nil)
		}
		r.index++
		return it, nil
	}
	return Item{}, r.err
}

// fault turns a line that is too long into an item, and any other error into
// the reader's last.
func (r *LineReader) fault(err error) (Item, bool) {
	if !errors.Is(err, ErrTooLong) {
		r.err = r.opts.sourceError(r.scan.line+1, err)
		return Item{}, false
	}
	it, ok := r.opts.tooLong(&r.scan, r.index, "#")
	if ok {
		r.index++
	}
	return it, ok
}

// parse fills the item from a line, and says what is wrong with it, or "".
func (r *LineReader) parse(it *Item, text []byte) string {
	if r.format == jsonLines || r.format == either && text[0] == '{' {
		return r.opts.parseJSON(it, text)
	}
	return r.opts.parseURL(it, text)
}

func (o *Options) parseURL(it *Item, text []byte) string {
	it.URL = o.resolve(string(text))
	return checkURL(it.URL)
}
