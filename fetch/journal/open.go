package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

// A State is what a journal says of the run so far.
type State struct {
	Header Header
	// Done knows the items that have their record, in the output or ahead.
	Done Bitmap
	// Ahead are the records that are in the ahead file only.
	Ahead map[int64]Entry
	// Sizes are what the output files are to be cut to.
	Sizes Sizes
	// Cut is how many bytes of a torn tail the journal itself lost.
	Cut int64

	// Rows, OK and Duplicates count the records; Statuses and Classes by kind.
	Rows, OK, Duplicates int64
	Statuses             map[int]int64
	Classes              map[uint8]int64

	outcomes *outcomes
}

// Open opens the journal at path to write on, and tells what it says. A torn
// tail is cut off. The error is ErrLocked where another process has it open,
// ErrNotJournal, ErrNewer, or ErrDamaged.
func Open(path string) (*Journal, *State, error) { return open(path, nil) }

// OpenWithOutcomes does the same, and the State can tell the Outcome of every
// item, for two bytes each.
func OpenWithOutcomes(path string) (*Journal, *State, error) { return open(path, new(outcomes)) }

func open(path string, o *outcomes) (*Journal, *State, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	j := &Journal{file: file}
	st, err := j.load(o)
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return j, st, nil
}

func (j *Journal) load(o *outcomes) (*State, error) {
	if err := lock(j.file); err != nil {
		if h, _ := readHeader(j.file); h.PID != 0 {
			return nil, fmt.Errorf("%w (pid %d)", err, h.PID)
		}
		return nil, err
	}
	st, good, err := read(j.file, o)
	if err != nil {
		return nil, err
	}
	info, err := j.file.Stat()
	if err != nil {
		return nil, err
	}
	j.number = good
	end := headerSize + good*entrySize
	if st.Cut = info.Size() - end; st.Cut > 0 {
		if err := j.file.Truncate(end); err != nil {
			return nil, err
		}
	}
	return st, j.writeHeader(st.Header) // with our pid
}

// Read reads a journal and returns what it says and how many of its entries
// say it.
func Read(r io.Reader) (*State, int64, error) { return read(r, nil) }

func read(r io.Reader, o *outcomes) (*State, int64, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	h, err := readHeader(in)
	if err != nil {
		return nil, 0, err
	}
	st := &State{Header: h, Ahead: map[int64]Entry{}, Statuses: map[int]int64{}, Classes: map[uint8]int64{}, outcomes: o}
	var (
		number, good int64
		batch        []raw
		entry        [entrySize]byte
	)
	for {
		_, err := io.ReadFull(in, entry[:])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return st, good, nil
		}
		if err != nil {
			return nil, 0, err
		}
		e, err := parse(entry[:], number)
		if err != nil {
			return st, good, tornOrDamaged(in, number)
		}
		number++
		if batch = append(batch, e); e.kind == kindEnd {
			st.apply(batch)
			batch, good = batch[:0], number
		}
	}
}

// tornOrDamaged tells a last batch that a crash tore from damage: after
// damage, at least one more batch follows.
func tornOrDamaged(in io.Reader, bad int64) error {
	var entry [entrySize]byte
	ends := 0
	for number := bad + 1; ; number++ {
		if _, err := io.ReadFull(in, entry[:]); err != nil {
			return nil //nolint:nilerr // the end of the file
		}
		if e, err := parse(entry[:], number); err != nil || e.kind != kindEnd {
			continue
		}
		if ends++; ends > 1 {
			return fmt.Errorf("%w at entry %d (byte %d), with good ones after it", ErrDamaged, bad, headerSize+bad*entrySize)
		}
	}
}

// apply takes in a whole batch.
func (st *State) apply(batch []raw) {
	for _, r := range batch {
		switch r.kind {
		case kindRow, kindAhead:
			st.note(r.entry())
		case kindSize:
			if int(r.flags) < len(st.Sizes) {
				st.Sizes[r.flags] = int64(r.value)
			}
		}
	}
}

func (st *State) note(e Entry) {
	first := !st.Done.Has(e.Index)
	st.Done.Set(e.Index)
	if e.Ahead {
		st.Ahead[e.Index] = e
	} else {
		delete(st.Ahead, e.Index)
	}
	if !first {
		return
	}
	st.Rows++
	if e.OK {
		st.OK++
	}
	if e.Duplicate {
		st.Duplicates++
	}
	if st.outcomes != nil {
		st.outcomes.set(e)
	}
	if e.Status != 0 {
		st.Statuses[e.Status]++
	}
	if e.Class != 0 {
		st.Classes[e.Class]++
	}
}

// A Bitmap is a set of indexes, a bit each.
type Bitmap struct{ words []uint64 }

// Has reports whether i is in the set.
func (b *Bitmap) Has(i int64) bool {
	w := i >> 6
	return i >= 0 && w < int64(len(b.words)) && b.words[w]&(1<<(i&63)) != 0
}

// Set adds i.
func (b *Bitmap) Set(i int64) {
	for w := i >> 6; w >= int64(len(b.words)); {
		b.words = append(b.words, 0)
	}
	b.words[i>>6] |= 1 << (i & 63)
}

// Low returns the least index that is not in the set.
func (b *Bitmap) Low() int64 {
	for w, bits := range b.words {
		if bits != ^uint64(0) {
			i := int64(w) << 6
			for b.Has(i) {
				i++
			}
			return i
		}
	}
	return int64(len(b.words)) << 6
}
