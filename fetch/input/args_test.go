package input_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/input"
)

func TestArgs(t *testing.T) {
	check(t, input.NewArgs(nil, input.Options{}), "")
	args := []string{
		"https://a.example", " https://b.example ", "", "c.example", "# no comment", `{"url":"https://d.example"}`, "https://e.example/\nx",
		"https://f.example/" + strings.Repeat("x", 100), "\xff\n",
	}
	items := check(t, input.NewArgs(args, input.Options{MaxLine: 100}), `1 https://a.example
2 https://b.example
arg:3: empty URL
arg:4: missing scheme: did you mean https://c.example
arg:5: space at byte 2: one URL a line; within a URL write %20
arg:6: not a URL but JSON: as JSON Lines it is one object a line
arg:7: control character U+000A at byte 19
arg:8: argument is longer than 100 bytes
arg:9: not valid UTF-8 at byte 1: binary data, or another encoding?`)
	want := []string{
		"https://a.example", " https://b.example ", `{"url":""}`, "c.example", `{"url":"# no comment"}`,
		`{"url":"{\"url\":\"https://d.example\"}"}`, `{"url":"https://e.example/\u000ax"}`,
		"https://f.example/" + strings.Repeat("x", 82), "{\"url\":\"\ufffd\\u000a\"}",
	}
	for i, it := range items {
		if string(it.Raw) != want[i] {
			t.Errorf("%d: Raw is %s, want %s", i, it.Raw, want[i])
		}
		if it.Source != "arg" || it.Line != int64(i+1) {
			t.Errorf("%d: %s, line %d", i, it.Source, it.Line)
		}
	}
	if !errors.Is(items[7].Err, input.ErrTooLong) {
		t.Error(items[7].Err)
	}
	checkRaw(t, items, input.Options{})
}
