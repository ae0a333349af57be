package policy_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/policy"
)

func TestPatterns(t *testing.T) {
	for _, test := range []struct{ pattern, yes, no string }{
		{"example.com", "http://example.com https://EXAMPLE.com:8443/x http://example.com./ http://u:p@example.com", "http://www.example.com http://example.com.evil.org http://xample.com"},
		{"Example.COM.", "http://example.com", "http://example.org"},
		{"*.example.com", "http://a.example.com http://a.b.example.com", "http://example.com http://badexample.com http://a.example.com.org"},
		{"api-*.example.com", "http://api-1.example.com http://api-.example.com http://api-a.b.example.com", "http://api.example.com"},
		{"*a*.com", "http://a.com http://xax.com", "http://b.com"},
		{"*", "http://x https://[::1]:8/y", ""},
		{"https://*", "https://x", "http://x"},
		{"*://x", "http://x https://x", "http://y"},
		{"HTTPS://x", "https://x/y", "http://x"},
		{"x:8080", "http://x:8080 https://x:8080", "http://x http://x:80 http://x:80801"},
		{"x:443", "https://x https://x:443 http://x:443", "http://x https://x:80"},
		{"http://x:080", "http://x http://x:80", "https://x"},
		{"*:80", "http://x", "https://x"},
		{"x/", "http://x http://x/ http://x/y", "http://y/"},
		{"x/v1", "http://x/v1 http://x/v1/ http://x/v1/y http://x/v1?q", "http://x/v10 http://x/V1 http://x/ http://x/a/v1"},
		{"x/v1/", "http://x/v1/ http://x/v1/y", "http://x/v1 http://x/v10"},
		{"x/v1/*", "http://x/v1/ http://x/v1/y/z", "http://x/v1"},
		{"x/v*", "http://x/v http://x/v1/y", "http://x/u"},
		{"x/*/posts", "http://x/7/posts http://x/7/8/posts http://x/7/posts/9 http://x/a/postscript/posts", "http://x/7/postscript http://x/posts"},
		{"x/*.json", "http://x/a.json http://x/a.jsonl/b.json http://x/a.json/b", "http://x/a.jsonl"},
		{"x/a*b*c", "http://x/abc http://x/a1b2c/d", "http://x/acb http://x/abcd"},
		{"x/a%2Ab", "http://x/a*b http://x/a%2ab", "http://x/acb"},
		{"x/caf%C3%A9", "http://x/café http://x/caf%c3%a9", "http://x/cafe"},
		{"bücher.example", "http://bücher.example http://xn--bcher-kva.example http://BÜCHER.example.", "http://bucher.example"},
		{"*.bücher.example", "http://www.xn--bcher-kva.example", "http://bücher.example"},
		{"xn--bcher-kva.example", "http://bücher.example", "http://bucher.example"},
		{"[::1]", "http://[::1] http://[0:0::1]:8080/x", "http://[::2]"},
		{"[2001:DB8::1]:8080/x", "http://[2001:db8:0::1]:8080/x", "http://[2001:db8::1]/x"},
		{"10.1.*", "http://10.1.2.3", "http://10.10.2.3"},
		{"my_host", "http://my_host", "http://my-host"},
	} {
		f := parse(t, fmt.Sprintf("[[rule]]\nname = 'it'\nmatch = '%s'\n", test.pattern))
		for u := range strings.FieldsSeq(test.yes) {
			if f.Explain(parseURL(t, u)).Rule != "it" {
				t.Errorf("%s does not match %s", test.pattern, u)
			}
		}
		for u := range strings.FieldsSeq(test.no) {
			if f.Explain(parseURL(t, u)).Rule == "it" {
				t.Errorf("%s matches %s", test.pattern, u)
			}
		}
	}
}

// The first rule that matches counts, and within it any pattern.
func TestFirstMatch(t *testing.T) {
	f := parse(t, `
[[rule]]
match = ["a/x/y", "b"]
[[rule]]
match = "a/x"
[[rule]]
match = ["b", "a"]
`)
	for u, want := range map[string]string{
		"http://a/x/y/z": "1", "http://b/x": "1", "http://a/x/z": "2", "http://a/z": "3", "http://c": "default",
	} {
		if got := f.Explain(parseURL(t, u)).Rule; got != want {
			t.Errorf("%s: rule %s, want %s", u, got, want)
		}
	}
}

