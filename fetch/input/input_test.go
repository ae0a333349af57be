package input_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/input"
)

// all reads a reader to its end. It checks what holds for every reader: items
// are counted from 0, and the end stays the end.
func all(t testing.TB, r input.Reader) ([]input.Item, error) {
	t.Helper()
	var items []input.Item
	for {
		it, err := r.Next()
		if err != nil {
			if _, again := r.Next(); !errors.Is(again, err) {
				t.Errorf("Next after its end: %v, before that %v", again, err)
			}
			if err == io.EOF {
				return items, nil
			}
			return items, err
		}
		if it.Index != int64(len(items)) {
			t.Errorf("item %d has index %d", len(items), it.Index)
		}
		if it.Err != nil {
			if _, ok := errors.AsType[*input.Error](it.Err); !ok {
				t.Errorf("error is a %T: %v", it.Err, it.Err)
			}
		}
		items = append(items, it)
	}
}

// list writes items one a line: a good one as line, URL and what else it has, a
// bad one as its error.
func list(items []input.Item) string {
	var b strings.Builder
	for _, it := range items {
		if it.Err != nil {
			fmt.Fprintln(&b, it.Err)
			continue
		}
		fmt.Fprintf(&b, "%d %s", it.Line, it.URL)
		if it.ID != "" {
			fmt.Fprintf(&b, " id=%q", it.ID)
		}
		if it.Method != "" {
			fmt.Fprintf(&b, " %s", it.Method)
		}
		if it.Header != nil {
			fmt.Fprintf(&b, " %v", it.Header)
		}
		if it.Body != nil {
			fmt.Fprintf(&b, " body=%s", it.Body)
		}
		if it.Cost != 0 {
			fmt.Fprintf(&b, " cost=%d", it.Cost)
		}
		fmt.Fprintln(&b)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// check compares what a reader gives with what it should give.
func check(t *testing.T, r input.Reader, want string) []input.Item {
	t.Helper()
	items, err := all(t, r)
	got := list(items)
	if err != nil {
		got = strings.TrimPrefix(got+"\nend: "+err.Error(), "\n")
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	return items
}

// same reports how two items differ but for their place.
func same(a, b input.Item) error {
	switch {
	case a.URL != b.URL, a.ID != b.ID, a.Method != b.Method, a.Cost != b.Cost:
		return fmt.Errorf("%q %q %q %d and %q %q %q %d", a.URL, a.ID, a.Method, a.Cost, b.URL, b.ID, b.Method, b.Cost)
	case (a.Body == nil) != (b.Body == nil), !bytes.Equal(a.Body, b.Body):
		return fmt.Errorf("bodies %q and %q", a.Body, b.Body)
	case fmt.Sprint(a.Header) != fmt.Sprint(b.Header):
		return fmt.Errorf("headers %v and %v", a.Header, b.Header)
	case (a.Err == nil) != (b.Err == nil):
		return fmt.Errorf("errors %v and %v", a.Err, b.Err)
	}
	return nil
}

// checkRaw fetches what is in Raw again, as from failed.jsonl.
func checkRaw(t testing.TB, items []input.Item, o input.Options) {
	t.Helper()
	o.MaxLine = 0
	for _, it := range items {
		if errors.Is(it.Err, input.ErrTooLong) {
			continue
		}
		// The first line makes sure that Raw is not at the start of a file,
		// where a byte order mark would be one.
		again, err := all(t, input.NewAuto(strings.NewReader("#\n"+string(it.Raw)), o))
		if err != nil || len(again) != 1 {
			t.Errorf("%q: %d items, error %v", it.Raw, len(again), err)
			continue
		}
		if it.Err != nil && again[0].Err != nil {
			continue
		}
		if err := same(it, again[0]); err != nil {
			t.Errorf("%q read again: %v", it.Raw, err)
		}
	}
}
