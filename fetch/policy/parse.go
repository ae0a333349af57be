package policy

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// maxFile is the most bytes that a file of rules may have: far more than
// anybody writes, far less than the list of URLs that somebody may name by mistake.
const maxFile = 4 << 20

// Load reads the file at path, as [Parse] does. An error of the file's content
// is one or several [*Error]; one of opening or reading it is an *os.PathError.
func Load(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, &Error{path, 0, "this is too long for a file of rules: more than 4 MiB", "a list of URLs is what penstock fetch takes as an argument"}
	}
	return Parse(path, data)
}

// Parse reads the content of a file; name is what errors and explanations call
// it. The error is an [*Error], or several of them joined, the first line first:
// [All] has them one by one.
func Parse(name string, data []byte) (*File, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	r := &reader{file: name}
	f := &File{name: name, def: table{name: "default"}}
	if doc, ok := r.parseTOML(data); ok {
		r.document(f, doc)
	}
	if len(r.errs) > 0 {
		return nil, join(r.errs)
	}
	f.resolve()
	return f, nil
}

func (r *reader) document(f *File, doc map[string]any) {
	root := node{r: r, name: "the file", line: 1, value: doc}
	if len(doc) == 0 {
		// Most of all, what an editor or a full disk has left of a file that
		// said something.
		root.fail("write [default] or [[rule]] and what it limits", "there is nothing in this file")
		return
	}
	var rules []node
	root.table([]field{
		{"default", func(n node) { n.readDefault(&f.def) }, "[default]"},
		{"rule", func(n node) { rules = n.ruleTables() }, "[[rule]]"},
	}, "")
	names := map[string]int{"default": 0}
	for i, n := range rules {
		t := table{line: n.line, name: strconv.Itoa(i + 1)}
		n.readRule(&t, names)
		t.check(n, f.def.limits)
		f.rules = append(f.rules, t)
	}
	if len(r.errs) == 0 { // a rule that lost a pattern would seem to match less
		r.findUnreachable(f.rules)
	}
}

func (n node) readDefault(t *table) {
	if _, ok := n.elements(); ok {
		n.fail("write [default], with one bracket", "there is only one default")
		return
	}
	t.line = n.line
	n.table(t.limits.fields(), "write [default] and what it says below it")
	t.check(n, limits{})
}

// ruleTables are the rules, in order.
func (n node) ruleTables() []node {
	const hint = "write [[rule]], with two brackets, and what it says below it"
	nodes, ok := n.elements()
	if !ok || !isTables(nodes) {
		n.fail(hint, "%s is %s, not a list of tables", n.name, kind(n.value))
		return nil
	}
	return nodes
}

func (n node) readRule(t *table, names map[string]int) {
	matched := false
	n.table(append([]field{
		{"name", func(n node) { n.ruleName(t, names) }, ""},
		{"match", func(n node) { matched = true; n.patterns(t) }, ""},
	}, t.limits.fields()...), "")
	if !matched {
		n.fail(`write match = "api.example.com", or a list of patterns`, "this rule has no match")
	}
}

// ruleName reads a name. It begins with a letter, so that it is never another
// rule's number.
func (n node) ruleName(t *table, names map[string]int) {
	const hint = `write a name such as "api": a letter, and up to 63 letters, digits, dots, - and _`
	name, ok := n.text(hint)
	switch {
	case !ok:
	case !isName(name):
		n.fail(hint, "name is %s, which it cannot be", quote(name))
	case name == "default":
		n.fail("write another name", "name is %q, which stands for what no rule matches", name)
	case names[name] > 0:
		n.fail("write another name", "name is %s, which the rule in line %d has", quote(name), names[name])
	default:
		t.name, names[name] = name, n.line
	}
}

func isName(s string) bool {
	letter := func(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
	if s == "" || len(s) > 64 || !letter(s[0]) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r >= 0x80 || !letter(byte(r)) && !strings.ContainsRune("0123456789.-_", r)
	})
}

func (n node) patterns(t *table) {
	const hint = `write match = "api.example.com", or a list of patterns`
	nodes, ok := n.elements()
	if !ok {
		nodes = []node{n}
	}
	if len(nodes) == 0 {
		n.fail(hint, "match is an empty list")
	}
	for _, e := range nodes {
		text, ok := e.text(hint)
		if !ok {
			continue
		}
		p, bad := parsePattern(text)
		if bad != nil {
			e.fail(bad.hint, "%s", bad.msg)
			continue
		}
		t.match = append(t.match, p)
	}
}

// check looks at what only several fields together have wrong, those of def
// included.
func (t *table) check(n node, def limits) {
	both := t.limits.or(def)
	if t.most.isSet() && !both.concurrency.value.auto {
		n.failAt(t.most.line, `write concurrency = "auto" too, or leave it out`, `max_concurrency bounds only what concurrency = "auto" finds`)
	}
	retry := both.retry.or(builtIn)
	if base, most := retry.base, retry.cap; base.value > most.value && (t.retry.base.isSet() || t.retry.cap.isSet()) {
		n.failAt(t.retry.base.or(t.retry.cap).line, "a wait begins with base and grows up to cap: write a larger cap", "base is %v, more than cap, %v", base.value, most.value)
	}
}

// findUnreachable finds rules that never count, since those before them match all
// that they do.
func (r *reader) findUnreachable(rules []table) {
	var before index
	for i := range rules {
		t := &rules[i]
		var by *entry
		covered := !slices.ContainsFunc(t.match, func(p *pattern) bool {
			by = before.find(p.sample())
			return by == nil
		})
		if covered {
			first := rules[by.rule]
			n := node{r: r, line: t.line}
			n.fail("put it before that one, or leave it out", "rule %s never counts: the rule %s, in line %d, matches the same before it", t.name, first.name, first.line)
		}
		before.add(i, t.match)
	}
}
