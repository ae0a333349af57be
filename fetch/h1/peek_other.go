//go:build !unix

package h1

import "net"

// A peeker cannot be had here.
type peeker struct{ asking bool }

func newPeeker(net.Conn) *peeker              { return nil }
func (p *peeker) readNow([]byte) (int, error) { return 0, errWouldBlock }
func (p *peeker) empty() bool                 { return true }

// exchange is never called: there is no peeker.
func (p *peeker) exchange(_, _ []byte) (wrote, n int, err error) { return 0, 0, errStale }
