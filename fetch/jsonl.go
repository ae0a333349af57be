package fetch

import (
	"bufio"
	"io"
	"sync"
	"time"
)

// Order is the order of the records in an output.
type Order uint8

const (
	// InputOrder writes the records in the order of their items.
	InputOrder Order = iota
	// CompletionOrder writes each as soon as there is one.
	CompletionOrder
)

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
}

// JSONL is a Sink that writes a line of JSON per record. It is safe for
// concurrent use; Close it after the run.
type JSONL struct {
	opts JSONLOptions
	pool sync.Pool // of *[]byte

	mu      sync.Mutex
	out     io.Writer
	w       *bufio.Writer
	backlog backlog
	flusher *time.Timer
	armed   bool
	err     error
}

// NewJSONL is a sink that writes to w. If w has a method Flush() error, as a
// compressing writer has, it is called after each flush.
func NewJSONL(w io.Writer, o JSONLOptions) *JSONL {
	def(&o.Memory, 32<<20)
	def(&o.FlushEvery, 100*time.Millisecond)
	s := &JSONL{opts: o, out: w, w: bufio.NewWriterSize(w, 64<<10)}
	s.backlog = backlog{memory: o.Memory, dir: o.TempDir, held: map[int64]line{}}
	return s
}

// Write writes the record, or holds it until those before it are written.
func (s *JSONL) Write(r *Record) error {
	buf, _ := s.pool.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	*buf = append(r.AppendJSON((*buf)[:0]), '\n')
	err := s.write(r.Index, *buf)
	if cap(*buf) <= keepBuffer {
		s.pool.Put(buf)
	}
	return err
}

func (s *JSONL) write(index int64, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
	case s.opts.Order == CompletionOrder:
		s.emit(b)
	case index == s.backlog.next:
		s.emit(b)
		s.backlog.next++
	default:
		s.err = s.backlog.hold(index, b)
	}
	return s.err
}

// Advance writes what was held back below low; see Advancer.
func (s *JSONL) Advance(low int64) error {
	if s.opts.Order == CompletionOrder {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		if err := s.backlog.release(low, s.emit); err != nil {
			s.err = err
		}
	}
	return s.err
}

// emit puts a line into the writer's buffer. The caller holds mu.
func (s *JSONL) emit(b []byte) {
	if _, err := s.w.Write(b); err != nil {
		s.err = err
		return
	}
	switch {
	case s.armed:
	case s.flusher == nil:
		s.flusher = time.AfterFunc(s.opts.FlushEvery, s.flush)
		s.armed = true
	default:
		s.flusher.Reset(s.opts.FlushEvery)
		s.armed = true
	}
}

func (s *JSONL) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	if s.err == nil {
		s.err = s.w.Flush()
	}
	if f, ok := s.out.(interface{ Flush() error }); ok && s.err == nil {
		s.err = f.Flush()
	}
}

// Close writes what is left and removes the temporary file, if there is one.
// It does not close the writer. The error is that of the first write that
// failed.
func (s *JSONL) Close() error {
	if s.flusher != nil {
		s.flusher.Stop()
	}
	s.flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backlog.close()
	return s.err
}
