package fetch

import (
	"encoding/binary"
	"errors"
	"net/http"
	"time"
)

// A spilled item is its fields one after another: numbers as varints, texts behind
// their lengths. It is for the process that wrote it alone.

var errSpilled = errors.New("not what was put there")

// appendSpilled appends an item that waits, with when it was admitted.
func appendSpilled(b []byte, it *Item, admitted time.Time) []byte {
	b = binary.AppendVarint(b, it.Index)
	b = binary.AppendVarint(b, it.Line)
	b = binary.AppendVarint(b, int64(it.Cost))
	b = binary.AppendVarint(b, int64(admitted.Sub(spilledEpoch)))
	b = appendPart(b, it.Source)
	b = appendPart(b, it.ID)
	b = appendPart(b, it.URL)
	b = appendPart(b, it.Method)
	b = appendBytes(b, it.Raw, it.Raw == nil, string(it.Raw) == it.URL)
	b = appendBytes(b, it.Body, it.Body == nil, false)
	b = binary.AppendUvarint(b, uint64(len(it.Header)))
	for name, values := range it.Header {
		b = appendPart(b, name)
		b = binary.AppendUvarint(b, uint64(len(values)))
		for _, v := range values {
			b = appendPart(b, v)
		}
	}
	return b
}

// spilledEpoch lets times keep their monotonic part.
var spilledEpoch = time.Now()

// What stands before bytes.
const (
	noBytes   = 0
	sameBytes = 1 // as the URL
	ownBytes  = 2
)

func appendBytes(b, p []byte, none, same bool) []byte {
	switch {
	case none:
		return append(b, noBytes)
	case same:
		return append(b, sameBytes)
	}
	b = append(b, ownBytes)
	b = binary.AppendUvarint(b, uint64(len(p)))
	return append(b, p...)
}

// A spillReader reads items back; bad is set by what cannot be read.
type spillReader struct {
	b   []byte
	bad bool
}

func (r *spillReader) item() (it Item, admitted time.Time, err error) {
	it.Index, it.Line, it.Cost = r.varint(), r.varint(), int(r.varint())
	admitted = spilledEpoch.Add(time.Duration(r.varint()))
	it.Source, it.ID, it.URL, it.Method = r.text(), r.text(), r.text(), r.text()
	it.Raw = r.bytes(it.URL)
	it.Body = r.bytes("")
	if n := r.count(); n > 0 {
		it.Header = make(http.Header, n)
		for range n {
			name := r.text()
			values := make([]string, r.count())
			for i := range values {
				values[i] = r.text()
			}
			it.Header[name] = values
		}
	}
	if r.bad {
		err = errSpilled
	}
	return it, admitted, err
}

func (r *spillReader) varint() int64 {
	v, n := binary.Varint(r.b)
	r.skip(n)
	return v
}

// count is a number of things that follow, each of which takes a byte at least.
func (r *spillReader) count() int {
	v, n := binary.Uvarint(r.b)
	r.skip(n)
	if v > uint64(len(r.b)) {
		r.bad = true
		return 0
	}
	return int(v)
}

func (r *spillReader) skip(n int) {
	if n <= 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return
	}
	r.b = r.b[n:]
}

func (r *spillReader) part() []byte {
	n := r.count()
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *spillReader) text() string { return string(r.part()) }

// bytes returns bytes of their own, or those of same.
func (r *spillReader) bytes(same string) []byte {
	if len(r.b) == 0 {
		r.bad = true
		return nil
	}
	kind := r.b[0]
	r.b = r.b[1:]
	switch kind {
	case noBytes:
		return nil
	case sameBytes:
		return []byte(same)
	}
	return append([]byte{}, r.part()...)
}
