package compress

import (
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A Writer compresses what it is given, or passes it on.
//
// Each Flush ends a zstd frame or a gzip member, and the next Write begins
// another. So what was written up to the last Flush is a whole file in
// itself, whatever becomes of the rest, and one may cut the file there and
// write on. It costs some 20 bytes and the memory of what came before: flush
// every megabyte rather than every line.
//
// A Writer is for one goroutine at a time.
type Writer struct {
	w      io.Writer
	packer packer // nil for plain
	open   bool   // a frame or member has begun
	used   bool   // one has been written
	err    error  // of w: what follows it in the file would be lost
}

// A packer is a gzip.Writer or a zstd.Encoder.
type packer interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// NewWriter returns a Writer to w that compresses if name ends in .gz or .zst.
func NewWriter(name string, w io.Writer) *Writer {
	z := &Writer{w: w}
	switch name = strings.ToLower(name); {
	case strings.HasSuffix(name, ".gz"):
		z.packer = gzip.NewWriter(w)
	case strings.HasSuffix(name, ".zst"):
		// One thread: several mean goroutines, and memory for each. A window
		// of 1 MiB is as much as there is between two flushes.
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(fmt.Sprintf("compress: options of zstd: %v", err))
		}
		z.packer = enc
	}
	return z
}

// Write writes p, of which a compressed Writer keeps some until Flush. After an
// error every call returns it again.
func (z *Writer) Write(p []byte) (int, error) {
	if z.err != nil || len(p) == 0 {
		return 0, z.err
	}
	var n int
	if z.packer == nil {
		n, z.err = z.w.Write(p)
		return n, z.err
	}
	if !z.open {
		z.packer.Reset(z.w)
		z.open = true
	}
	n, z.err = z.packer.Write(p)
	return n, z.err
}

// Flush writes out all that was written so far, in such a form that a reader
// that gets no further comes to a proper end. It does nothing if there is
// nothing new.
func (z *Writer) Flush() error {
	if z.err == nil && z.open {
		z.open, z.used = false, true
		z.err = z.packer.Close()
	}
	return z.err
}

// Close flushes. It does not close the writer below. A compressed file into
// which nothing was written gets an empty frame or member, since zcat and zstd
// take an empty file for a broken one. A Write after Close begins another
// frame.
func (z *Writer) Close() error {
	if z.packer != nil && !z.open && !z.used && z.err == nil {
		z.packer.Reset(z.w)
		z.open = true
	}
	return z.Flush()
}
