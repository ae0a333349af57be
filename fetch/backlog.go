package fetch

import (
	"fmt"
	"maps"
	"os"
	"slices"
)

// A backlog holds the lines that wait for an earlier one: in memory up to a
// limit, beyond it in a temporary file. It is not safe for concurrent use.
type backlog struct {
	memory int64
	dir    string

	next   int64 // every line below is out
	held   map[int64]line
	bytes  int64 // in memory
	file   *os.File
	end    int64 // of the file
	inFile int   // lines
}

// A line is in memory, or at a place in the file.
type line struct {
	data []byte
	at   int64
	size int
}

// hold keeps a copy of b.
func (q *backlog) hold(index int64, b []byte) error {
	if q.bytes+int64(len(b)) <= q.memory {
		q.bytes += int64(len(b))
		q.held[index] = line{data: append([]byte(nil), b...)}
		return nil
	}
	if q.file == nil {
		f, err := os.CreateTemp(q.dir, "penstock-*.spill")
		if err != nil {
			return fmt.Errorf("making a file for records that wait for an earlier one: %w", err)
		}
		_ = os.Remove(f.Name()) // gone with the process, whatever ends it
		q.file = f
	}
	if _, err := q.file.WriteAt(b, q.end); err != nil {
		return fmt.Errorf("keeping records that wait for an earlier one: %w", err)
	}
	q.held[index] = line{at: q.end, size: len(b)}
	q.end += int64(len(b))
	q.inFile++
	return nil
}

// release hands on the lines below low, in order.
func (q *backlog) release(low int64, emit func([]byte)) error {
	if low <= q.next {
		return nil
	}
	if low-q.next > 2*int64(len(q.held)) {
		return q.releaseSparse(low, emit)
	}
	for ; q.next < low; q.next++ {
		if err := q.out(q.next, emit); err != nil {
			return err
		}
	}
	return nil
}

// releaseSparse is release for a low that is far beyond what is held.
func (q *backlog) releaseSparse(low int64, emit func([]byte)) error {
	for _, index := range slices.Sorted(maps.Keys(q.held)) {
		if index >= low {
			break
		}
		if err := q.out(index, emit); err != nil {
			return err
		}
	}
	q.next = low
	return nil
}

func (q *backlog) out(index int64, emit func([]byte)) error {
	l, ok := q.held[index]
	if !ok {
		return nil
	}
	delete(q.held, index)
	if l.data != nil {
		q.bytes -= int64(len(l.data))
		emit(l.data)
		return nil
	}
	b := make([]byte, l.size)
	if _, err := q.file.ReadAt(b, l.at); err != nil {
		return fmt.Errorf("reading back records that waited for an earlier one: %w", err)
	}
	emit(b)
	if q.inFile--; q.inFile == 0 {
		q.end = 0
		return q.file.Truncate(0)
	}
	return nil
}

func (q *backlog) close() {
	if q.file != nil {
		_ = q.file.Close()
	}
}
