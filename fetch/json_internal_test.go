package fetch

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// A string, and the same bytes, as encoding/json would read its own.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "é\u2028\u2029\U0001f600", "\xff", "a\xc3", "\xc3a", "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80", "\xef\xbf\xbd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := appendString([]byte("x"), s)
		if string(out) != string(appendString([]byte("x"), []byte(s))) {
			t.Errorf("%q is another as bytes", s)
		}
		if !utf8.Valid(out) {
			t.Errorf("%q became %q, which is not UTF-8", s, out)
		}
		theirs, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var got, want string
		if err := json.Unmarshal(out[1:], &got); err != nil {
			t.Fatalf("%q became %q: %v", s, out, err)
		}
		if err := json.Unmarshal(theirs, &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%q came back as %q, want %q", s, got, want)
		}
		if utf8.ValidString(s) && got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	})
}
