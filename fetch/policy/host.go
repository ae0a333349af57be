package policy

import (
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// hostName is the host of u as patterns have it: lower case, punycode, without a
// dot at its end, an IP address in its shortest form.
func hostName(u *url.URL) string {
	host := u.Hostname()
	if isPlain(host) {
		return host
	}
	return canonical(host)
}

// isPlain says that host is canonical already, as most are.
func isPlain(host string) bool {
	for i := range len(host) {
		if c := host[i]; c >= 0x80 || 'A' <= c && c <= 'Z' || c == ':' {
			return false
		}
	}
	return !strings.HasSuffix(host, ".")
}

func canonical(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.String()
	}
	host = strings.ToLower(host)
	if strings.ContainsFunc(host, func(r rune) bool { return r >= 0x80 }) {
		if ascii, err := idna.Lookup.ToASCII(host); err == nil {
			host = ascii
		}
	}
	return strings.TrimSuffix(host, ".")
}

// port is that of u, or the one its scheme implies.
func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// hostKey is host and port, as package fetch names them, after a prefix.
func hostKey(prefix string, u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Port() != "" {
		return prefix + host
	}
	return prefix + strings.TrimSuffix(host, ":") + ":" + port(u)
}
