package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slowDNS answers after a second, and counts.
type slowDNS struct {
	calls, now, most atomic.Int64
	fail             error
	addrs            []netip.Addr
}

func (s *slowDNS) lookup(ctx context.Context, _ string) ([]netip.Addr, error) {
	s.calls.Add(1)
	for n := s.now.Add(1); ; {
		most := s.most.Load()
		if n <= most || s.most.CompareAndSwap(most, n) {
			break
		}
	}
	defer s.now.Add(-1)
	select {
	case <-time.After(time.Second):
		return s.addrs, s.fail
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

var twoAddrs = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}

func TestDNSOneLookupForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowDNS{addrs: twoAddrs}
		c := newDNSCache(s.lookup)
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				if addrs, err := c.addresses(t.Context(), "a.test"); err != nil || len(addrs) != 2 {
					t.Errorf("%v, %v", addrs, err)
				}
			})
		}
		start := time.Now()
		wg.Wait()
		if n, took := s.calls.Load(), time.Since(start); n != 1 || took != time.Second {
			t.Errorf("%d lookups in %v, want one in a second", n, took)
		}
		time.Sleep(dnsFresh)
		if _, err := c.addresses(t.Context(), "a.test"); err != nil || s.calls.Load() != 2 {
			t.Errorf("%d lookups after the answer got old: %v", s.calls.Load(), err)
		}
	})
}

func TestDNSLookupsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowDNS{addrs: twoAddrs}
		c := newDNSCache(s.lookup)
		var wg sync.WaitGroup
		for i := range 10 * dnsLookups {
			wg.Go(func() { _, _ = c.addresses(t.Context(), fmt.Sprintf("h%d.test", i)) })
		}
		wg.Wait()
		if most := s.most.Load(); most != dnsLookups {
			t.Errorf("%d lookups at once, want %d", most, dnsLookups)
		}
	})
}

func TestDNSTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newDNSCache((&slowDNS{addrs: twoAddrs}).lookup)
		first := map[netip.Addr]int{}
		for range 101 {
			addrs, err := c.addresses(t.Context(), "a.test")
			if err != nil || len(addrs) != 2 {
				t.Fatal(addrs, err)
			}
			first[addrs[0]]++
		}
		if d := first[twoAddrs[0]] - first[twoAddrs[1]]; d < -1 || d > 1 {
			t.Errorf("first in turn: %v", first)
		}
	})
}

// A failure is remembered, but not for long.
func TestDNSNegative(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := &net.DNSError{Err: "no such host", Name: "a.test", IsNotFound: true}
		s := &slowDNS{fail: gone}
		c := newDNSCache(s.lookup)
		for range 10 {
			if _, err := c.addresses(t.Context(), "a.test"); !errors.Is(err, gone) {
				t.Fatal(err)
			}
		}
		if n := s.calls.Load(); n != 1 {
			t.Errorf("%d lookups of a name that is not there", n)
		}
		time.Sleep(dnsNegative)
		s.fail, s.addrs = nil, twoAddrs
		if _, err := c.addresses(t.Context(), "a.test"); err != nil {
			t.Errorf("now it is there: %v", err)
		}
	})
}

// When the one who looks up gives up, those who wait do not.
func TestDNSLeaderGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowDNS{addrs: twoAddrs}
		c := newDNSCache(s.lookup)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.addresses(ctx, "a.test"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the leader: %v", err)
			}
		})
		synctest.Wait()
		for range 3 {
			wg.Go(func() {
				if _, err := c.addresses(t.Context(), "a.test"); err != nil {
					t.Errorf("one who waits: %v", err)
				}
			})
		}
		start := time.Now()
		wg.Wait()
		if n, took := s.calls.Load(), time.Since(start); n != 2 || took != 1500*time.Millisecond {
			t.Errorf("%d lookups in %v", n, took)
		}
	})
}

func TestDNSForgetsWhenFull(t *testing.T) {
	c := newDNSCache(func(context.Context, string) ([]netip.Addr, error) { return twoAddrs, nil })
	for i := range 2 * dnsNames {
		if _, err := c.addresses(t.Context(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.names); n > dnsNames {
		t.Errorf("%d names remembered, want at most %d", n, dnsNames)
	}
}

func TestCheckPublic(t *testing.T) {
	for _, tt := range []struct {
		addr   string
		public bool
	}{
		{"93.184.216.34:80", true},
		{"[2606:2800:220:1::1]:443", true},
		{"127.0.0.1:80", false},
		{"127.8.8.8:80", false},
		{"[::1]:80", false},
		{"10.0.0.1:80", false},
		{"172.16.0.1:80", false},
		{"172.32.0.1:80", true},
		{"192.168.1.1:80", false},
		{"169.254.169.254:80", false},
		{"[fe80::1%eth0]:80", false},
		{"[fd00:ec2::254]:80", false},
		{"[fc00::1]:80", false},
		{"[::ffff:127.0.0.1]:80", false},
		{"[::ffff:10.0.0.1]:80", false},
		{"[64:ff9b::7f00:1]:80", false},
		{"0.0.0.0:80", false},
		{"[::]:80", false},
		{"100.100.100.200:80", false},
		{"192.0.0.192:80", false},
		{"168.63.129.16:80", false},
		{"224.0.0.1:80", false},
		{"255.255.255.255:80", false},
		{"nonsense", false},
	} {
		if err := checkPublic(tt.addr); (err == nil) != tt.public {
			t.Errorf("%s: %v", tt.addr, err)
		}
	}
}

// Of several addresses the first that answers is used; a dead one costs its
// head start only.
func TestDialRacesAddresses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	d := newDialer(5*time.Second, false)
	// 127.0.0.2 refuses, since the listener is on 127.0.0.1 only.
	d.cache = newDNSCache(func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3"), netip.MustParseAddr("127.0.0.1")}, nil
	})
	for range 6 {
		conn, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort("many.test", port))
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.RemoteAddr().String(); got != l.Addr().String() {
			t.Errorf("connected to %s", got)
		}
		conn.Close()
	}
	deny := newDialer(5*time.Second, true)
	deny.cache = d.cache
	if _, err := deny.DialContext(t.Context(), "tcp", net.JoinHostPort("many.test", port)); !errors.Is(err, errPrivate) {
		t.Errorf("a private address behind a name: %v", err)
	}
}
