package policy

// An index finds the first pattern that matches. Files of many rules are mostly
// lists of hosts, so patterns with a host that has no star are found by it; the
// others are tried one by one.
type index struct {
	n      int // patterns
	byHost map[string][]entry
	globs  []entry
}

// An entry is a pattern with its place: order counts all patterns of the file.
type entry struct {
	*pattern

	order, rule int
}

func (x *index) add(rule int, patterns []*pattern) {
	if x.byHost == nil {
		x.byHost = map[string][]entry{}
	}
	for _, p := range patterns {
		e := entry{p, x.n, rule}
		x.n++
		if len(p.host) == 1 {
			x.byHost[p.host[0]] = append(x.byHost[p.host[0]], e)
		} else {
			x.globs = append(x.globs, e)
		}
	}
}

func (x *index) find(scheme, host, port, path string) *entry {
	first := firstMatch(x.byHost[host], x.n, scheme, host, port, path)
	before := x.n
	if first != nil {
		before = first.order
	}
	if e := firstMatch(x.globs, before, scheme, host, port, path); e != nil {
		return e
	}
	return first
}

// firstMatch looks among those entries that come before another one.
func firstMatch(entries []entry, before int, scheme, host, port, path string) *entry {
	for i := range entries {
		e := &entries[i]
		if e.order >= before {
			return nil
		}
		if e.matches(scheme, host, port, path) {
			return e
		}
	}
	return nil
}
