package merge

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"os"
	"slices"
)

// A spool is a temporary file of sorted runs, which is gone with the process.
type spool struct {
	dir  string
	file *os.File
	end  int64
	runs []span
	// What sort has used, for the next.
	arena []byte
	refs  []ref
}

// A span is a run: from a byte to another.
type span struct{ from, to int64 }

func (s *spool) open() error {
	if s.file != nil {
		return nil
	}
	f, err := os.CreateTemp(s.dir, "penstock-merge-*")
	if err != nil {
		return err
	}
	_ = os.Remove(f.Name()) // not possible everywhere; close does it there
	s.file = f
	return nil
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}

// A batch sorts rows in memory of a fixed size. When it is full the lower half
// goes into the current run, if it still can: so rows that are nearly in order,
// as those of a worker are, make few runs.
type batch struct {
	out   *spool
	most  int
	arena []byte
	rows  []ref

	w    *bufio.Writer
	from int64 // of the current run
	last int64 // the index in it that was written last
}

type ref struct {
	index    int64
	from, to int
}

// sort makes runs of all rows of in.
func (s *spool) sort(in *rows, memory int) error {
	if err := s.open(); err != nil {
		return err
	}
	if s.arena == nil {
		s.arena = make([]byte, 0, memory) // at once: growing would leave as much again behind
	}
	b := &batch{out: s, most: memory, last: -1, from: s.end, arena: s.arena[:0], rows: s.refs[:0]}
	defer func() { s.arena, s.refs = b.arena, b.rows }()
	b.w = bufio.NewWriterSize(&at{s}, 256<<10)
	for {
		err := in.next()
		if err == io.EOF {
			return b.finish()
		}
		if err != nil {
			return err
		}
		if len(b.arena)+len(in.row) > b.most && len(b.rows) > 0 {
			if err := b.flush(len(b.arena) / 2); err != nil {
				return err
			}
		}
		b.rows = append(b.rows, ref{in.index, len(b.arena), len(b.arena) + len(in.row)})
		b.arena = append(b.arena, in.row...)
	}
}

// at writes at the end of a spool.
type at struct{ s *spool }

func (a *at) Write(p []byte) (int, error) {
	n, err := a.s.file.WriteAt(p, a.s.end)
	a.s.end += int64(n)
	return n, err
}

// flush writes the least rows, some bytes of them, and keeps the others.
func (b *batch) flush(bytes int) error {
	slices.SortStableFunc(b.rows, func(x, y ref) int { return cmp.Compare(x.index, y.index) })
	if b.rows[0].index < b.last {
		if err := b.endRun(); err != nil {
			return err
		}
	}
	n := 0
	for ; n < len(b.rows) && bytes > 0; n++ {
		r := b.rows[n]
		if _, err := b.w.Write(b.arena[r.from:r.to]); err != nil {
			return err
		}
		b.last = r.index
		bytes -= r.to - r.from
	}
	// What is kept moves to the front: those after one another in the arena do so
	// without overlapping what was not moved yet.
	kept := b.rows[n:]
	slices.SortFunc(kept, func(x, y ref) int { return cmp.Compare(x.from, y.from) })
	size := 0
	for i, r := range kept {
		copy(b.arena[size:], b.arena[r.from:r.to])
		kept[i] = ref{r.index, size, size + r.to - r.from}
		size = kept[i].to
	}
	b.rows = append(b.rows[:0], kept...)
	b.arena = b.arena[:size]
	return nil
}

func (b *batch) endRun() error {
	if err := b.w.Flush(); err != nil {
		return err
	}
	if b.out.end > b.from {
		b.out.runs = append(b.out.runs, span{b.from, b.out.end})
	}
	b.from, b.last = b.out.end, -1
	return nil
}

func (b *batch) finish() error {
	if len(b.rows) > 0 {
		if err := b.flush(len(b.arena)); err != nil {
			return err
		}
	}
	return b.endRun()
}

// reduce merges runs into longer ones until there are at most most of them.
func (s *spool) reduce(most int) error {
	for len(s.runs) > most {
		group := min(most, len(s.runs)-most+1)
		from := s.end
		w := bufio.NewWriterSize(&at{s}, 256<<10)
		var t tournament
		for _, r := range s.runs[:group] {
			t.add(s.rows(r))
		}
		err := t.each(func(_ int64, row []byte) error {
			_, err := w.Write(row)
			return err
		})
		if err := errors.Join(err, w.Flush()); err != nil {
			return err
		}
		s.runs = append(slices.Delete(s.runs, 0, group), span{from, s.end})
	}
	return nil
}

func (s *spool) rows(r span) *rows {
	return newRows("a sorted run", io.NewSectionReader(s.file, r.from, r.to-r.from), 32<<10)
}
