package fetch

import (
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/penstock-go/penstock/fetch/bodies"
)

const (
	// keepBuffer is how large a body buffer a worker keeps for its next item.
	keepBuffer = 64 << 10
	// streamFrom is from how many bytes on a body goes into Options.Bodies as it
	// comes.
	streamFrom = 32 << 10
	// believed is how much memory a Content-Length gets before the bytes are there: 1 MiB,
	// a usual size of pieces, and a little for what is put around one.
	believed = 1<<20 + 64<<10
	// spareStep is what the sizes of larger ones are multiples of.
	spareStep = 32 << 10
	// mostSpareBytes is what is kept of larger buffers, by all workers together.
	mostSpareBytes = 32 << 20
)

// read takes the body into the worker's buffer or into a file, or only counts it,
// and stops one byte past the limit.
func (w *worker) read(a *attempt, resp *http.Response) *Error {
	most := w.e.opts.MaxBody
	if most > 0 && resp.ContentLength > most && resp.Body != http.NoBody {
		return tooLarge(most)
	}
	body := io.Reader(resp.Body)
	if most > 0 && (!a.reused || resp.ContentLength < 0) {
		body = io.LimitReader(body, most+1)
	}
	var err error
	if w.e.opts.KeepBody || w.e.opts.KeepExchanges {
		err = w.keep(a, body, resp.ContentLength)
	} else {
		a.bytes, err = io.CopyBuffer(io.Discard, body, w.scratch())
	}
	switch {
	case a.stored != nil && a.stored.failed != nil: // the sink's fault
		w.e.fail(&SinkError{Err: fmt.Errorf("keeping a body: %w", a.stored.failed)})
		return &Error{Class: Canceled, Message: "the body could not be kept", Err: a.stored.failed}
	case err != nil:
		return w.explain(err)
	case most > 0 && a.bytes > most:
		a.body, a.bytes = a.body[:min(int64(len(a.body)), most)], most
		return tooLarge(most)
	}
	return nil
}

// keep reads to the end, into the buffer as long as that is to hold it.
func (w *worker) keep(a *attempt, body io.Reader, length int64) error {
	buf := w.buf[:0]
	for {
		if len(buf) == cap(buf) {
			if len(buf) >= streamFrom && w.e.opts.Bodies != nil && !w.e.opts.KeepExchanges {
				return w.stream(a, body, buf)
			}
			buf = w.grow(buf, length)
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		w.buf = buf
		if err != nil {
			a.body, a.bytes = buf, int64(len(buf))
			if err == io.EOF {
				err = nil
			}
			return err
		}
	}
}

// grow returns a larger buffer with the same in it: as large as the body and one byte
// for its end to be found in, if that is known and not to be doubted. It is not larger
// then either: a hundred of these may be waiting for the disk.
func (w *worker) grow(buf []byte, length int64) []byte {
	n := max(2*cap(buf), 4<<10)
	if length >= int64(cap(buf)) {
		n = int(min(length, int64(max(n, believed)))) + 1
	}
	if w.e.opts.Bodies != nil && cap(buf) < streamFrom {
		n = min(n, streamFrom)
	}
	next := w.e.spare.get(n)
	next = append(next, buf...)
	w.e.spare.put(buf)
	return next
}

// A storedBody is in a file already, or on its way there.
type storedBody struct {
	*bodies.Body
	failed error
}

// Write remembers that it was not the network that failed.
func (s *storedBody) Write(p []byte) (int, error) {
	n, err := s.Body.Write(p)
	s.failed = err
	return n, err
}

// stream writes what has come and what comes into a file.
func (w *worker) stream(a *attempt, body io.Reader, buf []byte) error {
	f, err := w.e.opts.Bodies.Create()
	if err != nil {
		a.stored = &storedBody{failed: err}
		return err
	}
	a.stored = &storedBody{Body: f}
	a.bytes = int64(len(buf))
	if _, err := a.stored.Write(buf); err != nil {
		return err
	}
	n, err := io.CopyBuffer(onlyWriter{a.stored}, onlyReader{body}, buf[:cap(buf)])
	a.bytes += n
	return err
}

// They keep io.CopyBuffer from looking for other ways.
type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader }
)

// dropStored removes the file of an attempt that belongs to no record.
func (w *worker) dropStored() {
	if s := w.last.stored; s != nil && s.Body != nil {
		s.Discard()
	}
	w.last.stored = nil
}

// commitStored gives r the body that is in a file.
func (w *worker) commitStored(r *Record, s *storedBody) error {
	name, err := s.Commit()
	w.last.stored = nil
	if err != nil {
		return &SinkError{Err: fmt.Errorf("keeping a body: %w", err)}
	}
	r.BodyRef = name
	return nil
}

// spareBuffers are those that bodies and rows leave to one another.
type spareBuffers struct {
	mu    sync.Mutex
	free  [][]byte
	bytes int
}

// get returns an empty one of at least n bytes, which is a little more where it is
// large: bodies of nearly one length are to have use of one another's.
func (s *spareBuffers) get(n int) []byte {
	if n > keepBuffer {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i := len(s.free) - 1; i >= 0; i-- {
			if b := s.free[i]; cap(b) >= n && cap(b) <= 4*n {
				last := len(s.free) - 1
				s.free[i], s.free[last] = s.free[last], nil
				s.free = s.free[:last]
				s.bytes -= cap(b)
				return b[:0]
			}
		}
	}
	if n > keepBuffer {
		n = (n + spareStep - 1) / spareStep * spareStep
	}
	return make([]byte, 0, n)
}

// put takes back one that is worth it, if there is room.
func (s *spareBuffers) put(b []byte) {
	if cap(b) <= keepBuffer {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes+cap(b) <= mostSpareBytes {
		s.bytes += cap(b)
		s.free = append(s.free, b)
	}
}
