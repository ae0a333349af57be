// Package site names the site that a host belongs to: the part of its name that
// somebody registered, such as example.co.uk for www.shop.example.co.uk. All hosts
// of a site are mostly the same servers, so it is what to limit by where names
// are many:
//
//	bySite := keyed.New(newLimit, keyed.Options{})
//	permit, err := bySite.AcquirePermit(ctx, site.Of(request.URL.Host), 1)
//
// It is a package of its own because it brings the Public Suffix List
// (https://publicsuffix.org) with it, as golang.org/x/net/publicsuffix has it,
// private suffixes included: a.github.io and b.github.io are two sites.
package site

import (
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Of returns the site of a host: its effective top-level domain and one label
// more (eTLD+1), in lower case and ASCII (punycode). The host may have a port, as
// url.URL.Host has, and end in a dot; neither is in the result.
//
// What has no site is its own: an IP address, in its shortest form and without
// brackets; a name of one label, such as localhost; a public suffix, such as
// co.uk; and what is no name of a host at all. An empty host gives "". Of never
// fails, and two spellings of one host give the same.
func Of(host string) string {
	host = strings.TrimSuffix(withoutPort(host), ".")
	if ip, ok := address(strings.Trim(host, "[]")); ok {
		return ip.Unmap().String()
	}
	name := ascii(host)
	if site, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return site
	}
	return name
}

// address reads an IP address. Most hosts are names, and are told from one by a
// look at them: the error of ParseAddr costs more than all the rest.
func address(host string) (netip.Addr, bool) {
	if n := len(host); n == 0 || !strings.Contains(host, ":") && (host[n-1] < '0' || host[n-1] > '9') {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(host)
	return ip, err == nil
}

func withoutPort(host string) string {
	if !strings.Contains(host, ":") {
		return host
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return host
}

// ascii returns a name in lower case, by punycode where it is not ASCII.
func ascii(host string) string {
	name := strings.ToLower(host)
	for i := range len(name) {
		if name[i] < 0x80 {
			continue
		}
		if a, err := idna.Lookup.ToASCII(name); err == nil {
			return strings.TrimSuffix(a, ".") // an ideographic dot may have been last
		}
		break
	}
	return name
}
