package fetch

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/penstock-go/penstock"
)

const (
	dnsFresh    = time.Minute     // how long an answer is used
	dnsNegative = 2 * time.Second // how long a failure is
	dnsLookups  = 64              // at once
	dnsNames    = 1 << 16         // remembered
)

// A lookupFunc asks for the addresses of a name.
type lookupFunc func(ctx context.Context, host string) ([]netip.Addr, error)

func systemLookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// A dnsCache remembers the addresses of names. Many who ask for one name at
// once cause one lookup, and at most dnsLookups are under way at a time.
type dnsCache struct {
	lookup lookupFunc
	slots  *penstock.Semaphore

	mu    sync.Mutex
	names map[string]*dnsName
}

// A dnsName is what is known of a name.
type dnsName struct {
	addrs  []netip.Addr
	err    error
	until  time.Time
	turn   int           // of the address to be tried first
	flight chan struct{} // closed when the lookup under way has ended; nil if none is
}

func newDNSCache(lookup lookupFunc) *dnsCache {
	return &dnsCache{lookup: lookup, slots: penstock.NewSemaphore(dnsLookups), names: map[string]*dnsName{}}
}

// addresses returns the addresses of host, each time with another one first.
func (c *dnsCache) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	for {
		addrs, flight, err := c.known(host)
		if flight == nil {
			return addrs, err
		}
		if addrs, led, err := c.lead(ctx, host, flight); led {
			return addrs, err
		}
		select {
		case <-flight:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// known returns what is fresh, or else the flight to wait for.
func (c *dnsCache) known(host string) (_ []netip.Addr, flight chan struct{}, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.names[host]
	if n == nil {
		c.makeRoom()
		n = &dnsName{}
		c.names[host] = n
	}
	if time.Now().Before(n.until) {
		return n.rotated(), nil, n.err
	}
	if n.flight != nil {
		return nil, n.flight, nil
	}
	// A buffered value marks a flight that nobody leads yet.
	n.flight = make(chan struct{}, 1)
	n.flight <- struct{}{}
	return nil, n.flight, nil
}

// lead looks host up, if nobody else leads the flight. The one who leads does
// it in its own time: when its context ends, the next one starts again.
func (c *dnsCache) lead(ctx context.Context, host string, flight chan struct{}) (_ []netip.Addr, led bool, _ error) {
	select {
	case _, mine := <-flight:
		if !mine {
			return nil, false, nil // it has landed
		}
	default:
		return nil, false, nil
	}
	addrs, err := c.ask(ctx, host)
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.names[host]
	if n == nil || n.flight != flight { // forgotten meanwhile
		close(flight)
		return addrs, true, err
	}
	n.flight = nil
	close(flight)
	if ctx.Err() == nil {
		n.addrs, n.err, n.until = addrs, err, time.Now().Add(dnsFresh)
		if err != nil {
			n.until = time.Now().Add(dnsNegative)
		}
	}
	return addrs, true, err
}

func (c *dnsCache) ask(ctx context.Context, host string) ([]netip.Addr, error) {
	if err := c.slots.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer c.slots.Release(1)
	addrs, err := c.lookup(ctx, host)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	return addrs, err
}

// makeRoom forgets a few names, any, when there are too many. The caller
// holds mu.
func (c *dnsCache) makeRoom() {
	if len(c.names) < dnsNames {
		return
	}
	forget := dnsNames / 16
	for host, n := range c.names {
		if n.flight == nil {
			delete(c.names, host)
			if forget--; forget == 0 {
				return
			}
		}
	}
}

// rotated returns the addresses beginning with the next in turn.
func (n *dnsName) rotated() []netip.Addr {
	if len(n.addrs) < 2 {
		return n.addrs
	}
	n.turn = (n.turn + 1) % len(n.addrs)
	return append(append(make([]netip.Addr, 0, len(n.addrs)), n.addrs[n.turn:]...), n.addrs[:n.turn]...)
}

// errPrivate is why --deny-private refuses an address.
var errPrivate = errors.New("the address is private, and such are denied")
