package h1

import "bufio"

const (
	readBuffer  = 4 << 10
	writeBuffer = 1 << 10
	mostInline  = 16 << 10 // of a body that is sent with its header, in one write
)

// buffers are what a request borrows while it is under way.
type buffers struct {
	in     *bufio.Reader
	out    writer
	fields fields // of a request that is not a Caller's
	lines  []line // of a header
}

func newBuffers() *buffers {
	return &buffers{in: bufio.NewReaderSize(nil, readBuffer), out: writer{buf: make([]byte, 0, writeBuffer)}}
}

// reset lets go of all that they refer to; it is false for such as have grown.
func (b *buffers) reset() bool {
	b.in.Reset(nil)
	b.out = writer{buf: b.out.buf[:0]}
	return cap(b.out.buf) <= 2*mostInline && b.fields.reset()
}
