package fetch

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/penstock-go/penstock/fetch/journal"
)

// A backlog puts rows into order: it holds those that wait for an earlier
// one, in memory up to a limit, beyond it in a file. Its owner's mutex guards
// it, which only advance lets go of.
type backlog struct {
	order  Order
	memory int64
	// open makes the file when it is first needed.
	open func() (aheadFile, error)
	// emit takes the rows that are no longer held back, with the input of
	// those that failed.
	emit func(row, failed []byte, e journal.Entry)

	next   int64 // every row below is out,
	low    int64 // and below this is to be
	busy   bool  // advance is under way
	held   map[int64]*heldRow
	bytes  int64 // in memory
	file   aheadFile
	place  storage // in the file
	inFile int     // rows
	freed  []span  // of rows that are out
	unused []*heldRow
	spare  *spareBuffers // of large rows
}

// Rows of up to spareRow bytes leave their memory to later ones, up to mostSpare.
const (
	spareRow  = 2 << 10
	mostSpare = 1 << 10
)

// A heldRow is in memory, in the file, or in both.
type heldRow struct {
	entry  journal.Entry
	data   []byte // nil if only in the file
	at     int64  // in the file; -1 if only in memory
	failed []byte // the input, if it failed
	// waited says that it was here at the last commit; see File.
	waited bool
}

// put hands a row on, or holds it: a copy, or where that would be large, kept says
// that it is the row itself.
func (q *backlog) put(row, failed []byte, e journal.Entry) (kept bool, _ error) {
	if q.order == CompletionOrder {
		q.emit(row, failed, e)
		return false, nil
	}
	if e.Index == q.next {
		q.next++
		q.emit(row, failed, e)
		return false, nil
	}
	h := q.newRow()
	*h = heldRow{entry: e, failed: failed, at: -1, data: h.data}
	if q.bytes+int64(len(row)) <= q.memory {
		q.bytes += int64(len(row))
		if kept = cap(row) > keepBuffer; kept {
			h.data = row
		} else {
			h.data = append(h.data, row...)
		}
	} else {
		h.data = nil
		if err := q.spill(h, row); err != nil {
			return false, err
		}
	}
	q.keep(h)
	return kept, nil
}

// newRow is one whose data is empty.
func (q *backlog) newRow() *heldRow {
	n := len(q.unused) - 1
	if n < 0 {
		return &heldRow{}
	}
	h := q.unused[n]
	q.unused[n] = nil
	q.unused = q.unused[:n]
	return h
}

// recycleRow takes back a row that is out.
func (q *backlog) recycleRow(h *heldRow) {
	if cap(h.data) > keepBuffer {
		q.spare.put(h.data)
		return
	}
	if h.data != nil && cap(h.data) <= spareRow && len(q.unused) < mostSpare {
		*h = heldRow{data: h.data[:0]}
		q.unused = append(q.unused, h)
	}
}

func (q *backlog) keep(h *heldRow) {
	if q.held == nil {
		q.held = map[int64]*heldRow{}
	}
	q.held[h.entry.Index] = h
}

// spill puts a copy of h's row into the file.
func (q *backlog) spill(h *heldRow, row []byte) error {
	if err := q.allot(h, len(row)); err != nil {
		return err
	}
	if _, err := q.file.WriteAt(row, h.at); err != nil {
		return keepingError(err)
	}
	return nil
}

// allot gives h a place for n bytes in the file.
func (q *backlog) allot(h *heldRow, n int) error {
	if q.file == nil {
		f, err := q.open()
		if err != nil {
			return fmt.Errorf("making a file for records that wait for an earlier one: %w", err)
		}
		q.file = f
	}
	h.at = q.place.take(int64(n))
	h.entry.At = h.at
	q.inFile++
	return nil
}

// advance hands on the rows below low. Where they are many, others may have mu, which
// the caller holds, in between (but not where most of those below low never were here);
// who comes with another low meanwhile leaves that to the one who is at it.
func (q *backlog) advance(mu sync.Locker, low int64) error {
	q.low = max(q.low, low)
	if q.busy {
		return nil
	}
	q.busy = true
	defer func() { q.busy = false }()
	for {
		if more, err := q.release(q.low); !more {
			return err
		}
		mu.Unlock()
		mu.Lock()
	}
}

// releaseAtOnce is how many rows are handed on before others may write theirs.
const releaseAtOnce = 512

// release hands on rows below low, in order. There may be more of them.
func (q *backlog) release(low int64) (more bool, err error) {
	if low <= q.next || q.order == CompletionOrder {
		return false, nil
	}
	if low-q.next <= 2*int64(len(q.held))+64 {
		for end := min(low, q.next+releaseAtOnce); q.next < end; q.next++ {
			if err := q.out(q.next); err != nil {
				return false, err
			}
		}
		return q.next < low, nil
	}
	// low is far beyond what is held, as where an earlier run has done much.
	for _, index := range slices.Sorted(maps.Keys(q.held)) {
		if index >= low {
			break
		}
		if err := q.out(index); err != nil {
			return false, err
		}
	}
	q.next = low
	return false, nil
}

// flush hands on all that is held, gaps or not.
func (q *backlog) flush() error {
	for _, index := range slices.Sorted(maps.Keys(q.held)) {
		if err := q.out(index); err != nil {
			return err
		}
		q.next = index + 1
	}
	return nil
}

// out hands on the row of item index, if it is held.
func (q *backlog) out(index int64) error {
	h := q.held[index]
	if h == nil {
		return nil
	}
	row := h.data
	if row == nil {
		row = q.spare.get(h.entry.Length)[:h.entry.Length]
		defer q.spare.put(row)
		if _, err := q.file.ReadAt(row, h.at); err != nil {
			return fmt.Errorf("reading back records that waited for an earlier one: %w", err)
		}
	} else {
		q.bytes -= int64(len(row))
	}
	delete(q.held, index)
	if h.at >= 0 {
		q.inFile--
		q.freed = append(q.freed, span{h.at, h.at + int64(h.entry.Length)})
	}
	q.emit(row, h.failed, h.entry)
	q.recycleRow(h)
	return nil
}

// recycle lets the places of rows that are out be written over.
func (q *backlog) recycle(freed []span) error {
	if len(freed) > 0 && q.place.give(freed) {
		return q.file.Truncate(q.place.end)
	}
	return nil
}

// reuse lets the file begin anew once nothing in it is wanted any more.
func (q *backlog) reuse() error {
	if q.file == nil || q.inFile > 0 || q.place.end == 0 {
		return nil
	}
	q.place, q.freed = storage{}, nil
	return q.file.Truncate(0)
}

func (q *backlog) close() error {
	if q.file == nil {
		return nil
	}
	return q.file.Close()
}
