package policy

import "strings"

// A glob is what stands between the stars of a pattern: one text is a pattern
// without a star, {"", ".example.com"} is *.example.com. A star stands for any
// characters, also none.
type glob []string

// star stands in a sample for what only a star matches.
const star = "\x00"

// sample is a text that g matches and that another glob matches only if it
// matches all that g does: its stars alone can match ours.
func (g glob) sample() string { return strings.Join(g, star) }

// matches reports whether g matches all of s.
func (g glob) matches(s string) bool {
	last := g[len(g)-1]
	if len(g) == 1 {
		return s == last
	}
	s, ok := g.upToLast(s)
	return ok && strings.HasSuffix(s, last)
}

// covers reports whether g matches the path s, or one that s is below.
func (g glob) covers(s string) bool {
	s, ok := g.upToLast(s)
	if !ok {
		return false
	}
	last := g[len(g)-1]
	if len(g) == 1 {
		return strings.HasPrefix(s, last) && endsAt(s, last, len(last))
	}
	for from := 0; ; {
		i := strings.Index(s[from:], last)
		if i < 0 {
			return false
		}
		if endsAt(s, last, from+i+len(last)) || last == "" {
			return true
		}
		from += i + 1
	}
}

// endsAt reports whether a part of the path s ends at i, where last does.
func endsAt(s, last string, i int) bool {
	return i == len(s) || s[i] == '/' || strings.HasSuffix(last, "/")
}

// upToLast cuts off s what all texts but the last match. The leftmost match of
// each leaves most to the next, so that none has to be tried again.
func (g glob) upToLast(s string) (rest string, ok bool) {
	if len(g) == 1 {
		return s, true
	}
	if s, ok = strings.CutPrefix(s, g[0]); !ok {
		return "", false
	}
	for _, text := range g[1 : len(g)-1] {
		if _, s, ok = strings.Cut(s, text); !ok {
			return "", false
		}
	}
	return s, true
}
