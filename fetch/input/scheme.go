package input

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// checkScheme says why u, free of odd characters, has not http or https for
// its scheme, and what was probably meant.
func checkScheme(u string) string {
	scheme, rest, found := cutScheme(u)
	lower := strings.ToLower(scheme)
	switch {
	case !found:
		return missingScheme(u)
	case lower == "http" || lower == "https":
		if !strings.HasPrefix(rest, "//") {
			return "missing host" + didYouMean(lower+"://"+strings.TrimLeft(rest, `/\`))
		}
		return ""
	case isTypo(lower, "http"), lower == "hppt", lower == "hhtp":
		return fmt.Sprintf("unsupported scheme %q", clip(scheme, 20)) + didYouMean("http:"+rest)
	case isTypo(lower, "https"):
		return fmt.Sprintf("unsupported scheme %q", clip(scheme, 20)) + didYouMean("https:"+rest)
	}
	return fmt.Sprintf("unsupported scheme %q: only http and https can be fetched", clip(scheme, 20))
}

// cutScheme cuts u at the colon after its scheme. The host in example.com:80
// and the user in user:password@example.com are no schemes, though by the
// letter of RFC 3986 they could be.
func cutScheme(u string) (scheme, rest string, found bool) {
	i := strings.IndexAny(u, ":/?#@")
	if i <= 0 || u[i] != ':' {
		return "", "", false
	}
	scheme, rest = u[:i], u[i+1:]
	if strings.ContainsFunc(scheme, notInScheme) || scheme[0] < 'A' {
		return "", "", false
	}
	if strings.HasPrefix(rest, "//") {
		return scheme, rest, true
	}
	port, _, _ := strings.Cut(rest, "/")
	isHost := strings.Contains(scheme, ".") || port != "" && strings.Trim(port, "0123456789") == ""
	isUser := strings.Contains(port, "@") && !strings.EqualFold(scheme, "mailto")
	return scheme, rest, !isHost && !isUser
}

// notInScheme tells what no scheme holds: RFC 3986, section 3.1. That it begins
// with a letter is for the caller to see.
func notInScheme(r rune) bool {
	return r >= utf8.RuneSelf || classes[r]&inHost == 0 && r != '+' || r == '_'
}

// missingScheme tells an address without its scheme from what is no address.
func missingScheme(u string) string {
	switch {
	case u[0] == '{' || u[0] == '[':
		return "not a URL but JSON: as JSON Lines it is one object a line" + jqHint(u)
	case u[0] == '"' || u[0] == '\'' || u[0] == '<':
		return fmt.Sprintf("a URL must not begin with %q: leave quotes and brackets out", u[0])
	case strings.HasPrefix(u, "//"):
		return "missing scheme" + didYouMean("https:"+u)
	case u[0] == '/':
		return "only a path: name the server with --base-url https://example.com"
	case strings.HasPrefix(u, "http//"), strings.HasPrefix(u, "https//"):
		return "missing scheme" + didYouMean(strings.Replace(u, "//", "://", 1))
	}
	u = strings.TrimLeft(u, ":/")
	if host, _, _ := strings.Cut(u, "/"); strings.ContainsAny(host, ".:") || host == "localhost" {
		return "missing scheme" + didYouMean("https://"+u)
	}
	return "missing scheme: a URL begins with http:// or https://"
}

func jqHint(u string) string {
	if u[0] == '[' {
		return " (jq -c '.[]' makes lines of an array)"
	}
	return ""
}

// didYouMean suggests u, without what may be secret or makes it long.
func didYouMean(u string) string {
	u, _, _ = strings.Cut(u, "?")
	if strings.Contains(u, "@") || strings.HasSuffix(u, "/") && strings.Count(u, "/") == 2 {
		return ": a URL begins with http:// or https:// and a host"
	}
	return ": did you mean " + clip(u, 80)
}

// clip cuts s to at most n bytes, whole characters, and shows that it did.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}

// isTypo reports whether one slip of the hand makes word into typed: a letter
// too many, too few, wrong, or two that changed places.
func isTypo(typed, word string) bool {
	for len(typed) > 0 && len(word) > 0 && typed[0] == word[0] {
		typed, word = typed[1:], word[1:]
	}
	for len(typed) > 0 && len(word) > 0 && typed[len(typed)-1] == word[len(word)-1] {
		typed, word = typed[:len(typed)-1], word[:len(word)-1]
	}
	switch {
	case len(typed) <= 1 && len(word) <= 1:
		return true
	case len(typed) == 2 && len(word) == 2:
		return typed[0] == word[1] && typed[1] == word[0]
	}
	return false
}
