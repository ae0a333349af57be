package sharedname_test

import (
	"strings"
	"testing"

	"github.com/penstock-go/penstock/internal/sharedname"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"api", ""},
		{"fetch/api.example.com:443", ""},
		{"A-z_0@9+x", ""},
		{strings.Repeat("n", 200), ""},
		{"", "it is empty"},
		{strings.Repeat("n", 201), "it is longer than 200 bytes"},
		{"a b", `"a b"; use letters, digits and . _ - : / @ +`},
		{"a{b}", `"a{b}"; use letters, digits and . _ - : / @ +`}, // another hash tag
		{"a*", `"a*"; use letters, digits and . _ - : / @ +`},     // a glob
		{"käse", `"käse"; use letters, digits and . _ - : / @ +`},
	} {
		got := ""
		if err := sharedname.Check(c.name); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("Check(%q) says %q, want %q", c.name, got, c.want)
		}
	}
}
