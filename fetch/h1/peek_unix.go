//go:build unix

package h1

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// A peeker reads from a connection without waiting.
type peeker struct {
	asking bool // for askable: do not wait
	raw    syscall.RawConn
	try    func(fd uintptr) bool // p.read, bound once
	buf    []byte
	n      int
	err    error
	one    [1]byte
}

// newPeeker returns nil for a connection that is none of the system's.
func newPeeker(c net.Conn) *peeker {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	p := &peeker{raw: raw}
	p.try = p.read
	return p
}

// readNow reads what is there; errWouldBlock if nothing is.
func (p *peeker) readNow(b []byte) (int, error) {
	p.buf = b
	err := p.raw.Read(p.try)
	p.buf = nil
	if err != nil {
		return 0, err
	}
	return p.n, p.err
}

func (p *peeker) read(fd uintptr) bool {
	for {
		p.n, p.err = syscall.Read(int(fd), p.buf)
		if !errors.Is(p.err, syscall.EINTR) {
			break
		}
	}
	switch {
	case errors.Is(p.err, syscall.EAGAIN):
		p.n, p.err = 0, errWouldBlock
	case p.err != nil:
		p.n = 0
	case p.n == 0:
		p.err = io.EOF
	}
	return true // do not wait for more
}

// empty says that the connection is open and nothing has come. If something has
// it loses a byte of it.
func (p *peeker) empty() bool {
	_, err := p.readNow(p.one[:])
	return errors.Is(err, errWouldBlock)
}