// A model of patterns: what docs/policy.md says of them, as a regular
// expression over scheme, host, port and path.
type model struct {
	text string
	re   *regexp.Regexp
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

func some(r *rand.Rand, most int, letters ...string) string {
	var b strings.Builder
	for range r.IntN(most + 1) {
		b.WriteString(pick(r, letters...))
	}
	return b.String()
}

func randomModel(r *rand.Rand) model {
	scheme, port := pick(r, "", "", "http", "https"), pick(r, "", "", "80", "443")
	host := pick(r, "", "a") + some(r, 3, "a", "b", "*", ".")
	host = strings.Trim(regexp.MustCompile(`\.+`).ReplaceAllString(host, "."), ".")
	if host == "" {
		host = "*"
	}
	path := ""
	if r.IntN(3) > 0 {
		path = "/" + some(r, 5, "a", "b", "*", "/")
	}
	re, text := "^", ""
	if scheme != "" {
		text, re = scheme+"://", re+scheme
	} else {
		re += "https?"
	}
	text, re = text+host, re+" "+globRE(host)
	if port != "" {
		text, re = text+":"+port, re+" "+port
	} else {
		re += ` \d+`
	}
	text += path
	re += " " + globRE(path)
	switch {
	case path == "":
		re += ".*"
	case !strings.HasSuffix(path, "/"):
		re += "(/.*)?$"
	default:
		re += ".*$"
	}
	return model{text, regexp.MustCompile(re)}
}

func globRE(s string) string { return strings.ReplaceAll(regexp.QuoteMeta(s), `\*`, "[^ ]*") }

// randomTarget returns a URL and how the model sees it.
func randomTarget(r *rand.Rand) (u, seen string) {
	scheme, port := pick(r, "http", "https"), pick(r, "80", "443", "8080")
	host := "a" + some(r, 3, "a", "b", ".a", ".b")
	if r.IntN(2) == 0 {
		host = "b" + host[1:]
	}
	path := "/" + some(r, 6, "a", "b", "/")
	return scheme + "://" + host + ":" + port + path, scheme + " " + host + " " + port + " " + path
}

// What matches is what the model says; and a rule that is refused as
// unreachable matches nothing that those before it do not.
func TestPatternsAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	unreachable, matched := 0, 0
	for range 1500 {
		models := make([]model, 1+r.IntN(3))
		var text strings.Builder
		for i := range models {
			models[i] = randomModel(r)
			fmt.Fprintf(&text, "[[rule]]\nmatch = '%s'\n", models[i].text)
		}
		f, err := policy.Parse("p", []byte(text.String()))
		for range 30 {
			target, seen := randomTarget(r)
			want := "default"
			for i, m := range models {
				if m.re.MatchString(seen) {
					want = fmt.Sprint(i + 1)
					break
				}
			}
			if err != nil {
				for _, e := range policy.All(err) {
					if bad := fmt.Sprint((e.Line + 1) / 2); bad == want {
						t.Fatalf("%s is the first to match %s, but:\n%v\n%s", bad, target, err, text.String())
					}
				}
				continue
			}
			if want != "default" {
				matched++
			}
			if got := f.Explain(parseURL(t, target)).Rule; got != want {
				t.Fatalf("%s: rule %s, want %s in\n%s", target, got, want, text.String())
			}
		}
		if err != nil {
			unreachable++
		}
	}
	if unreachable < 20 || matched < 2000 {
		t.Errorf("only %d unreachable rules and %d matches: this proves too little", unreachable, matched)
	}
}

// Escapes, users, queries and odd URLs that programs make by hand.
func TestOddURLs(t *testing.T) {
	f := parse(t, "[[rule]]\nname = 'it'\nmatch = 'x/a'\n[[rule]]\nmatch = '*/b'\n")
	for _, test := range []struct {
		u    *url.URL
		want string
	}{
		{&url.URL{Scheme: "http", Host: "x", Path: "/a"}, "it"},
		{&url.URL{Scheme: "http", Host: "x:", Path: "/a"}, "it"},
		{&url.URL{Scheme: "http", Host: "x"}, "default"},
		{&url.URL{}, "default"},
		{&url.URL{Path: "/b"}, "2"},
	} {
		if got := f.Explain(test.u).Rule; got != test.want {
			t.Errorf("%+v: %s, want %s", test.u, got, test.want)
		}
	}
}
