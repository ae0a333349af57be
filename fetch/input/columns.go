package input

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// start finds the columns: from the header if they are given by name.
func (c *CSVReader) start() error {
	url, byNumber := number(c.opts.Column)
	if id, ok := number(c.opts.IDColumn); c.opts.IDColumn != "" && ok != byNumber {
		return c.opts.fault(0, fmt.Sprintf("columns %q and %q: give both by name, or both by number if there is no header",
			c.opts.Column, c.opts.IDColumn), nil)
	} else if byNumber {
		c.url, c.id = url-1, id-1
		if c.url < 0 || c.opts.IDColumn != "" && c.id < 0 {
			return c.opts.fault(0, "columns are counted from 1", nil)
		}
		return nil
	}
	if err := c.readHeader(); err != nil {
		return err
	}
	var err error
	if c.url, err = c.find(c.opts.Column); err == nil && c.opts.IDColumn != "" {
		c.id, err = c.find(c.opts.IDColumn)
	}
	return err
}

func number(column string) (n int, ok bool) {
	n, err := strconv.Atoi(column)
	return n, err == nil
}

func (c *CSVReader) readHeader() error {
	err := c.rec.read()
	switch {
	case err == nil:
	case err == io.EOF:
		return c.opts.fault(0, fmt.Sprintf("empty: there is no header with a column %q", c.opts.Column), io.ErrUnexpectedEOF)
	case isBroken(err):
		return c.opts.fault(c.rec.line, "header: "+c.wording(err), err)
	case errors.Is(err, ErrTooLong):
		return c.opts.fault(c.scan.line+1, "header: line is longer than "+bytesText(c.opts.MaxLine), err)
	default:
		return c.opts.sourceError(c.scan.line+1, err)
	}
	c.width = len(c.rec.fields)
	for i := range c.width {
		c.header = append(c.header, trimBlank(c.rec.field(i)))
	}
	return nil
}

// find returns the column of this name. Where no name is the very same, the
// only one that is the same but for capitals will do.
func (c *CSVReader) find(name string) (int, error) {
	same := func(h string) bool { return h == name }
	if !slices.ContainsFunc(c.header, same) {
		same = func(h string) bool { return strings.EqualFold(h, name) }
	}
	i := slices.IndexFunc(c.header, same)
	if i < 0 {
		return 0, c.opts.fault(c.rec.line, fmt.Sprintf("no column %q; the columns are %s", name, c.names()), nil)
	}
	if slices.ContainsFunc(c.header[i+1:], same) {
		return 0, c.opts.fault(c.rec.line, fmt.Sprintf("column %q appears twice: rename one", name), nil)
	}
	return i, nil
}

// names lists the columns there are, and guesses why they may be none. A URL
// among them is not quoted: it may hold a password.
func (c *CSVReader) names() string {
	const most = 20
	var list []string
	hint := ""
	for i, h := range c.header {
		switch {
		case strings.Contains(h, "://"):
			list = append(list, "a URL")
			hint = " (for a file without a header give the column's number)"
		case i < most:
			list = append(list, strconv.Quote(clip(h, 40)))
		}
	}
	if i := strings.IndexAny(c.header[0], ";\t|,"); len(c.header) == 1 && i >= 0 && hint == "" {
		hint = fmt.Sprintf(" (are the fields separated by %q?)", c.header[0][i])
	}
	if n := len(c.header) - most; n > 0 {
		list = append(list[:most], strconv.Itoa(n)+" more")
	}
	return strings.Join(list, ", ") + hint
}

// checkWidth reports columns that are not there in a file without a header.
func (c *CSVReader) checkWidth() error {
	if n := max(c.url, c.id) + 1; n > c.width {
		return c.opts.fault(c.rec.line, fmt.Sprintf("no column %d: the first record has %s", n, count(c.width, "field")), nil)
	}
	return nil
}

// count writes 1 field, 2 fields.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
