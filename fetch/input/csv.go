package input

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// CSVOptions say what to take from a CSV file. The zero value takes the
// column url.
type CSVOptions struct {
	Options
	// Column is the column of the URLs. A name makes the first record a
	// header, in which the name is looked for, capitals making a difference
	// only where there are two; a number, from 1, says that there is no
	// header and that the first record is an item like any other. The
	// default is the name "url".
	Column string
	// IDColumn is the column of the items' IDs, by name if Column is one and
	// by number if that is. "" means that there are none.
	IDColumn string
	// Comma is what separates the fields; the default is a comma. A tab
	// makes it TSV.
	Comma byte
}

// A CSVReader reads an item from each record of a CSV file.
type CSVReader struct {
	opts  CSVOptions
	scan  scanner
	rec   record
	index int64

	started bool
	header  []string // nil if there is none
	width   int      // fields of the first record; 0 before it
	url, id int      // columns, from 0; id is -1 if there is none
	err     error    // why there is nothing more

	ahead    bool  // Header has read a record that is no header
	aheadErr error // with this error
}

// NewCSV returns a reader of CSV as RFC 4180 has it: fields may be quoted, and
// a quoted field may hold commas, line breaks and doubled quotes. A blank line
// is skipped; a # begins no comment.
//
// A record with more or fewer fields than the first is a bad item, for its URL
// may be half of one with a comma in it. So is one with a quote out of place,
// or over MaxLine bytes; reading then goes on at the line after the record's
// first line.
//
// Item.Raw is {"url":...} or {"url":...,"id":...}. If the URL cannot be told
// from the record it is {"csv":...} with at most 1024 bytes of the record's
// first line, which is a bad item to an Auto reader as well.
func NewCSV(r io.Reader, o CSVOptions) *CSVReader {
	o.Options = o.withDefaults()
	if o.Column == "" {
		o.Column = "url"
	}
	if o.Comma == 0 {
		o.Comma = ','
	}
	c := &CSVReader{opts: o, scan: newScanner(r, o.MaxLine), id: -1}
	c.rec = record{scan: &c.scan, comma: o.Comma}
	return c
}

// Header reads the header, or the first record where Column is a number, unless
// that is done, and returns the names of the columns. Its error is that of Next:
// it tells before the first item whether the columns are there.
func (c *CSVReader) Header() ([]string, error) {
	if !c.started {
		c.started = true
		if c.err = c.start(); c.err == nil && c.header == nil {
			c.ahead = true
			if c.aheadErr = c.rec.read(); c.aheadErr == nil {
				c.width = len(c.rec.fields)
				c.err = c.checkWidth()
			}
		}
	}
	if c.err == io.EOF {
		return c.header, nil
	}
	return c.header, c.err
}

// Next returns the next item, or io.EOF after the last. Any other error is an
// *Error that says why the source cannot be read on, or which column is not
// there.
func (c *CSVReader) Next() (Item, error) {
	if _, err := c.Header(); err != nil {
		return Item{}, err
	}
	for c.err == nil {
		if it, ok := c.item(c.read()); ok {
			c.index++
			return it, nil
		}
	}
	return Item{}, c.err
}

// read reads the next record, which Header may have done.
func (c *CSVReader) read() error {
	if c.ahead {
		c.ahead = false
		return c.aheadErr
	}
	return c.rec.read()
}

// item makes an item of the record just read, or of what is wrong with it. It
// reports false if there is none: look at c.err.
func (c *CSVReader) item(err error) (Item, bool) {
	switch {
	case err == nil:
		if c.width == 0 {
			c.width = len(c.rec.fields)
			if c.err = c.checkWidth(); c.err != nil {
				return Item{}, false
			}
		}
		return c.recordItem(), true
	case errors.Is(err, errNoEnd):
		return c.badItem(c.wording(err), ErrTooLong), true
	case isBroken(err):
		return c.badItem(c.wording(err), nil), true
	case errors.Is(err, ErrTooLong):
		it, ok := c.opts.tooLong(&c.scan, c.index, "")
		it.Raw = appendRow(it.Raw)
		return it, ok
	}
	c.err = c.opts.sourceError(c.scan.line+1, err)
	return Item{}, false
}

// wording says what is wrong with a broken record.
func (c *CSVReader) wording(err error) string {
	if errors.Is(err, errNoEnd) {
		return "a quoted field is not closed within " + bytesText(c.opts.MaxLine)
	}
	return err.Error()
}

func (c *CSVReader) recordItem() Item {
	if n := len(c.rec.fields); n != c.width {
		return c.badItem(fmt.Sprintf("%s here, but %s in the first record: is there a comma that is not in quotes?",
			count(n, "field"), count(c.width, "field")), nil)
	}
	it := c.opts.item(c.index, c.rec.line, nil)
	it.URL = trimBlank(c.rec.field(c.url))
	if c.id >= 0 {
		it.ID = c.rec.field(c.id)
	}
	it.Raw = appendObject(nil, it.URL, it.ID)
	it.URL = c.opts.resolve(it.URL)
	reason := checkURL(it.URL)
	switch {
	case len(it.Raw) > max(c.opts.MaxLine, rawMin):
		return c.badItem("URL and id make a line longer than "+bytesText(c.opts.MaxLine), ErrTooLong)
	case reason == "" && !utf8.ValidString(it.ID):
		reason = "the id is not valid UTF-8: another encoding?"
		it.Raw = c.rowRaw()
	}
	if reason != "" {
		it.Err = c.opts.fault(it.Line, reason, nil)
	}
	return it
}

// badItem makes an item of a record that no URL can be told from.
func (c *CSVReader) badItem(reason string, err error) Item {
	it := c.opts.item(c.index, c.rec.line, c.rowRaw())
	it.Err = c.opts.fault(it.Line, reason, err)
	return it
}

func (c *CSVReader) rowRaw() []byte {
	first := c.rec.firstLine()
	return appendRow(first[:min(len(first), rawPrefix)])
}

func appendRow(line []byte) []byte {
	return append(appendQuoted([]byte(`{"csv":`), string(line)), '}')
}
