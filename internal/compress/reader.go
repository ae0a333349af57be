package compress

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is the most memory that a zstd frame may ask for. It is what the
// zstd command grants without --long.
const maxWindow = 128 << 20

// An Error says that a compressed stream is broken, and where.
type Error struct {
	Format string // gzip or zstd
	Offset int64  // bytes of the compressed stream that were read before
	Err    error  // io.ErrUnexpectedEOF if the stream is truncated
}

// Error returns what is wrong and where, without the file's name.
func (e *Error) Error() string {
	switch {
	case errors.Is(e.Err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("truncated %s data: it ends in the middle, after byte %d", e.Format, e.Offset)
	case errors.Is(e.Err, zstd.ErrWindowSizeExceeded), errors.Is(e.Err, zstd.ErrDecoderSizeExceeded):
		return fmt.Sprintf("zstd data at byte %d takes more than %d MiB of memory: compress it without --long", e.Offset, maxWindow>>20)
	}
	return fmt.Sprintf("corrupt %s data at byte %d: %v", e.Format, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Open opens a file and reads it plain whether it is plain, gzip or zstd, which
// is told by its content and not by its name. Close closes the file.
//
// Beyond what NewReader says, errors are those of os.Open; each of Open's
// errors names the file, and those of Read do not, except for the operating
// system's.
func Open(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	r, err := newReader(f)
	if err != nil {
		_ = f.Close()
		if _, ok := errors.AsType[*os.PathError](err); ok {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r.file = f
	return r, nil
}

// NewReader returns a reader of r's content, which it unpacks if it is gzip of
// one or more members, or zstd of one or more frames. An empty stream is plain.
// It blocks until r has given its first ten bytes, or ended. Close does not
// close r.
//
// A stream that is broken gives what can be read of it and then an *Error;
// that is io.ErrUnexpectedEOF if the stream just stops. An unsupported format
// is an error that is ErrFormat. The errors of r are returned as they are.
func NewReader(r io.Reader) (io.ReadCloser, error) {
	return newReader(r)
}

func newReader(r io.Reader) (*reader, error) {
	z := &reader{src: source{r: r}}
	z.buffered = bufio.NewReaderSize(&z.src, 64<<10)
	head, err := z.buffered.Peek(peek)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if z.format, err = sniff(head); err != nil {
		return nil, err
	}
	switch z.format {
	case nil:
		z.plain = z.buffered
	case &gzipFormat:
		z.plain, err = gzip.NewReader(z.buffered)
	case &zstdFormat:
		// More than one thread would mean goroutines that outlive a reader
		// that nobody closed, for a stream that outruns any network anyway.
		z.zstd, err = zstd.NewReader(z.buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		z.plain = z.zstd
	}
	if err != nil {
		return nil, z.explain(err)
	}
	return z, nil
}

// A reader reads plain text.
type reader struct {
	src      source
	buffered *bufio.Reader
	format   *format // nil means plain
	plain    io.Reader
	zstd     *zstd.Decoder
	file     *os.File
}

// Read reads plain text.
func (z *reader) Read(p []byte) (int, error) {
	n, err := z.plain.Read(p)
	if err != nil && err != io.EOF {
		err = z.explain(err)
	}
	return n, err
}

// Close gives the memory back, and closes the file if Open opened it.
func (z *reader) Close() error {
	if z.zstd != nil {
		z.zstd.Close()
	}
	if z.file == nil {
		return nil
	}
	return z.file.Close()
}

// explain tells a broken stream from one that could not be read.
func (z *reader) explain(err error) error {
	switch {
	case z.src.err != nil && z.src.err != io.EOF:
		return z.src.err
	case z.format == nil, errors.Is(err, zstd.ErrDecoderClosed):
		return err
	}
	return &Error{Format: z.format.name, Offset: z.src.n - int64(z.buffered.Buffered()), Err: err}
}

// A source counts what was read, and keeps the error, which a decoder may
// return in words of its own.
type source struct {
	r   io.Reader
	n   int64
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil {
		s.err = err
	}
	return n, err
}
