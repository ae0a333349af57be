package input

import (
	"bytes"
	"errors"
	"io"
)

// A recordError is a fault of one CSV record, in words.
type recordError string

const (
	errBareQuote recordError = "a quote within a field that does not begin with one: quote the field and double the quote"
	errAfter     recordError = "text after a field's closing quote: double the quotes within a field"
	errUnclosed  recordError = "a quoted field is not closed"
	errNoEnd     recordError = "a quoted field is not closed within MaxLine"
)

func (e recordError) Error() string { return string(e) }

func isBroken(err error) bool {
	_, ok := errors.AsType[recordError](err)
	return ok
}

// A record is one CSV record (RFC 4180) in the region of a scanner.
//
// One that is broken costs its first line and no more: reading goes on at the
// next. After a quote that is never closed, say, all lines that follow are
// there; to go on behind the record would lose them, and their items.
// A line with an odd number of quotes ends what another began, so no line is
// read more than twice on that account.
type record struct {
	scan   *scanner
	comma  byte
	line   int64 // where it begins
	fields []field

	// Offsets from the region's start.
	first int // end of the first line, its line break not included
	next  int // where the second line begins
	at    int // what is still to be parsed
	stop  int // end of the line that at is in
}

// A field is kept as offsets, for the region moves when a line is added to it.
type field struct {
	from, to int
	doubled  bool // it holds doubled quotes
}

// read reads the next record; blank lines are none. It returns an error of
// the scanner, or one of those above.
func (r *record) read() error {
	r.fields = r.fields[:0]
	for {
		r.scan.release()
		line, err := r.scan.next()
		if err != nil {
			return err
		}
		if len(trimBlank(line)) > 0 {
			r.line, r.first, r.next = r.scan.line, len(line), r.scan.pos-r.scan.hold
			r.at, r.stop = 0, len(line)
			break
		}
	}
	for {
		if err := r.parseField(); err != nil {
			return err
		}
		if r.at == r.stop {
			return nil
		}
		r.at++ // the comma
	}
}

// parseField parses one field, up to the comma or the line's end.
func (r *record) parseField() error {
	rest := r.rest()
	if len(rest) > 0 && rest[0] == '"' {
		return r.parseQuoted()
	}
	if i := bytes.IndexByte(rest, r.comma); i >= 0 {
		rest = rest[:i]
	}
	if bytes.IndexByte(rest, '"') >= 0 {
		return r.broken(errBareQuote)
	}
	r.fields = append(r.fields, field{from: r.at, to: r.at + len(rest)})
	r.at += len(rest)
	return nil
}

func (r *record) parseQuoted() error {
	r.at++
	f := field{from: r.at}
	for {
		i := bytes.IndexByte(r.rest(), '"')
		if i < 0 {
			if err := r.addLine(); err != nil {
				return err
			}
			continue
		}
		r.at += i + 1
		rest := r.rest()
		if len(rest) > 0 && rest[0] == '"' {
			f.doubled = true
			r.at++
			continue
		}
		if len(rest) > 0 && rest[0] != r.comma {
			return r.broken(errAfter)
		}
		f.to = r.at - 1
		r.fields = append(r.fields, f)
		return nil
	}
}

// addLine adds the next line to a field that goes on there.
func (r *record) addLine() error {
	from := r.scan.pos - r.scan.hold
	line, err := r.scan.next()
	switch {
	case err == nil:
		r.at, r.stop = from, from+len(line)
		return nil
	case err == io.EOF:
		return r.broken(errUnclosed)
	case errors.Is(err, ErrTooLong):
		return r.broken(errNoEnd)
	}
	return err
}

func (r *record) broken(err recordError) error {
	r.scan.rewind(r.next, r.line)
	return err
}

func (r *record) rest() []byte {
	return r.scan.buf[r.scan.hold+r.at : r.scan.hold+r.stop]
}

// firstLine returns the record's first line as it stands.
func (r *record) firstLine() []byte {
	return r.scan.buf[r.scan.hold : r.scan.hold+r.first]
}

// field returns the text of the i-th field.
func (r *record) field(i int) string {
	f := r.fields[i]
	b := r.scan.buf[r.scan.hold+f.from : r.scan.hold+f.to]
	if f.doubled {
		b = bytes.ReplaceAll(b, []byte(`""`), []byte(`"`))
	}
	return string(b)
}
