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
	none   bool // nothing was there, and the connection is open
	one    [1]byte

	swap  func(fd uintptr) bool // p.trade, bound once
	out   []byte                // a request
	wrote int                   // of it
	state tradeState
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
	p.try, p.swap = p.read, p.trade
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
		p.n, p.err = readNoWait(int(fd), p.buf)
		if p.err == nil || !errors.Is(p.err, syscall.EINTR) {
			break
		}
	}
	p.none = false
	switch {
	case p.err == nil && p.n > 0:
	case errors.Is(p.err, syscall.EAGAIN):
		p.n, p.err, p.none = 0, errWouldBlock, true
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

// A tradeState is how far an exchange has come.
type tradeState uint8

const (
	unasked tradeState = iota
	waiting            // for the answer
)

// exchange asks whether the connection is quiet, writes out, waits, and reads into
// b what comes first. These are the system calls of a read that waits and a write:
// its first look is the question. It is errStale where the connection was not
// quiet. Less than all of out was written where that would have had to wait: then
// nothing was read.
func (p *peeker) exchange(out, b []byte) (wrote, n int, err error) {
	p.out, p.buf, p.wrote, p.n, p.err, p.state = out, b, 0, 0, nil, unasked
	err = p.raw.Read(p.swap)
	p.out, p.buf = nil, nil
	if err == nil {
		err = p.err
	}
	return p.wrote, p.n, err
}

func (p *peeker) trade(fd uintptr) bool {
	p.read(fd)
	switch {
	case p.state == waiting:
		return !p.none
	case !p.none:
		p.n, p.err = 0, errStale
		return true
	}
	for {
		p.wrote, p.err = writeNoWait(int(fd), p.out)
		if p.err == nil || !errors.Is(p.err, syscall.EINTR) {
			break
		}
	}
	p.wrote = max(p.wrote, 0)
	switch {
	case p.err == nil && p.wrote == len(p.out):
		p.state = waiting
		return false
	case errors.Is(p.err, syscall.EAGAIN):
		p.err = nil
		return true
	}
	return true
}
