package policy_test

import (
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fetch/policy"
)

// Parse never panics; what it refuses it refuses in lines that name a line of the
// file, in order; what it takes can be explained, and holds what a scheduler
// relies on.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		example, "", "[default]\nkey = 'rule'\n", "rule = [{match = ['a', '*.b/c*d'], retry.max = 1}]",
		"[[rule]]\nmatch = 'https://[::1]:8080/%2a'\n[rule.retry]\nbase = '1s'\n", "[rule]", "[[default]]",
		"[default]\nconcurrency = 'auto'\nmax_concurrency = 3\nrate = '1/s burst 3, 90000 tokens/m'\n",
		"[[rule]]\nmatch = \"\"\"\na\"\"\"\n", "[[rule]]\nmatch = 'bücher.example'\nname = 'x'\n", "a.b.c = [[[{}]]]",
	} {
		f.Add(seed, "https://api.example.com/v1/x")
	}
	f.Add(example, "http://u:p@bücher.example.:80/%2f")
	f.Fuzz(func(t *testing.T, text, address string) {
		p, err := policy.Parse("p", []byte(text))
		if err != nil {
			checkErrors(t, text, err)
			return
		}
		u, err := url.Parse(address)
		if err != nil {
			u = &url.URL{Scheme: "http", Host: "x"}
		}
		p = p.With(policy.Flags{Retry: fetch.Retry{Max: 3}})
		e := p.Explain(u)
		if b := p.Bucket(u); !reflect.DeepEqual(b, e.Bucket) {
			t.Errorf("%s: explained %+v, is %+v", u, e.Bucket, b)
		}
		if e.Bucket.Key == "" || e.Bucket.Concurrency < 0 || len(e.Settings) < 7 {
			t.Errorf("%s: %+v", u, e)
		}
		if r := e.Bucket.Retry; r != nil && (r.Max < 0 || r.Base <= 0 || r.Cap < r.Base || r.MaxRetryAfter <= 0) {
			t.Errorf("%s: %+v", u, r)
		}
		if (e.Rule == "default") != (e.Pattern == "") {
			t.Errorf("%s: %+v", u, e)
		}
	})
}

func checkErrors(t *testing.T, text string, err error) {
	t.Helper()
	all := policy.All(err)
	if len(all) == 0 {
		t.Fatalf("not ours: %v", err)
	}
	last := 0
	for _, e := range all {
		if e.Line < max(1, last) || e.Line > 1+strings.Count(text, "\n") {
			t.Errorf("line %d after %d: %v", e.Line, last, e)
		}
		last = e.Line
		if e.Hint == "" || e.Message == "" || strings.ContainsAny(e.Error(), "\n\r") {
			t.Errorf("%q", e.Error())
		}
	}
}
