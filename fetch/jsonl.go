package fetch

import (
	"bufio"
	"io"
	"os"
	"sync"
	"time"

	"github.com/penstock-go/penstock/fetch/bodies"
	"github.com/penstock-go/penstock/fetch/journal"
)

// Order is the order of the records in an output.
type Order uint8

const (
	// InputOrder writes the records in the order of their items.
	InputOrder Order = iota
	// CompletionOrder writes each as soon as there is one.
	CompletionOrder
)

// String returns "input" or "completion".
func (o Order) String() string {
	if o == CompletionOrder {
		return "completion"
	}
	return "input"
}

// defaultMemory is how many bytes of rows wait in memory for an earlier one.
const defaultMemory = 32 << 20

// JSONLOptions are the manners of a JSONL sink. The zero value is good.
type JSONLOptions struct {
	Order Order
	// Memory is how many bytes of records may wait in memory for an earlier
	// one; what is over goes to a temporary file. 0 means 32 MiB.
	Memory int64
	// TempDir is where that file is made; "" means the system's.
	TempDir string
	// FlushEvery is the longest that a record waits in the buffer of the
	// writer; 0 means 100 ms.
	FlushEvery time.Duration
	// Bodies, if not nil, takes the bodies, and the records have BodyRef
	// instead: BodyPath, which ends in a slash, and the body's name. Nothing
	// is synced.
	Bodies   *bodies.Store
	BodyPath string
}

// JSONL is a Sink that writes a line of JSON per record to a writer, such as
// standard output; [File] is the one for files. It is safe for concurrent use;
// Close it after the run.
type JSONL struct {
	opts JSONLOptions
	rows rowPool

	mu      sync.Mutex
	w       *bufio.Writer
	backlog backlog
	flusher *time.Timer
	armed   bool
	closed  bool
	err     error
}

// NewJSONL is a sink that writes to w.
func NewJSONL(w io.Writer, o JSONLOptions) *JSONL {
	def(&o.Memory, defaultMemory)
	def(&o.FlushEvery, 100*time.Millisecond)
	s := &JSONL{opts: o, w: bufio.NewWriterSize(w, 64<<10)}
	s.backlog = backlog{order: o.Order, memory: o.Memory, open: s.tempFile, emit: s.emit, spare: &s.rows.spare}
	return s
}

// tempFile is gone with the process, whatever ends it.
func (s *JSONL) tempFile() (aheadFile, error) {
	f, err := os.CreateTemp(s.opts.TempDir, "penstock-*.spill")
	if err == nil {
		_ = os.Remove(f.Name())
	}
	return f, err
}

// Write writes the record, or holds it until those before it are written.
func (s *JSONL) Write(r *Record) error {
	r, err := putBody(r, s.opts.Bodies, s.opts.BodyPath)
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.note(err)
		return s.err
	}
	var row *[]byte
	if !isLarge(r) {
		row = s.rows.render(r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if row == nil {
		row = s.rows.render(r)
	}
	defer s.rows.put(row)
	if s.err == nil {
		kept, err := s.backlog.put(*row, nil, entryOf(r, len(*row)))
		if s.note(err); kept {
			*row = nil
		}
	}
	return s.err
}

// Advance writes what was held back below low, or leaves that to another call that is
// at it; see Advancer.
func (s *JSONL) Advance(low int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.note(s.backlog.advance(&s.mu, low))
	}
	if s.err == nil {
		s.note(s.backlog.reuse())
	}
	if s.err == nil && len(s.backlog.freed) >= 1024 {
		s.note(s.backlog.recycle(s.backlog.freed))
		s.backlog.freed = s.backlog.freed[:0]
	}
	return s.err
}

// note keeps the first error. The caller holds mu.
func (s *JSONL) note(err error) {
	if s.err == nil {
		s.err = err
	}
}

// emit puts a line into the writer's buffer. The caller holds mu.
func (s *JSONL) emit(row, _ []byte, _ journal.Entry) {
	if _, err := s.w.Write(row); err != nil {
		s.note(err)
		return
	}
	switch {
	case s.armed || s.closed:
		return
	case s.flusher == nil:
		s.flusher = time.AfterFunc(s.opts.FlushEvery, s.flush)
	default:
		s.flusher.Reset(s.opts.FlushEvery)
	}
	s.armed = true
}

func (s *JSONL) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	if s.err == nil && !s.closed {
		s.err = s.w.Flush()
	}
}

// Close writes what is left, in order, also where earlier records will never
// come because the run was stopped. It does not close the writer. The error is
// that of the first write that failed.
func (s *JSONL) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return s.err
	}
	s.closed = true // a timer that has fired already finds nothing to do
	if s.flusher != nil {
		s.flusher.Stop()
	}
	if s.err == nil {
		s.note(s.backlog.flush())
	}
	if s.err == nil {
		s.note(s.w.Flush())
	}
	_ = s.backlog.close()
	return s.err
}

// A rowPool renders records into buffers that are used again.
type rowPool struct {
	pool  sync.Pool
	spare spareBuffers
}

// isLarge says that r makes a large row, which is made only when it can be written
// at once: were all workers to have theirs ready while one is being written, all
// would be in memory.
func isLarge(r *Record) bool { return len(r.Body) > keepBuffer }

// rowRest is for what a large row has besides its body; were it not enough, append
// would make the row anew.
const rowRest = 8 << 10

// render returns r as a line; put it back when it is written.
func (p *rowPool) render(r *Record) *[]byte {
	row, _ := p.pool.Get().(*[]byte)
	if row == nil {
		row = new([]byte)
	}
	b := (*row)[:0]
	if isLarge(r) {
		b = p.spare.get(bodyLength(r.Body) + rowRest)
	}
	*row = append(r.AppendJSON(b), '\n')
	return row
}

func (p *rowPool) put(row *[]byte) {
	if cap(*row) > keepBuffer {
		p.spare.put(*row)
		*row = nil
	}
	p.pool.Put(row)
}

// entryOf is what the journal says of a record.
func entryOf(r *Record, length int) journal.Entry {
	e := journal.Entry{Index: r.Index, OK: r.OK, Duplicate: r.Duplicate, Status: r.Status, Length: length}
	if r.Error != nil {
		e.Class = classNumber(r.Error.Class)
	}
	return e
}
