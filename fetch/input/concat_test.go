package input_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/input"
)

// A file counts how often it is opened and closed.
type file struct {
	name           string
	text           string
	openErr        error
	closeErr       error
	opened, closed int
}

func (f *file) Close() error {
	f.closed++
	return f.closeErr
}

func (f *file) open() (input.Reader, io.Closer, error) {
	if f.openErr != nil {
		return nil, nil, f.openErr
	}
	f.opened++
	return input.NewLines(strings.NewReader(f.text), input.Options{Source: f.name}), f, nil
}

func TestConcat(t *testing.T) {
	a := &file{name: "a.txt", text: "https://a.example/1\nx\n"}
	empty := &file{name: "empty.txt"}
	b := &file{name: "b.txt", text: "\xef\xbb\xbf# b\nhttps://b.example/1"}
	r := input.Concat(input.Opened(input.NewArgs([]string{"https://arg.example"}, input.Options{})), a.open, empty.open, b.open)
	var got []string
	for i := range 4 {
		it, err := r.Next()
		if err != nil || it.Index != int64(i) {
			t.Fatalf("%d: index %d, error %v", i, it.Index, err)
		}
		got = append(got, it.Source+" "+list([]input.Item{it}))
		if open := a.opened - a.closed + b.opened - b.closed; open > 1 || i == 0 && open > 0 {
			t.Errorf("%d files are open at item %d", open, i)
		}
	}
	want := "arg 1 https://arg.example|a.txt 1 https://a.example/1|" +
		"a.txt a.txt:2: missing scheme: a URL begins with http:// or https://|b.txt 2 https://b.example/1"
	if g := strings.Join(got, "|"); g != want {
		t.Errorf("got  %s\nwant %s", g, want)
	}
	for range 2 {
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	}
	for _, f := range []*file{a, empty, b} {
		if f.opened != 1 || f.closed != 1 {
			t.Errorf("%s: opened %d times, closed %d times", f.name, f.opened, f.closed)
		}
	}
	check(t, input.Concat(), "")
}

func TestConcatErrors(t *testing.T) {
	trouble := errors.New("trouble")
	for name, middle := range map[string]*file{
		"open":  {openErr: trouble},
		"close": {closeErr: trouble},
	} {
		a, c := &file{text: "https://a.example"}, &file{text: "https://c.example"}
		r := input.Concat(a.open, middle.open, c.open)
		items, err := all(t, r)
		if !errors.Is(err, trouble) || len(items) != 1 {
			t.Errorf("%s: %d items, error %v", name, len(items), err)
		}
		if c.opened != 0 || a.closed != 1 || middle.closed != middle.opened {
			t.Errorf("%s: went on, or left something open", name)
		}
	}
	// A source that breaks off is closed, and what it said is what is told.
	a := &file{name: "a.txt", text: "\xff\xfex", closeErr: trouble}
	if _, err := all(t, input.Concat(a.open)); err == nil || !strings.Contains(err.Error(), "UTF-16") || a.closed != 1 {
		t.Errorf("error %v, closed %d times", err, a.closed)
	}
}

func TestConcatClose(t *testing.T) {
	a, b := &file{text: "https://a.example\nhttps://a.example/2"}, &file{text: "https://b.example"}
	r := input.Concat(a.open, b.open)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil || a.closed != 1 || b.opened != 0 {
		t.Errorf("error %v, closed %d times", err, a.closed)
	}
}
