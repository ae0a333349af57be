package input

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Classes of bytes: what an ordinary URL consists of.
const (
	inHost  = 1 << iota // letters, digits, - . _
	inDigit             // digits
	inRest              // ASCII that shows, but %
	inHex               // hexadecimal digits
)

var classes = func() (t [256]byte) {
	for c := byte('!'); c <= '~'; c++ {
		if c != '%' {
			t[c] |= inRest
		}
		switch {
		case '0' <= c && c <= '9':
			t[c] |= inHost | inDigit | inHex
		case 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
			t[c] |= inHost | inHex
		case 'g' <= c && c <= 'z', 'G' <= c && c <= 'Z', c == '-', c == '.', c == '_':
			t[c] |= inHost
		}
	}
	return t
}()

// checkURL says why u cannot be fetched, or "".
func checkURL(u string) string {
	if isOrdinary(u) {
		return ""
	}
	return inspectURL(u)
}

// isOrdinary is the cheap way to a yes: most URLs are plain ASCII, without
// user or IPv6 address. It must say yes to nothing that inspectURL, the whole
// truth, finds fault with.
func isOrdinary(u string) bool {
	switch {
	case strings.HasPrefix(u, "https://"):
		u = u[len("https://"):]
	case strings.HasPrefix(u, "http://"):
		u = u[len("http://"):]
	default:
		return false
	}
	n := 0
	for n < len(u) && classes[u[n]]&inHost != 0 {
		n++
	}
	if n == 0 {
		return false
	}
	u = u[n:]
	if u != "" && u[0] == ':' {
		n, port := 1, 0
		for n < len(u) && n < 6 && classes[u[n]]&inDigit != 0 {
			port = 10*port + int(u[n]-'0')
			n++
		}
		if port == 0 || port > 65535 {
			return false
		}
		u = u[n:]
	}
	return u == "" || (u[0] == '/' || u[0] == '?' || u[0] == '#') && isOrdinaryRest(u)
}

func isOrdinaryRest(u string) bool {
	for i := 0; i < len(u); i++ {
		if classes[u[i]]&inRest != 0 {
			continue
		}
		if u[i] != '%' || i+2 >= len(u) || classes[u[i+1]]&classes[u[i+2]]&inHex == 0 {
			return false
		}
		i += 2
	}
	return true
}

// inspectURL says why u cannot be fetched, or "". It quotes no part of u that
// may hold a password: nothing between scheme and host, no query.
func inspectURL(u string) string {
	if u == "" {
		return "empty URL"
	}
	if reason := checkText(u); reason != "" {
		return reason
	}
	if reason := checkScheme(u); reason != "" {
		return reason
	}
	parsed, err := url.Parse(u)
	if err != nil {
		return parseFault(u, err)
	}
	return checkHost(parsed)
}

// checkText finds the first character that no URL holds.
func checkText(u string) string {
	for i, r := range u {
		switch {
		case r == 0:
			return fmt.Sprintf("NUL byte at byte %d: binary data, or UTF-16 text?", i+1)
		case r == utf8.RuneError && !strings.HasPrefix(u[i:], "\ufffd"):
			return fmt.Sprintf("not valid UTF-8 at byte %d: binary data, or another encoding?", i+1)
		case r == utf8.RuneError:
			return fmt.Sprintf("replacement character U+FFFD at byte %d: the text was converted wrongly", i+1)
		case r == '\ufeff':
			return fmt.Sprintf("byte order mark (U+FEFF) at byte %d", i+1)
		case unicode.IsControl(r) && r != '\t':
			return fmt.Sprintf("control character %U at byte %d", r, i+1)
		case r == ' ':
			return fmt.Sprintf("space at byte %d: one URL a line; within a URL write %%20", i+1)
		case unicode.IsSpace(r):
			return fmt.Sprintf("white space (%U) at byte %d: one URL a line", r, i+1)
		}
	}
	return ""
}

// checkHost looks at what url.Parse is too kind to.
func checkHost(u *url.URL) string {
	host := u.Hostname()
	switch {
	case u.Host == "" && strings.HasPrefix(u.Path, "/"):
		return "missing host" + didYouMean(u.Scheme+":/"+u.Path)
	case host == "":
		return "missing host"
	}
	for _, r := range host {
		odd := r < utf8.RuneSelf && classes[r]&inHost == 0 || r == utf8.RuneError || unicode.IsControl(r) || unicode.IsSpace(r)
		if odd && u.Host[0] != '[' {
			return fmt.Sprintf("invalid character %q in the host", r)
		}
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return fmt.Sprintf("invalid port %s: a port is a number from 1 to 65535", clip(p, 20))
		}
	}
	return ""
}

// parseFault words what url.Parse said. Its own words may quote from the
// authority, and so a password.
func parseFault(u string, err error) string {
	_, authority, _ := strings.Cut(u, "//")
	if i := strings.IndexAny(authority, "/?#"); i >= 0 {
		authority = authority[:i]
	}
	if strings.Contains(authority, "@") {
		return "invalid user, host or port: special characters of a password are written as %XX"
	}
	if bad, ok := errors.AsType[url.EscapeError](err); ok {
		return fmt.Sprintf("invalid escape %q: a percent sign is written %%25", string(bad))
	}
	if strings.HasPrefix(authority, "[") {
		return "invalid IPv6 address or port"
	}
	return "invalid host or port"
}
