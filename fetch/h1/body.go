package h1

import (
	"io"
	"time"
)

// What is read of a body that nobody wants, so that its connection is kept.
const (
	mostDrained   = 32 << 10
	longestDrain  = 50 * time.Millisecond
	drainedAtOnce = 4 << 10
)

// Read reads the response's body. At its end the connection is free.
func (x *exchange) Read(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err != nil {
		return 0, x.err
	}
	n, err := x.src.Read(p)
	x.left -= int64(n)
	switch {
	case err == io.EOF:
		x.err = err
		x.end(true)
	case err != nil:
		x.end(false)
		if cause := x.cause(); cause != nil {
			err = cause
		}
		x.err = err
	}
	return n, err
}

// Close parts with the connection, which is kept if the rest of the body is
// short. It also ends a Read that another goroutine is in.
func (x *exchange) Close() error {
	if !x.mu.TryLock() {
		x.c.abort(x)
		x.mu.Lock()
	}
	defer x.mu.Unlock()
	if x.err == nil {
		x.end(x.drain())
	}
	x.err = errClosedBody
	return nil
}

// drain reads the rest, if that is little and comes soon, and says whether it
// did.
func (x *exchange) drain() bool {
	if x.last || x.left > mostDrained {
		return false
	}
	x.c.readWithin(longestDrain)
	scratch := make([]byte, drainedAtOnce)
	for n := 0; n <= mostDrained; {
		k, err := x.src.Read(scratch)
		n += k
		if err == io.EOF {
			x.c.readWithin(0)
			return true
		}
		if err != nil {
			return false
		}
	}
	return false
}
