package input

import (
	"bytes"
	"io"
)

// An ArgReader reads URLs from a command line's arguments.
type ArgReader struct {
	opts Options
	args []string
	next int
}

// NewArgs returns a reader of args, each of which is one URL; a bad one, also
// an empty one, is a bad item.
func NewArgs(args []string, o Options) *ArgReader {
	if o.Source == "" {
		o.Source = "arg"
	}
	return &ArgReader{opts: o.withDefaults(), args: args}
}

// Next returns the next item, or io.EOF after the last. There is no other
// error.
func (r *ArgReader) Next() (Item, error) {
	if r.next == len(r.args) {
		return Item{}, io.EOF
	}
	arg := r.args[r.next]
	it := r.opts.item(int64(r.next), int64(r.next+1), []byte(arg))
	r.next++
	text := trimBlank(it.Raw)
	switch {
	case len(arg) > r.opts.MaxLine:
		it.Raw = it.Raw[:min(rawPrefix, r.opts.MaxLine)]
		it.Err = r.opts.fault(it.Line, "argument is longer than "+bytesText(r.opts.MaxLine), ErrTooLong)
		return it, nil
	case len(text) == 0, text[0] == '#', text[0] == '{', bytes.IndexByte(it.Raw, '\n') >= 0:
		// As a line of its own this would be read as something else.
		it.Raw = appendObject(nil, arg, "")
	}
	if reason := r.opts.parseURL(&it, text); reason != "" {
		it.Err = r.opts.fault(it.Line, reason, nil)
	}
	return it, nil
}
