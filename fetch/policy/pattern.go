package policy

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// A pattern says which URLs a rule is for: [SCHEME://]HOST[:PORT][/PATH]. What
// it leaves out may be anything.
type pattern struct {
	text   string
	scheme string
	host   glob
	port   string
	path   glob
}

func (p *pattern) matches(scheme, host, port, path string) bool {
	return (p.scheme == "" || p.scheme == scheme) && p.host.matches(host) &&
		(p.port == "" || p.port == port) && (p.path == nil || p.path.covers(path))
}

// sample is what p matches, and another pattern only if it matches all that p
// does.
func (p *pattern) sample() (scheme, host, port, path string) {
	path = "/" + star // any path at all
	if p.path != nil {
		path = p.path.sample()
	}
	return p.scheme, p.host.sample(), p.port, path
}

// A patternError is what is wrong with a pattern, and what to write.
type patternError struct{ msg, hint string }

func badPattern(hint, format string, args ...any) *patternError {
	return &patternError{fmt.Sprintf(format, args...), hint}
}

func parsePattern(text string) (*pattern, *patternError) {
	if text == "" {
		return nil, badPattern(`write a host such as "api.example.com", or "*" for any`, "the pattern is empty")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar }) {
		return nil, badPattern(`several patterns are a list: match = ["a.example.com", "b.example.com"]`, "there is a space or a control character in the pattern %s", shown(text))
	}
	p := &pattern{text: text}
	rest, err := p.cutScheme(text)
	if err != nil {
		return nil, err
	}
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	switch {
	case strings.Contains(authority, "@"):
		return nil, badPattern("leave out what stands before the @", "a pattern has no user and no password")
	case strings.ContainsAny(rest, "?#"):
		return nil, badPattern("leave out ? and # and what follows; a wildcard is *", "a pattern ends before the query: %s", shown(text))
	}
	if err := p.parseHost(authority); err != nil {
		return nil, err
	}
	if err := p.parsePath(path); err != nil {
		return nil, err
	}
	return p, nil
}

// shown is a pattern as an error may quote it: none that may hold a password.
func shown(text string) string {
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		text = "xxxxx" + text[i:]
	}
	return quote(text)
}

func (p *pattern) cutScheme(text string) (string, *patternError) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return text, nil
	}
	switch p.scheme = strings.ToLower(scheme); p.scheme {
	case "http", "https":
	case "*":
		p.scheme = ""
	default:
		return "", badPattern("write http:// or https://, or leave it out for both", "the scheme of %s is neither http nor https", shown(text))
	}
	return rest, nil
}

// parseHost reads what stands before the path.
func (p *pattern) parseHost(authority string) *patternError {
	host, port, hasPort := strings.Cut(authority, ":")
	if strings.HasPrefix(authority, "[") {
		var tail string
		host, tail, _ = strings.Cut(authority[1:], "]")
		port, hasPort = strings.CutPrefix(tail, ":")
		if ip, err := netip.ParseAddr(host); err != nil || !ip.Is6() || !hasPort && tail != "" {
			return badPattern(`write "[2001:db8::1]" or "[2001:db8::1]:8080"`, "%s has no IPv6 address in its brackets", shown(p.text))
		}
	} else if strings.Contains(port, ":") {
		return badPattern(`write an IPv6 address as "[2001:db8::1]", a port as "example.com:8080"`, "%s has more than one colon", shown(p.text))
	}
	if hasPort {
		if err := p.parsePort(port); err != nil {
			return err
		}
	}
	if host == "" {
		return badPattern(`write "*" for any host: "*/v1/*"`, "there is no host in %s", shown(p.text))
	}
	return p.parseName(host)
}

func (p *pattern) parsePort(port string) *patternError {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return badPattern("a port is a number from 1 to 65535; leave it out for any", "the port of %s cannot be", shown(p.text))
	}
	p.port = strconv.FormatUint(n, 10)
	return nil
}

// parseName reads a host's name or address, with its stars.
func (p *pattern) parseName(host string) *patternError {
	if ip, err := netip.ParseAddr(host); err == nil {
		p.host = glob{ip.String()}
		return nil
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if strings.HasPrefix(host, ".") {
		return badPattern(fmt.Sprintf("write [%q, %q] for a name and all below it", host[1:], "*"+host), "the host of %s begins with a dot", shown(p.text))
	}
	labels := strings.Split(host, ".")
	for i, label := range labels {
		ascii, err := asciiLabel(label)
		if err != nil {
			return badPattern("letters, digits, - and _ make a name; * is the only wildcard, and several patterns are a list", "the host of %s cannot be", shown(p.text))
		}
		labels[i] = ascii
	}
	p.host = strings.Split(strings.Join(labels, "."), "*")
	return nil
}

// asciiLabel is a part of a host's name by punycode, where it needs it.
func asciiLabel(label string) (string, error) {
	for _, r := range label {
		switch {
		case r >= 0x80:
			return idna.Lookup.ToASCII(label) // refuses a star
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_', r == '*':
		default:
			return "", fmt.Errorf("%q", r)
		}
	}
	if label == "" {
		return "", fmt.Errorf("nothing between two dots")
	}
	return label, nil
}

// parsePath reads a path, with its stars. Paths are compared decoded, so %2A is
// a star that stands for itself. Without one it is any.
func (p *pattern) parsePath(path string) *patternError {
	if path == "" {
		return nil
	}
	if _, err := netip.ParsePrefix(p.host[0] + path); len(p.host) == 1 && err == nil {
		return badPattern(`write "10.1.*" for 10.1.0.0/16`, "%s is a network, which no pattern can be", shown(p.text))
	}
	for text := range strings.SplitSeq(path, "*") {
		decoded, err := url.PathUnescape(text)
		if err != nil || strings.ContainsFunc(decoded, unicode.IsControl) {
			return badPattern("a percent sign is written %25", "the path of %s cannot be", shown(p.text))
		}
		p.path = append(p.path, decoded)
	}
	return nil
}
