package fetch_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch"
)

func TestParseStatusSet(t *testing.T) {
	tests := []struct {
		in       string
		has, not []int
	}{
		{"200", []int{200}, []int{199, 201, 0}},
		{"200-299", []int{200, 250, 299}, []int{199, 300}},
		{"200-299,304", []int{200, 299, 304}, []int{300, 303, 305}},
		{" 200-299 , 404 ", []int{200, 404}, []int{403}},
		{"404-404", []int{404}, []int{403, 405}},
		{"100-999", []int{100, 999}, []int{99, 1000}},
		{"200,200-202,201", []int{200, 201, 202}, []int{203}},
	}
	for _, tt := range tests {
		set, err := fetch.ParseStatusSet(tt.in)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		for _, s := range slices.Concat(tt.has, tt.not) {
			if got, want := set.Has(s), slices.Contains(tt.has, s); got != want {
				t.Errorf("%q has %d: %v, want %v", tt.in, s, got, want)
			}
		}
	}
	for _, in := range []string{
		"", " ", ",", "200,", ",200", "abc", "2xx", "200-", "-299", "299-200", "99", "1000", "99-200", "200-1000",
		"200-299-300", "200 299", "20e1", "0xc8", "200.0", "99999999999999999999",
	} {
		if set, err := fetch.ParseStatusSet(in); err == nil {
			t.Errorf("%q is read as %v", in, set)
		} else if !slices.ContainsFunc(strings.Split(in, ","), func(part string) bool {
			return strings.Contains(err.Error(), strconv.Quote(part))
		}) {
			t.Errorf("%q: the error does not say where: %v", in, err)
		}
	}
	if fetch.StatusSet(nil).Has(200) {
		t.Error("the empty set has 200")
	}
}

func FuzzParseStatusSet(f *testing.F) {
	f.Add("200-299,304")
	f.Add("-")
	f.Fuzz(func(t *testing.T, in string) {
		set, err := fetch.ParseStatusSet(in)
		if (err == nil) != (len(set) > 0) {
			t.Errorf("%q: %v, %v", in, set, err)
		}
		for _, r := range set {
			if r[0] < 100 || r[1] > 999 || r[0] > r[1] || !set.Has(r[0]) || !set.Has(r[1]) {
				t.Errorf("%q has the range %v", in, r)
			}
		}
	})
}

// Numbers that make no sense are refused before anything is done.
func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]fetch.Options{
		"concurrency": {Concurrency: -1},
		"per host":    {PerHost: -1},
		"retries":     {Retry: fetch.Retry{Max: -1}},
		"redirects":   {Redirects: -1},
		"look-ahead":  {LookAhead: -1},
		"window":      {Window: -1},
	} {
		if _, err := fetch.New(o); err == nil {
			t.Errorf("%s: -1 is taken", name)
		}
		src := gets("http://a/")
		if sum, err := fetch.Run(t.Context(), src, newShelf(), o); err == nil || sum.Items != 0 || src.index != 0 {
			t.Errorf("%s: %d items were read, error %v", name, src.index, err)
		}
	}
}
