package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// maxIndex bounds the bitmap that a journal can ask for, to 8 GiB.
const maxIndex = 1 << 36

// entrySize is that of every entry, in bytes.
const entrySize = 32

// A kind says what an entry is about.
type kind uint8

const (
	kindRow   kind = 1
	kindAhead kind = 2
	kindSize  kind = 3
	kindEnd   kind = 4
)

// Flags of a row.
const (
	flagOK        = 1
	flagDuplicate = 2
)

// An Entry is one finished item.
type Entry struct {
	// Index is the item's.
	Index int64
	// Ahead says that the record is in the ahead file, at At, and not in the
	// output.
	Ahead bool
	At    int64
	OK    bool
	// Status is the HTTP status, 0 if there was none.
	Status int
	// Class is a number for the error's class, 0 if there was none.
	Class uint8
	// Duplicate says that the record only points to that of another item.
	Duplicate bool
	// Length is that of the row, in bytes, before compression.
	Length int
}

// File names an output file of a run.
type File uint8

// The files whose sizes a journal keeps.
const (
	Output File = iota // the records
	Ahead              // records that wait for an earlier one
	Failed             // the inputs that failed
	Bodies             // a WARC file
	files
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errBadEntry = errors.New("bad checksum")

// raw is an entry as it stands in the file.
type raw struct {
	kind   kind
	flags  uint8
	status uint16
	length uint32
	value  uint64
	at     uint64
	class  uint8
}

func (r raw) append(b []byte, number int64) []byte {
	start := len(b)
	b = append(b, byte(r.kind), r.flags)
	b = binary.LittleEndian.AppendUint16(b, r.status)
	b = binary.LittleEndian.AppendUint32(b, r.length)
	b = binary.LittleEndian.AppendUint64(b, r.value)
	b = binary.LittleEndian.AppendUint64(b, r.at)
	b = append(b, r.class, 0, 0, 0)
	end := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(number)) // only to be summed: it is not in the file
	return binary.LittleEndian.AppendUint32(b[:end], crc32.Checksum(b[start:], castagnoli))
}

func parse(b []byte, number int64) (raw, error) {
	if checksum(b[:entrySize-4], number) != binary.LittleEndian.Uint32(b[entrySize-4:]) {
		return raw{}, errBadEntry
	}
	r := raw{
		kind: kind(b[0]), flags: b[1],
		status: binary.LittleEndian.Uint16(b[2:]),
		length: binary.LittleEndian.Uint32(b[4:]),
		value:  binary.LittleEndian.Uint64(b[8:]),
		at:     binary.LittleEndian.Uint64(b[16:]),
		class:  b[24],
	}
	if r.kind <= kindAhead && r.value >= maxIndex {
		return raw{}, errBadEntry
	}
	return r, nil
}

func checksum(b []byte, number int64) uint32 {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(number))
	return crc32.Update(crc32.Checksum(b, castagnoli), castagnoli, n[:])
}

func (e Entry) raw() raw {
	r := raw{kind: kindRow, status: uint16(e.Status), length: uint32(e.Length), value: uint64(e.Index), class: e.Class}
	if e.Ahead {
		r.kind, r.at = kindAhead, uint64(e.At)
	}
	if e.OK {
		r.flags |= flagOK
	}
	if e.Duplicate {
		r.flags |= flagDuplicate
	}
	return r
}

func (r raw) entry() Entry {
	return Entry{
		Index: int64(r.value), Ahead: r.kind == kindAhead, At: int64(r.at), OK: r.flags&flagOK != 0, Duplicate: r.flags&flagDuplicate != 0,
		Status: int(r.status), Class: r.class, Length: int(r.length),
	}
}
