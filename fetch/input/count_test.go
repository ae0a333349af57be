package input_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/penstock-go/penstock/fetch/input"
)

// countItems is what a reader makes of the text.
func countItems(t testing.TB, text string) (n int64) {
	t.Helper()
	for r := input.NewAuto(strings.NewReader(text), input.Options{}); ; n++ {
		if _, err := r.Next(); err != nil {
			return n
		}
	}
}

var counted = []string{
	"", "\n", "http://a/\n", "http://a/", "\n\n  \t\n# no\n  # no\nhttp://a/\r\n\r\n{\"url\":\"http://b/\"}\n", "bad line\nanother",
	"\xef\xbb\xbf", "\xef\xbb\xbfhttp://a/\nhttp://b/", "\xef\xbb\xbf# no\nx", "#", "x\n#\n", strings.Repeat("x", 3<<20) + "\ny\n",
	strings.Repeat(" ", 200_000) + "x\n" + strings.Repeat(" ", 200_000), "\r\r\n\rx\n", "\v\nx\n",
}

// CountLines counts what NewAuto reads, whatever pieces it comes in.
func TestCountLines(t *testing.T) {
	for _, text := range counted {
		want := countItems(t, text)
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(text), "bytes": iotest.OneByteReader(strings.NewReader(text)), "with its end": iotest.DataErrReader(strings.NewReader(text)),
		} {
			if got, err := input.CountLines(r); got != want || err != nil {
				t.Errorf("%.40q, %s: %d, %v; NewAuto reads %d", text, name, got, err, want)
			}
		}
	}
	broken := errors.New("broken")
	if _, err := input.CountLines(io.MultiReader(strings.NewReader("x\n"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("%v, want the reader's error", err)
	}
}

func FuzzCountLines(f *testing.F) {
	for _, text := range counted {
		if len(text) < 1000 {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
			return // UTF-16, which is not read
		}
		if got, err := input.CountLines(strings.NewReader(text)); got != countItems(t, text) || err != nil {
			t.Errorf("%q: %d, %v; NewAuto reads %d", text, got, err, countItems(t, text))
		}
	})
}
