package origin

import (
	"fmt"
	"log/slog"
	"net"
	"time"
)

// maxHosts is what fits into one certificate that clients still read.
const maxHosts = 10_000

// Options say how a server is started. The zero value is one plain host on a
// free port.
type Options struct {
	// Hosts is how many hosts there are, each a loopback address of its own:
	// 127.0.0.1, 127.0.0.2 and on. Default 1, at most 10,000.
	Hosts int
	// Port is the port of all hosts. Default 0: a free one, the same for all
	// where that can be had.
	Port int
	// TLS is the certificate to show. Default Plain: no TLS. With TLS, clients
	// may choose HTTP/2.
	TLS Cert
	// HTTP1 keeps TLS clients on HTTP/1.1.
	HTTP1 bool
	// HostDelay delays every answer of the host with that index.
	HostDelay map[int]time.Duration
	// JudgeRate is a rate in requests a second that the arrivals are held
	// against: see Counts.Burst. Default 0: none.
	JudgeRate float64
	// HintGrace is how long after a hint (Retry-After and the like) requests
	// may still arrive that were under way before the client had read it.
	// Default 20 ms.
	HintGrace time.Duration
	// Seed decides, with the path, what chance decides elsewhere (/flaky,
	// /jitter): the same seed, the same faults. Default 0.
	Seed uint64
	// Listen, when set, gives host i its listener, for example one of an
	// in-memory network; Hosts is then how often it is asked, Port is not used
	// and there is no control address.
	Listen func(i int) (net.Listener, error)
	// Logger gets a line for each start, close and failed handshake, at level
	// debug. Default nil: silent.
	Logger *slog.Logger
}

func (o *Options) fill() error {
	if o.Hosts == 0 {
		o.Hosts = 1
	}
	if o.HintGrace == 0 {
		o.HintGrace = 20 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Hosts < 1 || o.Hosts > maxHosts:
		return fmt.Errorf("origin: %d hosts: use 1 to %d", o.Hosts, maxHosts)
	case o.Port < 0 || o.Port > 65535:
		return fmt.Errorf("origin: port %d: use 0 (any free port) to 65535", o.Port)
	case o.TLS < Plain || o.TLS > SelfSigned:
		return fmt.Errorf("origin: unknown certificate kind %v", o.TLS)
	case o.JudgeRate < 0:
		return fmt.Errorf("origin: rate %v a second: use 0 (none) or more", o.JudgeRate)
	}
	for i, d := range o.HostDelay {
		if i < 0 || i >= o.Hosts || d < 0 {
			return fmt.Errorf("origin: delay %v for host %d: hosts are 0 to %d and no delay is negative", d, i, o.Hosts-1)
		}
	}
	return nil
}
