package export

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// A csvWriter writes CSV. That of encoding/csv cannot end rows as RFC 4180 says
// without changing the ends of lines in the values too.
type csvWriter struct {
	w           *bufio.Writer
	columns     []column
	spreadsheet bool
	begun       bool
	cell        []byte
}

func newCSV(w io.Writer, columns []column, spreadsheet bool) *csvWriter {
	return &csvWriter{w: bufio.NewWriterSize(w, 64<<10), columns: columns, spreadsheet: spreadsheet}
}

// begin writes the header row, also where there is no other.
func (c *csvWriter) begin() error {
	if c.begun {
		return nil
	}
	c.begun = true
	if c.spreadsheet {
		if _, err := c.w.WriteString("\ufeff"); err != nil {
			return err
		}
	}
	names := make([]string, len(c.columns))
	for i, col := range c.columns {
		names[i] = col.name
	}
	_, err := c.w.WriteString(strings.Join(names, ",") + "\r\n")
	return err
}

func (c *csvWriter) write(r *record) error {
	if err := c.begin(); err != nil {
		return err
	}
	for i, col := range c.columns {
		if i > 0 {
			_ = c.w.WriteByte(',') // the last write of the row tells of errors
		}
		var text bool
		c.cell, text = appendText(c.cell[:0], col.value(r))
		if text && c.spreadsheet && isFormula(c.cell) {
			c.cell = append([]byte{'\''}, c.cell...)
		}
		c.writeCell(text)
	}
	_, err := c.w.WriteString("\r\n")
	return err
}

func (c *csvWriter) writeCell(text bool) {
	if !text || !c.needsQuotes() {
		_, _ = c.w.Write(c.cell)
		return
	}
	_ = c.w.WriteByte('"')
	for rest := c.cell; ; {
		before, after, more := bytes.Cut(rest, []byte{'"'})
		_, _ = c.w.Write(before)
		if !more {
			break
		}
		_, _ = c.w.WriteString(`""`)
		rest = after
	}
	_ = c.w.WriteByte('"')
}

// needsQuotes is true beyond what RFC 4180 asks for: some readers trim spaces,
// PostgreSQL takes \. for the end, and most pass over a line with nothing in
// it.
func (c *csvWriter) needsQuotes() bool {
	if len(c.cell) == 0 {
		return len(c.columns) == 1
	}
	first, last := c.cell[0], c.cell[len(c.cell)-1]
	return first == ' ' || first == '\t' || last == ' ' || last == '\t' ||
		string(c.cell) == `\.` || bytes.ContainsAny(c.cell, "\",\r\n")
}

// isFormula says whether a spreadsheet program would compute the text, by what
// OWASP lists under CSV injection, full-width signs included.
func isFormula(text []byte) bool {
	s := string(text[:min(len(text), 3)])
	for _, sign := range []string{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(s, sign) {
			return true
		}
	}
	return false
}

func (c *csvWriter) close() error {
	if err := c.begin(); err != nil {
		return err
	}
	return c.w.Flush()
}
