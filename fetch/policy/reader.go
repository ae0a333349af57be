package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// seeDocs is the hint where the format itself was not understood.
const seeDocs = "the format is in docs/policy.md"

// A reader turns a document into tables, and collects all that is wrong.
type reader struct {
	file string
	at   map[path]int
	errs []*Error
}

// A node is a value of the document and its place.
type node struct {
	r     *reader
	name  string // as errors call it
	path  path
	line  int
	value any
}

// A field is a key that a table may have, and what reads its value.
type field struct {
	name  string
	read  func(node)
	shown string // as hints write it, if not by its name
}

// parseTOML returns the document as the library decodes it.
func (r *reader) parseTOML(data []byte) (map[string]any, bool) {
	var doc map[string]any
	err := toml.Unmarshal(data, &doc)
	if err == nil {
		r.at = findLines(data)
		return doc, true
	}
	line, message := 0, err.Error()
	if bad, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ = bad.Position()
	}
	message = strings.TrimPrefix(message, "toml: ")
	r.errs = append(r.errs, &Error{r.file, line, "this is not TOML: " + oneLine(message), tomlHint(message)})
	return nil, false
}

// tomlHint guesses at what went wrong: mostly the quotes.
func tomlHint(message string) string {
	if strings.Contains(message, "start of value") {
		return `a text is written in quotes: rate = "100/s"`
	}
	return seeDocs
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (n node) fail(hint, format string, args ...any) {
	n.failAt(n.line, hint, format, args...)
}

func (n node) failAt(line int, hint, format string, args ...any) {
	n.r.errs = append(n.r.errs, &Error{n.r.file, line, fmt.Sprintf(format, args...), hint})
}

// found is a setting that the file makes in n's line.
func found[T any](n node, value T) setting[T] {
	return setting[T]{value, where(n.r.file, n.line), n.line}
}

func (n node) child(name string, p path, value any) node {
	line, ok := n.r.at[p]
	if !ok {
		line = n.line
	}
	return node{n.r, name, p, line, value}
}

// table reads the fields of a table, in the order of their lines.
func (n node) table(fields []field, hint string) {
	values, ok := n.value.(map[string]any)
	if !ok {
		n.fail(hint, "%s is %s", n.name, kind(n.value))
		return
	}
	var children []node
	for name, value := range values {
		children = append(children, n.child(name, n.path.key(name), value))
	}
	slices.SortFunc(children, func(a, b node) int { return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.name, b.name)) })
	for _, c := range children {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == c.name })
		if i < 0 {
			c.unknown(fields)
			continue
		}
		fields[i].read(c)
	}
}

// unknown says that there is no such field, and which one was meant.
func (n node) unknown(fields []field) {
	names := make([]string, len(fields))
	hint := ""
	for i, f := range fields {
		names[i] = cmp.Or(f.shown, f.name)
		if near(n.name, f.name) && hint == "" {
			hint = "write " + names[i]
		}
	}
	n.fail(cmp.Or(hint, "the fields are "+strings.Join(names, ", ")), "there is no field %s here", quote(n.name))
}

// near reports whether a slip or two make typed of name.
func near(typed, name string) bool {
	plain := strings.NewReplacer("-", "", "_", "")
	typed, name = plain.Replace(strings.ToLower(typed)), plain.Replace(name)
	for len(typed) > 0 && len(name) > 0 && typed[0] == name[0] {
		typed, name = typed[1:], name[1:]
	}
	for len(typed) > 0 && len(name) > 0 && typed[len(typed)-1] == name[len(name)-1] {
		typed, name = typed[:len(typed)-1], name[:len(name)-1]
	}
	return len(typed) <= 2 && len(name) <= 2
}

// text reads a string.
func (n node) text(hint string) (string, bool) {
	s, ok := n.value.(string)
	if !ok {
		n.fail(hint, "%s is %s", n.name, kind(n.value))
	}
	return s, ok
}

// kind names what was found in place of something else. A number is shown: it
// is mostly a rate or a time without its unit.
func kind(value any) string {
	switch v := value.(type) {
	case string:
		return "the text " + quote(v)
	case int64, float64:
		return fmt.Sprintf("the number %v", v)
	case bool:
		return fmt.Sprintf("%v", v)
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or a time of day"
}

// elements are those of a list.
func (n node) elements() ([]node, bool) {
	list, ok := n.value.([]any)
	if !ok {
		return nil, false
	}
	nodes := make([]node, len(list))
	for i, v := range list {
		nodes[i] = n.child(n.name, n.path.index(i), v)
	}
	return nodes, true
}

// isTables says that a list holds tables and nothing else.
func isTables(nodes []node) bool {
	return !slices.ContainsFunc(nodes, func(n node) bool {
		_, ok := n.value.(map[string]any)
		return !ok
	})
}
