package merge

import (
	"container/heap"
	"context"
	"errors"
	"io"
)

// Defaults of Options.
const (
	DefaultMemory = 8 << 20
	mostRuns      = 128
)

// An Input is an output of penstock that is to be merged.
type Input struct {
	// Name is for messages.
	Name string
	// Open opens it; it is called more than once. What it gives is plain text.
	Open func() (io.ReadCloser, error)
	// Cut lets it end in the middle of a record, as that of a process that was
	// killed may: what there is of that record is left out.
	Cut bool
}

// Options are the manners of a merge. The zero value is good.
type Options struct {
	// Items is how many there are in the list; 0 means that this is not known,
	// and nothing is said of what is missing at the end.
	Items int64
	// Memory is how many bytes of rows are sorted at a time; 0 means 8 MiB.
	Memory int
	// TempDir is where the temporary file is made; "" means the system's.
	TempDir string
	// Missing, if not nil, is told of each range of indexes, both ends included,
	// that has no record, in order.
	Missing func(from, to int64)
}

// A Result counts what a merge has done.
type Result struct {
	// Records were written, of which Failed are not ok.
	Records, Failed int64
	// Duplicates were dropped.
	Duplicates int64
	// Missing indexes have no record. Beyond is how many records have an index
	// that is not below Options.Items: they are of another list.
	Missing, Beyond int64
	// Torn names the inputs that ended in the middle of a record.
	Torn []string
}

// Merge writes one record an item to w, in the order of the input, a line each.
// It returns when all is written, or with the first error: of an input (a
// *LineError, or one that names it), of w, of the temporary file, or the cause of
// ctx's end.
func Merge(ctx context.Context, w io.Writer, inputs []Input, o Options) (Result, error) {
	if o.Memory <= 0 {
		o.Memory = DefaultMemory
	}
	m := &merging{o: o, spool: spool{dir: o.TempDir}}
	defer m.close()
	err := m.prepare(ctx, inputs)
	if err == nil {
		err = m.write(ctx, w)
	}
	return m.result, err
}

type merging struct {
	o      Options
	spool  spool
	open   []io.Closer
	inputs []*rows // in order as they are
	result Result
}

func (m *merging) close() {
	for _, c := range m.open {
		c.Close()
	}
	m.spool.close()
}

// prepare opens what is in order, and sorts what is not.
func (m *merging) prepare(ctx context.Context, inputs []Input) error {
	for _, in := range inputs {
		sorted := len(m.open) < mostRuns
		if sorted {
			var err error
			if sorted, err = inOrder(ctx, in); err != nil {
				return wrap(in.Name, err)
			}
		}
		r, err := in.Open()
		if err != nil {
			return err
		}
		s := newRows(in.Name, &reader{ctx, r}, 64<<10)
		s.cut = in.Cut
		if sorted {
			m.open = append(m.open, r)
			m.inputs = append(m.inputs, s)
			continue
		}
		err = errors.Join(wrap(in.Name, m.spool.sort(s, m.o.Memory)), r.Close())
		if err != nil {
			return err
		}
		if s.torn {
			m.result.Torn = append(m.result.Torn, in.Name)
		}
	}
	m.spool.arena, m.spool.refs = nil, nil
	return m.spool.reduce(mostRuns)
}

// inOrder reports whether the rows of in are. One that is not tells so soon.
func inOrder(ctx context.Context, in Input) (bool, error) {
	r, err := in.Open()
	if err != nil {
		return false, err
	}
	defer r.Close()
	s := newRows(in.Name, &reader{ctx, r}, 64<<10)
	s.cut = in.Cut
	last := int64(-1)
	for {
		err := s.next()
		if err == io.EOF {
			return true, nil
		}
		if err != nil || s.index < last {
			return false, err
		}
		last = s.index
	}
}

// write writes the best record of each item.
func (m *merging) write(ctx context.Context, w io.Writer) error {
	var t tournament
	for _, s := range m.inputs {
		t.add(s)
	}
	for _, r := range m.spool.runs {
		t.add(m.spool.rows(r))
	}
	at, best := int64(-1), []byte(nil)
	next := int64(0)
	put := func() error {
		if at < 0 {
			return nil
		}
		m.miss(next, at-1)
		next = at + 1
		m.result.Records++
		if m.o.Items > 0 && at >= m.o.Items {
			m.result.Beyond++
		}
		if !accepted(best) {
			m.result.Failed++
		}
		_, err := w.Write(best)
		return err
	}
	err := t.each(func(index int64, row []byte) error {
		if index == at {
			m.result.Duplicates++
			if better(row, best) {
				best = append(best[:0], row...)
			}
			return nil
		}
		if err := errors.Join(put(), context.Cause(ctx)); err != nil {
			return err
		}
		at, best = index, append(best[:0], row...)
		return nil
	})
	if err == nil {
		err = put()
	}
	if err != nil {
		return err
	}
	m.miss(next, m.o.Items-1)
	for _, s := range m.inputs {
		if s.torn {
			m.result.Torn = append(m.result.Torn, s.name)
		}
	}
	return nil
}

func (m *merging) miss(from, to int64) {
	if from > to {
		return
	}
	m.result.Missing += to - from + 1
	if m.o.Missing != nil {
		m.o.Missing(from, to)
	}
}

// A reader ends with its context.
type reader struct {
	ctx context.Context //nolint:containedctx // a Reader has no other place for it
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}

// A tournament gives the rows of several sorted sources in order.
type tournament struct{ all []*rows }

// add adds a source.
func (t *tournament) add(s *rows) { t.all = append(t.all, s) }

// Len, Less, Swap, Push and Pop are heap.Interface's.
func (t *tournament) Len() int           { return len(t.all) }
func (t *tournament) Less(i, j int) bool { return t.all[i].index < t.all[j].index }
func (t *tournament) Swap(i, j int)      { t.all[i], t.all[j] = t.all[j], t.all[i] }
func (t *tournament) Push(any)           {}
func (t *tournament) Pop() any {
	t.all = t.all[:len(t.all)-1]
	return nil
}

// each calls f with each row, in order.
func (t *tournament) each(f func(index int64, row []byte) error) error {
	all := t.all
	t.all = nil
	for _, s := range all {
		switch err := s.next(); err {
		case nil:
			t.all = append(t.all, s)
		case io.EOF:
		default:
			return wrap(s.name, err)
		}
	}
	heap.Init(t)
	for len(t.all) > 0 {
		s := t.all[0]
		if err := f(s.index, s.row); err != nil {
			return err
		}
		switch err := s.next(); err {
		case nil:
			heap.Fix(t, 0)
		case io.EOF:
			heap.Pop(t)
		default:
			return wrap(s.name, err)
		}
	}
	return nil
}
