package h1

import (
	"net"
	"os"
)

// errWouldBlock is an error that TLS takes for a passing one.
var errWouldBlock = os.ErrDeadlineExceeded

// An askable is a connection whose Read does not wait while it is being asked.
type askable struct {
	net.Conn
	peek *peeker
}

func (a *askable) Read(b []byte) (int, error) {
	if a.peek.asking {
		return a.peek.readNow(b)
	}
	return a.Conn.Read(b)
}
