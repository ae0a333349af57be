package adaptive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"reflect"
	"time"
	"unsafe" //nolint:gosec // see settable
)

// ErrSnapshot says that what is to be restored is no snapshot of this control by
// this version of the package.
var ErrSnapshot = errors.New("adaptive: not a snapshot of this control")

// MarshalBinary returns all that a has learned, some 30 kB at most, so that another
// process can go on from there. Times are kept without their monotonic readings.
// It never fails.
func (a *Auto) MarshalBinary() ([]byte, error) { return snapshot(a) }

// UnmarshalBinary makes a what it was when MarshalBinary was called. The error is
// ErrSnapshot, also for a snapshot of a version that remembers other things; a is
// then as it was.
func (a *Auto) UnmarshalBinary(data []byte) error { return restore(a, data) }

// MarshalBinary returns the state of a; see [Auto.MarshalBinary].
func (a *AIMD) MarshalBinary() ([]byte, error) { return snapshot(a) }

// UnmarshalBinary restores a; see [Auto.UnmarshalBinary].
func (a *AIMD) UnmarshalBinary(data []byte) error { return restore(a, data) }

// MarshalBinary returns the state of v; see [Auto.MarshalBinary].
func (v *Vegas) MarshalBinary() ([]byte, error) { return snapshot(v) }

// UnmarshalBinary restores v; see [Auto.UnmarshalBinary].
func (v *Vegas) UnmarshalBinary(data []byte) error { return restore(v, data) }

// MarshalBinary returns the state of g; see [Auto.MarshalBinary].
func (g *Gradient2) MarshalBinary() ([]byte, error) { return snapshot(g) }

// UnmarshalBinary restores g; see [Auto.UnmarshalBinary].
func (g *Gradient2) UnmarshalBinary(data []byte) error { return restore(g, data) }

// It is tempting to list the fields in a second struct. But one that is forgotten
// there is not missed by any compiler, and makes a control that has forgotten a
// part. So all fields are walked through, and the checksum of their names and types
// stands before their values: what another version remembers is not misread.

// snapshot writes what p points to.
func snapshot[T any](p *T) ([]byte, error) {
	v := reflect.ValueOf(p).Elem()
	data := binary.LittleEndian.AppendUint32(nil, layout(v.Type()))
	data = save(data, v)
	return binary.LittleEndian.AppendUint32(data, crc32.ChecksumIEEE(data)), nil
}

// restore reads it.
func restore[T any](p *T, data []byte) error {
	end := len(data) - 4
	if end < 4 {
		return fmt.Errorf("%w: %d bytes", ErrSnapshot, len(data))
	}
	if crc32.ChecksumIEEE(data[:end]) != binary.LittleEndian.Uint32(data[end:]) {
		return fmt.Errorf("%w: it is damaged", ErrSnapshot)
	}
	fresh := new(T)
	v := reflect.ValueOf(fresh).Elem()
	if layout(v.Type()) != binary.LittleEndian.Uint32(data) {
		return fmt.Errorf("%w: it is another's, or another version's", ErrSnapshot)
	}
	r := reader{data: data[4:end]}
	if r.load(v); r.bad || len(r.data) > 0 {
		return fmt.Errorf("%w: its length is wrong", ErrSnapshot)
	}
	*p = *fresh
	return nil
}

var timeType = reflect.TypeFor[time.Time]()

// layout is the checksum of the names and types of all fields below t.
func layout(t reflect.Type) uint32 { return crc32.ChecksumIEEE(describe(nil, t)) }

func describe(text []byte, t reflect.Type) []byte {
	text = append(text, t.Kind().String()...)
	switch {
	case t == timeType:
		return append(text, "time"...)
	case t.Kind() == reflect.Struct:
		for f := range t.Fields() {
			text = append(append(text, ' '), f.Name...)
			text = describe(append(text, ' '), f.Type)
		}
		return append(text, ';')
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice:
		return describe(append(text, ' '), t.Elem())
	case t.Kind() == reflect.Array:
		return describe(fmt.Appendf(text, " %d ", t.Len()), t.Elem())
	}
	return text
}

// save appends v's value.
func save(data []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return append(data, 1)
		}
		return append(data, 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendVarint(data, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return binary.AppendUvarint(data, v.Uint())
	case reflect.Float64, reflect.Float32:
		return binary.LittleEndian.AppendUint64(data, math.Float64bits(v.Float()))
	case reflect.Struct:
		if v.Type() == timeType {
			return saveTime(data, *settable(v).Addr().Interface().(*time.Time))
		}
		for _, field := range v.Fields() {
			data = save(data, field)
		}
		return data
	case reflect.Pointer:
		if v.IsNil() {
			return append(data, 0)
		}
		return save(append(data, 1), v.Elem())
	case reflect.Slice:
		data = binary.AppendUvarint(data, uint64(v.Len()))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			data = save(data, v.Index(i))
		}
		return data
	default:
		panic("adaptive: a control has a field that no snapshot can have: " + v.Type().String())
	}
}

func saveTime(data []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(data, 0)
	}
	return binary.AppendVarint(append(data, 1), t.UnixNano())
}

// settable is v, of which v.Set and v.Interface may be called though it is an
// unexported field: it is one of this package.
func settable(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem() //nolint:gosec // of a field of our own
}

// A reader reads a snapshot, up to where it is bad.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) load(v reflect.Value) {
	v = settable(v)
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.flag())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(r.int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.uint())
	case reflect.Float64, reflect.Float32:
		if b := r.take(8); b != nil {
			v.SetFloat(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	case reflect.Struct:
		if v.Type() == timeType {
			if r.flag() {
				v.Set(reflect.ValueOf(time.Unix(0, r.int())))
			}
			return
		}
		for _, field := range v.Fields() {
			r.load(field)
		}
	case reflect.Pointer:
		if r.flag() {
			v.Set(reflect.New(v.Type().Elem()))
			r.load(v.Elem())
		}
	case reflect.Slice:
		n := r.uint()
		if n > uint64(len(r.data)) { // each takes a byte or more
			r.bad = true
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), int(n), int(n)))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			r.load(v.Index(i))
		}
	default:
		r.bad = true
	}
}

func (r *reader) take(n int) []byte {
	if n > len(r.data) {
		r.bad, r.data = true, nil
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) flag() bool {
	b := r.take(1)
	return len(b) == 1 && b[0] == 1
}

func (r *reader) int() int64 {
	x, n := binary.Varint(r.data)
	r.skip(n)
	return x
}

func (r *reader) uint() uint64 {
	x, n := binary.Uvarint(r.data)
	r.skip(n)
	return x
}

func (r *reader) skip(n int) {
	if n <= 0 {
		r.bad, r.data = true, nil
		return
	}
	r.data = r.data[n:]
}
