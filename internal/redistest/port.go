package redistest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports of servers are below those that the system gives to connections that
// go out, so that nobody takes one while its server is down.
const (
	lowestPort  = 12000
	highestPort = 32000
)

// FreeAddr returns an address of the loopback at which nobody listens.
func FreeAddr() (string, error) {
	var err error
	for range 200 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowestPort+rand.IntN(highestPort-lowestPort)))
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", fmt.Errorf("redistest: no free port: %w", err)
}

// Port returns the port of an address.
func Port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}
