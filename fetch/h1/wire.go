package h1

import (
	"net"
	"os"
)

// errWouldBlock is an error that TLS takes for a passing one.
var errWouldBlock = os.ErrDeadlineExceeded

// A wire is the connection under TLS. Its Read does not wait while it is being
// asked, and it can tell when it is written to.
type wire struct {
	net.Conn
	peek  *peeker // nil where it cannot be asked
	wrote func()  // nil, or called after each write
}

func (w *wire) Read(b []byte) (int, error) {
	if w.peek != nil && w.peek.asking {
		return w.peek.readNow(b)
	}
	return w.Conn.Read(b)
}

func (w *wire) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	if w.wrote != nil {
		w.wrote()
	}
	return n, err
}
