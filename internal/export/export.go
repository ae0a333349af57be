// Package export turns a run's records, JSON a line, into CSV or Parquet. It
// streams: memory is that of the longest record, and for Parquet of one row
// group besides.
package export

import (
	"context"
	"fmt"
	"io"
)

// A Format is what to make of the records.
type Format string

// The formats.
const (
	// CSV is RFC 4180 in UTF-8, with a header row.
	CSV Format = "csv"
	// Parquet is Apache Parquet, compressed by zstd.
	Parquet Format = "parquet"
)

// Options say what is made. Format is required.
type Options struct {
	Format Format
	// Columns are the names of the columns, in the order wanted; nil means
	// all. If every name has a minus in front, it is all but those.
	Columns []string
	// Spreadsheet makes a CSV for spreadsheet programs: it begins with a byte
	// order mark, without which Excel does not take it for UTF-8, and a text
	// that would be taken for a formula has an apostrophe in front. Bodies,
	// headers and more come from strangers, and a formula can send out what
	// stands in other cells. Other programs get the apostrophes as well, which
	// is why it is not the default.
	Spreadsheet bool
}

// An Exporter turns records into rows. It is safe for concurrent use.
type Exporter struct {
	opts    Options
	columns []column
}

// New makes an Exporter, or says what is wrong with the options.
func New(o Options) (*Exporter, error) {
	if o.Format != CSV && o.Format != Parquet {
		return nil, fmt.Errorf("%q is not a format: csv or parquet", o.Format)
	}
	if o.Spreadsheet && o.Format != CSV {
		return nil, fmt.Errorf("only CSV can be made for spreadsheets, not %s", o.Format)
	}
	columns, err := choose(o.Columns)
	if err != nil {
		return nil, err
	}
	return &Exporter{opts: o, columns: columns}, nil
}

// A rowWriter writes rows of one format.
type rowWriter interface {
	write(r *record) error
	close() error
}

// Run reads records from r until its end and writes rows to w; it closes
// neither. It returns how many rows it wrote. Where a line is not a record the
// error is a *LineError, and otherwise that of w, or ctx's cause, which is
// looked at between two records. After a *LineError CSV has the rows before;
// Parquet cannot be read after any error.
func (x *Exporter) Run(ctx context.Context, w io.Writer, r io.Reader) (rows int64, err error) {
	var out rowWriter = newCSV(w, x.columns, x.opts.Spreadsheet)
	if x.opts.Format == Parquet {
		out = newParquet(w, x.columns)
	}
	in := newLines(r)
	for ctx.Err() == nil {
		rec, err := in.next()
		if err == io.EOF {
			return rows, out.close()
		}
		if err == nil {
			err = out.write(rec)
		} else if x.opts.Format == CSV && rows > 0 {
			_ = out.close() // the rows before; the bad line is the news
		}
		if err != nil {
			return rows, err
		}
		rows++
	}
	return rows, context.Cause(ctx)
}
