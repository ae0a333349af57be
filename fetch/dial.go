package fetch

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// headStart is what an address is given before the next one is tried as well
// (RFC 8305 recommends 250 ms).
const headStart = 250 * time.Millisecond

// A dialer connects to hosts by the addresses that its cache knows.
type dialer struct {
	net   net.Dialer
	cache *dnsCache
}

func newDialer(timeout time.Duration, denyPrivate bool) *dialer {
	d := &dialer{
		net:   net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second},
		cache: newDNSCache(systemLookup),
	}
	if denyPrivate {
		// Here the address is the one that is really connected to, whatever
		// a name has resolved to before.
		d.net.Control = func(_, address string, _ syscall.RawConn) error { return checkPublic(address) }
	}
	return d
}

// DialContext connects to addr, a host and a port.
func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return d.net.DialContext(ctx, network, addr)
	}
	addrs, err := d.cache.addresses(ctx, host)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	if len(addrs) == 1 {
		return d.net.DialContext(ctx, network, net.JoinHostPort(addrs[0].String(), port))
	}
	return d.race(ctx, network, addrs, port)
}

// race dials the addresses one after another, the next as soon as one has
// failed or its head start is over, and returns the first connection.
func (d *dialer) race(ctx context.Context, network string, addrs []netip.Addr, port string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.net.Timeout)
	defer cancel()
	type dialed struct {
		conn net.Conn
		err  error
	}
	results := make(chan dialed)
	next := time.NewTimer(0)
	defer next.Stop()
	var first net.Conn
	var errs error
	for started, ended := 0, 0; ended < len(addrs) && (first == nil || ended < started); {
		wake := next.C
		if started == len(addrs) || first != nil {
			wake = nil
		}
		select {
		case <-wake:
			address := net.JoinHostPort(addrs[started].String(), port)
			started++
			go func() {
				conn, err := d.net.DialContext(ctx, network, address)
				results <- dialed{conn, err}
			}()
			next.Reset(headStart)
		case r := <-results:
			ended++
			switch {
			case r.err != nil:
				errs = errors.Join(errs, r.err)
				next.Reset(0)
			case first == nil:
				first = r.conn
				cancel()
			default:
				r.conn.Close()
			}
		}
	}
	if first != nil {
		return first, nil
	}
	return nil, errs
}

// metadata are addresses at which clouds tell their machines secrets, and
// shared ranges that are no more public than the private ones.
var metadata = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"),     // carrier-grade NAT; Alibaba's metadata
	netip.MustParsePrefix("192.0.0.0/24"),      // Oracle's metadata
	netip.MustParsePrefix("198.18.0.0/15"),     // benchmarking
	netip.MustParsePrefix("0.0.0.0/8"),         // this host
	netip.MustParsePrefix("240.0.0.0/4"),       // reserved, and broadcast
	netip.MustParsePrefix("64:ff9b::/96"),      // NAT64, which leads to any IPv4 address
	netip.MustParsePrefix("fd00:ec2::254/128"), // Amazon's metadata
	netip.MustParsePrefix("168.63.129.16/32"),  // Azure's
	netip.MustParsePrefix("169.254.0.0/16"),    // link-local; most clouds' metadata
}

// checkPublic refuses an address, with a port, that is not a public one.
func checkPublic(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	a := ap.Addr().Unmap().WithZone("")
	bad := a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() ||
		a.IsInterfaceLocalMulticast() || a.IsMulticast() || a.IsUnspecified()
	for _, p := range metadata {
		bad = bad || p.Contains(a)
	}
	if bad {
		return errPrivate
	}
	return nil
}
