package origin

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// scope is what is counted both for one host and for all together.
type scope struct {
	flight gauge
	open   gauge

	mu       sync.Mutex
	arrivals arrivals
}

// host is one listening address and its counts.
type host struct {
	scope // its mu guards also what stands under it here
	seen  seen
	hint  hint
	first time.Duration
	last  time.Duration
	leaks map[string]uint64

	index    int
	url      string
	listener net.Listener
	delay    time.Duration
	opened   atomic.Uint64
	bytes    atomic.Uint64
	noStatus atomic.Uint64
	protos   [4]atomic.Uint64                       // by major version
	statuses [10]atomic.Pointer[[100]atomic.Uint64] // by hundreds, made when needed
}

func (h *host) countStatus(code int) {
	if code < 100 || code > 999 {
		h.noStatus.Add(1)
		return
	}
	block := h.statuses[code/100].Load()
	if block == nil {
		h.statuses[code/100].CompareAndSwap(nil, new([100]atomic.Uint64))
		block = h.statuses[code/100].Load()
	}
	block[code%100].Add(1)
}

// hint is a server's word that nothing is to come before until.
type hint struct {
	from, until time.Duration
	early       uint64 // arrivals that came all the same
}

// hintSlack forgives a client whose clock reads a trifle ahead of the server's.
const hintSlack = time.Millisecond

// say records a hint given now. A hint given while another holds prolongs it.
func (h *hint) say(now, until time.Duration) {
	if now >= h.until {
		h.from = now
	}
	h.until = max(h.until, until)
}

// judge counts an arrival as early when a hint has been out for longer than
// grace and still holds.
func (h *hint) judge(now, grace time.Duration) {
	if now >= h.from+grace && now < h.until-hintSlack {
		h.early++
	}
}

// address is the loopback address of host i: 127.0.0.1 and on.
func address(i int) string {
	n := i + 1
	return fmt.Sprintf("127.%d.%d.%d", n>>16&255, n>>8&255, n&255)
}

// listenAll listens on every host's address, on one port. For port 0 the first
// host gets a free port and the others try to have the same; after ten such
// tries each takes what is free.
func listenAll(hosts, port int) ([]net.Listener, error) {
	const tries = 10
	for range tries {
		ls, err := listenSame(hosts, port)
		if err == nil || port != 0 || !errors.Is(err, syscall.EADDRINUSE) {
			return ls, err
		}
	}
	return listenEach(hosts, func(int) int { return 0 })
}

func listenSame(hosts, port int) ([]net.Listener, error) {
	return listenEach(hosts, func(before int) int {
		if port == 0 {
			return before
		}
		return port
	})
}

// listenEach asks for each host's port, given the port of the host before (0
// for the first). On an error nothing is left listening.
func listenEach(hosts int, port func(before int) int) ([]net.Listener, error) {
	ls := make([]net.Listener, 0, hosts)
	before := 0
	for i := range hosts {
		l, err := net.Listen("tcp4", net.JoinHostPort(address(i), fmt.Sprint(port(before))))
		if err != nil {
			for _, l := range ls {
				l.Close()
			}
			return nil, err
		}
		before = l.Addr().(*net.TCPAddr).Port
		ls = append(ls, l)
	}
	return ls, nil
}
