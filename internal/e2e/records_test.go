package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A record is a line of output, decoded as far as the tests read it.
type record struct {
	Index   int    `json:"index"`
	URL     string `json:"url"`
	Status  int    `json:"status"`
	OK      bool   `json:"ok"`
	BodyRef string `json:"body_ref"`

	line []byte
}

// parseRecords decodes a whole output, of which every line must be a record.
func parseRecords(out []byte) ([]record, error) {
	var recs []record
	for n, line := range bytes.SplitAfter(out, []byte("\n")) {
		if len(line) == 0 {
			break // after the last newline
		}
		if !bytes.HasSuffix(line, []byte("\n")) {
			return nil, fmt.Errorf("line %d is cut off: %.80q", n+1, line)
		}
		// A decoder that begins with impossible values tells apart what the
		// record says and what it leaves out.
		r := record{Index: -1, Status: -1, line: line}
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("line %d: %w: %.80q", n+1, err, line)
		}
		recs = append(recs, r)
	}
	return recs, nil
}

// checkRecords says what is wrong with recs as the whole output of a run over
// count items.
func checkRecords(recs []record, count int, conditions ...string) error {
	if len(recs) != count {
		return fmt.Errorf("%d records, want %d", len(recs), count)
	}
	inOrder := slices.Contains(conditions, "inorder")
	seen := make([]bool, count)
	for at, r := range recs {
		switch {
		case r.Index < 0 || r.Index >= count:
			return fmt.Errorf("record %d has the index %d of %d", at, r.Index, count)
		case seen[r.Index]:
			return fmt.Errorf("two records have the index %d", r.Index)
		case inOrder && r.Index != at:
			return fmt.Errorf("record %d has the index %d", at, r.Index)
		case slices.Contains(conditions, "items") && !r.isItem():
			return fmt.Errorf("not the answer to its own request: %s", r.line)
		case slices.Contains(conditions, "ok") && !r.OK, slices.Contains(conditions, "failed") && r.OK:
			return fmt.Errorf("ok is %t in: %s", r.OK, r.line)
		}
		seen[r.Index] = true
	}
	return nil
}

var itemPath = regexp.MustCompile(`/item/(\d+)$`)

// isItem tells that a record of the origin's /item/N holds the item N, and not
// what was meant for another request. Any other record is as it should be.
func (r *record) isItem() bool {
	m := itemPath.FindStringSubmatch(r.URL)
	return m == nil || r.OK && meets(r.line, "body.id="+m[1]) == nil
}

// statuses counts the records by status.
func statuses(recs []record) map[int]int {
	counts := make(map[int]int)
	for _, r := range recs {
		counts[r.Status]++
	}
	return counts
}

var condition = regexp.MustCompile(`^([\w.-]+)(=|!=|~|<=|>=)((?s).*)$`)

// meets says why the record in line does not meet cond (see the package's
// documentation).
func meets(line []byte, cond string) error {
	var fields map[string]any
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if err := dec.Decode(&fields); err != nil {
		return err
	}
	if name, absent := strings.CutPrefix(cond, "!"); absent {
		if got, ok := lookup(fields, name); ok {
			return fmt.Errorf("%s is %s, want it absent", name, got)
		}
		return nil
	}
	m := condition.FindStringSubmatch(cond)
	if m == nil {
		return fmt.Errorf("unknown condition %q", cond)
	}
	got, ok := lookup(fields, m[1])
	if !ok {
		return fmt.Errorf("%s is absent, want %s", m[1], cond)
	}
	ok, err := compare(got, m[2], m[3])
	if err == nil && !ok {
		err = fmt.Errorf("%s is %s, want %s", m[1], got, cond)
	}
	return err
}

// lookup finds a field by its dotted path, which leads on into arrays by
// number and into a text that is JSON (a body); a name may have dots itself. It
// returns a text as it is and anything else as JSON.
func lookup(at any, path string) (string, bool) {
	if body, ok := at.(string); ok && json.Unmarshal([]byte(body), &at) != nil {
		return "", false
	}
	object, ok := at.(map[string]any)
	if found, ok := object[path]; ok {
		return text(found)
	}
	name, rest, more := strings.Cut(path, ".")
	next := object[name]
	if array, is := at.([]any); is {
		i, err := strconv.Atoi(name)
		if ok = err == nil && i < len(array); ok {
			next = array[i]
		}
	}
	if !ok || next == nil {
		return "", false
	}
	if !more {
		return text(next)
	}
	return lookup(next, rest)
}

func text(v any) (string, bool) {
	if s, ok := v.(string); ok {
		return s, true
	}
	b, err := json.Marshal(v)
	return string(b), err == nil
}

// compare compares as text, or as numbers where op is an order.
func compare(got, op, want string) (bool, error) {
	switch op {
	case "=", "==":
		return got == want, nil
	case "!=":
		return got != want, nil
	case "~":
		re, err := regexp.Compile(want)
		return err == nil && re.MatchString(got), err
	}
	a, err := strconv.ParseFloat(got, 64)
	if err != nil {
		return false, err
	}
	b, err := strconv.ParseFloat(want, 64)
	if err != nil {
		return false, err
	}
	switch op {
	case "<=":
		return a <= b, nil
	case ">=":
		return a >= b, nil
	}
	return false, fmt.Errorf("unknown comparison %q", op)
}
