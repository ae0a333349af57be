package warc

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// Options say how a file is written. The zero value is good.
type Options struct {
	// Plain leaves the records uncompressed; the name of such a file ends in
	// .warc, that of others in .warc.gz.
	Plain bool
	// At is how long the file is already, where it is gone on with. A new
	// warcinfo record follows then: it describes the records after it.
	At int64
	// Filename is the name for WARC-Filename; "" leaves it out.
	Filename string
	// Info is for the warcinfo record, for instance "software", "operator" or
	// "robots". "format" and "conformsTo" are there in any case.
	Info map[string]string
}

// A Writer appends records to a file. It is safe for concurrent use: records
// are packed side by side and only then take turns.
//
// What was written is handed to the underlying writer whole, exchange by
// exchange: Size is where the file can be cut and appended to.
type Writer struct {
	opts     Options
	infoID   string
	encoders sync.Pool
	buffers  sync.Pool

	mu    sync.Mutex
	w     io.Writer
	size  int64
	begun bool
	err   error // of w; what comes after it in the file would be lost
}

// NewWriter returns a Writer to w. Nothing is written yet: the warcinfo record
// comes with the first exchange.
func NewWriter(w io.Writer, o Options) *Writer {
	o.Info = maps.Clone(o.Info)
	z := &Writer{opts: o, infoID: newID(), w: w, size: o.At}
	z.encoders.New = func() any { return newEncoder(o.Plain) }
	z.buffers.New = func() any { return new(bytes.Buffer) }
	return z
}

// WriteExchange appends a request and its response with one call of the
// underlying Write, before which the warcinfo record may come. It returns where
// the response record is: NewReader of the n bytes from at on reads it.
//
// ErrNoExchange says that there was nothing to write, and the Writer can go
// on. After an error of the underlying writer the file holds a torn record
// behind Size, and every call returns that error.
func (w *Writer) WriteExchange(x Exchange) (at int64, n int, err error) {
	p, err := w.Pack(x)
	if err != nil {
		return 0, 0, err
	}
	return w.Append(p)
}

// A Packed is an exchange as it will stand in the file. It is appended once.
type Packed struct {
	text *bytes.Buffer
	skip int // bytes before the response
}

// Pack does the part of WriteExchange that takes time, and writes nothing: for
// who has to know where a record will be before anybody else writes. What is
// packed takes memory until it is appended.
func (w *Writer) Pack(x Exchange) (*Packed, error) {
	if err := x.check(); err != nil {
		return nil, err
	}
	// A compressor is a megabyte, and there may be many exchanges that wait to
	// be appended: only their text is kept.
	e := w.encoders.Get().(*encoder)
	defer w.encoders.Put(e)
	e.out = w.buffers.Get().(*bytes.Buffer)
	return &Packed{text: e.out, skip: e.exchange(&x, w.infoID)}, nil
}

// Append writes p, which Pack of the same Writer gave. It is the other part of
// WriteExchange, and returns the same.
func (w *Writer) Append(p *Packed) (at int64, n int, err error) {
	text := p.text
	p.text = nil // a second time would write somebody else's exchange
	defer w.release(text)
	n = text.Len() - p.skip

	// The lock is held across the write because that is what it guards: one
	// exchange after another, each where Size says.
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin()
	at = w.size + int64(p.skip)
	w.write(text.Bytes())
	if w.err != nil {
		return 0, 0, w.err
	}
	return at, n, nil
}

// release keeps a buffer for the next exchange. What one large body took is not
// kept.
func (w *Writer) release(text *bytes.Buffer) {
	if text.Cap() <= keepBuffer {
		text.Reset()
		w.buffers.Put(text)
	}
}

// Size is how long the file is up to the last whole exchange, Options.At
// included.
func (w *Writer) Size() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.size
}

// begin writes the warcinfo record, once. The caller holds mu.
func (w *Writer) begin() {
	if w.begun || w.err != nil {
		return
	}
	w.begun = true
	e := newEncoder(w.opts.Plain)
	e.out = new(bytes.Buffer)
	e.info(w.opts, w.infoID)
	w.write(e.out.Bytes())
}

// write writes whole records. The caller holds mu.
func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	if _, w.err = w.w.Write(b); w.err == nil {
		w.size += int64(len(b))
	}
}

// info writes the record that describes the ones after it.
func (e *encoder) info(o Options, id string) {
	var block []byte
	for _, name := range slices.Sorted(maps.Keys(o.Info)) {
		if isToken(name) && name != "format" && name != "conformsTo" {
			block = appendField(block, name, o.Info[name])
		}
	}
	block = appendField(block, "format", "WARC File Format 1.1")
	block = appendField(block, "conformsTo", "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/")
	fields := []field{{"WARC-Type", "warcinfo"}, {"WARC-Record-ID", id}, {"WARC-Date", date(time.Now())}}
	if o.Filename != "" {
		fields = append(fields, field{"WARC-Filename", o.Filename})
	}
	e.record(append(fields, field{"Content-Type", "application/warc-fields"}), block, nil)
}
