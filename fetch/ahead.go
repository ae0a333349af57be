package fetch

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// aheadChunk is how much is copied into the ahead file at once.
const aheadChunk = 256 << 10

// An aheadFile keeps rows that wait for an earlier one.
type aheadFile interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// copyAhead puts rows that wait in memory into the ahead file as well, so that
// they outlive the process: all of them, or those that waited at the last commit
// already. Most rows wait for much less than that, and need not be written twice.
//
// There may be a hundred thousand of them, and whoever has a record to write waits
// for mu, and with it the request that would come next. So mu, which the caller holds,
// is let go of while a chunk of them is written.
func (f *File) copyAhead(all bool) error {
	var indexes []int64
	for index, h := range f.backlog.held {
		if h.at < 0 && (all || h.waited) {
			indexes = append(indexes, index)
		}
	}
	slices.Sort(indexes)
	var c aheadCopy
	for len(indexes) > 0 && f.err == nil {
		n, err := c.fill(&f.backlog, indexes)
		if err != nil {
			return err
		}
		indexes = indexes[n:]
		file := f.backlog.file
		f.mu.Unlock()
		err = c.write(file)
		f.mu.Lock()
		if err != nil {
			return err
		}
	}
	return f.err
}

// noteAhead has the journal know of the rows that are in the ahead file; with all it
// puts those there that have come since copyAhead. The caller holds mu.
func (f *File) noteAhead(all bool) error {
	var news []*heldRow
	for _, h := range f.backlog.held {
		switch {
		case h.entry.Ahead:
		case h.at < 0 && !all:
			h.waited = true
		default:
			news = append(news, h)
		}
	}
	slices.SortFunc(news, func(a, b *heldRow) int { return cmp.Compare(a.entry.Index, b.entry.Index) })
	for _, h := range news {
		if h.at < 0 {
			if err := f.backlog.spill(h, h.data); err != nil {
				return err
			}
		}
		f.noteFailed(h.failed, h.entry)
		h.entry.Ahead = true
		f.entries = append(f.entries, h.entry)
	}
	return nil
}

// An aheadCopy is of rows that are to be written into the ahead file.
type aheadCopy struct {
	rows  []byte
	parts []span // where they go, one after the other
}

// fill copies the first n of the rows, as many as there is room for, and gives them
// their places. One that is too large to be copied is written: its memory may be
// another's as soon as it is out.
func (c *aheadCopy) fill(q *backlog, indexes []int64) (n int, err error) {
	c.rows, c.parts = c.rows[:0], c.parts[:0]
	for n, index := range indexes {
		h := q.held[index]
		switch {
		case h == nil: // it is out by now
			continue
		case len(c.rows) > 0 && len(c.rows)+len(h.data) > aheadChunk:
			return n, nil
		case len(h.data) > aheadChunk:
			return n + 1, q.spill(h, h.data)
		}
		if err := q.allot(h, len(h.data)); err != nil {
			return n, err
		}
		c.rows = append(c.rows, h.data...)
		end := h.at + int64(len(h.data))
		if last := len(c.parts) - 1; last >= 0 && c.parts[last].end == h.at {
			c.parts[last].end = end
		} else {
			c.parts = append(c.parts, span{h.at, end})
		}
	}
	return len(indexes), nil
}

func (c *aheadCopy) write(file aheadFile) error {
	rows := c.rows
	for _, part := range c.parts {
		n := part.end - part.at
		if _, err := file.WriteAt(rows[:n], part.at); err != nil {
			return keepingError(err)
		}
		rows = rows[n:]
	}
	return nil
}

func keepingError(err error) error {
	return fmt.Errorf("keeping records that wait for an earlier one: %w", err)
}
