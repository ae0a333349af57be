package policy_test

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fetch/policy"
	"github.com/penstock-go/penstock/rate"
)

func parse(t testing.TB, text string) *policy.File {
	t.Helper()
	f, err := policy.Parse("policy.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func parseURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func rates(t testing.TB, s string) rate.List {
	t.Helper()
	l, err := rate.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const example = `
[default]
concurrency = 4
rate = "10/s"

[[rule]]
name = "api"
match = ["https://api.example.com/v1/*"]
key = "rule"
concurrency = "auto"
max_concurrency = 50
rate = "500/m, 10/s"
retry = { max = 5, base = "1s", cap = "2m", max_retry_after = "1h" }

[[rule]]
match = "*.example.co.uk"
key = "site"
rate = "none"

[[rule]]
name = "own"
match = ["localhost", "127.0.0.*"]
concurrency = "none"
retry.max = 0
`

func TestBucket(t *testing.T) {
	f := parse(t, example)
	tenPerSecond := rates(t, "10/s")
	for _, test := range []struct {
		url  string
		want fetch.Bucket
	}{
		{"https://other.example.com/", fetch.Bucket{Key: "other.example.com:443", Limits: fetch.Limits{Concurrency: 4, Rate: tenPerSecond}}},
		{"https://api.example.com/v2/x", fetch.Bucket{Key: "api.example.com:443", Limits: fetch.Limits{Concurrency: 4, Rate: tenPerSecond}}},
		{"https://api.example.com/v1/x?q=1", fetch.Bucket{Key: "api/*", Limits: fetch.Limits{
			Concurrency: 50, Auto: true, Rate: rates(t, "500/m, 10/s"),
			Retry: &fetch.Retry{Max: 5, Base: time.Second, Cap: 2 * time.Minute, MaxRetryAfter: time.Hour},
		}}},
		{"http://a.b.example.co.uk:8080", fetch.Bucket{Key: "2/example.co.uk", Limits: fetch.Limits{Concurrency: 4}}},
		{"http://localhost:8080/x", fetch.Bucket{Key: "own/localhost:8080", Limits: fetch.Limits{Rate: tenPerSecond, Retry: &fetch.Retry{
			Base: 500 * time.Millisecond, Cap: 30 * time.Second, MaxRetryAfter: 10 * time.Minute,
		}}}},
		{"http://127.0.0.9", fetch.Bucket{Key: "own/127.0.0.9:80", Limits: fetch.Limits{Rate: tenPerSecond, Retry: &fetch.Retry{
			Base: 500 * time.Millisecond, Cap: 30 * time.Second, MaxRetryAfter: 10 * time.Minute,
		}}}},
	} {
		if got := f.Bucket(parseURL(t, test.url)); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", test.url, got, test.want)
		}
	}
}

// The key of a host is the name that package fetch gives it.
func TestHostKey(t *testing.T) {
	f := policy.Default(fetch.Limits{Concurrency: 2})
	for _, test := range []struct{ url, want string }{
		{"http://Example.COM", "example.com:80"},
		{"https://example.com/x", "example.com:443"},
		{"https://example.com:", "example.com:443"},
		{"https://example.com:80/", "example.com:80"},
		{"http://user:pw@example.com:8080/", "example.com:8080"},
		{"http://[2001:DB8::1]/", "[2001:db8::1]:80"},
		{"https://[::1]:8443/", "[::1]:8443"},
	} {
		got := f.Bucket(parseURL(t, test.url))
		if want := (fetch.Bucket{Key: test.want, Limits: fetch.Limits{Concurrency: 2}}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", test.url, got, want)
		}
	}
}

// No two scopes share a bucket, however they are named and keyed.
func TestKeysAreApart(t *testing.T) {
	const host, path = "localhost", "/a"
	seen := map[string]string{}
	for _, def := range []string{"host", "site", "rule"} {
		for _, key := range []string{"host", "site", "rule"} {
			f := parse(t, `default.key = "`+def+`"
[[rule]]
name = "localhost"
match = "`+host+path+`"
key = "`+key+`"
[[rule]]
match = "`+host+`/b"
key = "`+key+`"
`)
			for _, p := range []string{path, "/b", "/c"} {
				scope := p + " " + key
				if p == "/c" {
					scope = p + " " + def
				}
				got := f.Bucket(parseURL(t, "http://"+host+p)).Key
				if was, ok := seen[got]; ok && was != scope {
					t.Errorf("%s and %s share %q", was, scope, got)
				}
				seen[got] = scope
			}
		}
	}
	if len(seen) != 9 {
		t.Errorf("%d keys, want 9: %v", len(seen), seen)
	}
}

func TestDefaultKeys(t *testing.T) {
	u := "https://www.example.co.uk/x"
	for key, want := range map[string]string{"host": "www.example.co.uk:443", "site": "example.co.uk", "rule": "default"} {
		f := parse(t, "[default]\nkey = '"+key+"'\n")
		if got := f.Bucket(parseURL(t, u)).Key; got != want {
			t.Errorf("key = %s: %s, want %s", key, got, want)
		}
	}
}

// A rule takes from [default] what it does not say, field by field, also of retry,
// wherever [default] stands.
func TestInheritance(t *testing.T) {
	f := parse(t, `
[[rule]]
name = "a"
match = "a"
retry = { cap = "1m" }
[[rule]]
name = "b"
match = "b"
concurrency = 7
[default]
key = "site"
concurrency = "auto"
max_concurrency = 20
[default.retry]
max = 9
base = "2s"
`)
	a, b := f.Bucket(parseURL(t, "http://a")), f.Bucket(parseURL(t, "http://b"))
	if want := (fetch.Retry{Max: 9, Base: 2 * time.Second, Cap: time.Minute, MaxRetryAfter: 10 * time.Minute}); *a.Retry != want || a.Key != "a/a" || !a.Auto || a.Concurrency != 20 {
		t.Errorf("a: %+v, %+v", a, a.Retry)
	}
	if want := (fetch.Retry{Max: 9, Base: 2 * time.Second, Cap: 30 * time.Second, MaxRetryAfter: 10 * time.Minute}); *b.Retry != want || b.Auto || b.Concurrency != 7 {
		t.Errorf("b: %+v, %+v", b, b.Retry)
	}
}

// Flags take the place of [default]'s fields, also where rules inherit them, and
// of nothing that a rule says.
func TestFlags(t *testing.T) {
	f := parse(t, `
[default]
concurrency = 4
rate = "10/s"
retry = { max = 2, cap = "1m" }
[[rule]]
name = "own"
match = "own"
concurrency = 9
rate = "1/s"
retry = { max = 1 }
[[rule]]
name = "heir"
match = "heir"
key = "rule"
`)
	flags := policy.Flags{
		Limits: fetch.Limits{Concurrency: 30, Auto: true, Rate: rates(t, "7/s"), Retry: &fetch.Retry{Max: 0, Base: time.Second}},
		Retry:  fetch.Retry{Max: 99, MaxRetryAfter: time.Hour},
	}
	given := fetch.Limits{Concurrency: 30, Auto: true, Rate: rates(t, "7/s"), Retry: &fetch.Retry{
		Max: 0, Base: time.Second, Cap: time.Minute, MaxRetryAfter: time.Hour,
	}}
	own := fetch.Limits{Concurrency: 9, Rate: rates(t, "1/s"), Retry: &fetch.Retry{
		Max: 1, Base: time.Second, Cap: time.Minute, MaxRetryAfter: time.Hour,
	}}
	with := f.With(flags)
	for _, test := range []struct {
		url  string
		want fetch.Bucket
	}{
		{"http://x", fetch.Bucket{Key: "x:80", Limits: given}},
		{"http://heir", fetch.Bucket{Key: "heir/*", Limits: given}},
		{"http://own", fetch.Bucket{Key: "own/own:80", Limits: own}},
	} {
		if got := with.Bucket(parseURL(t, test.url)); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\n got %+v %+v\nwant %+v %+v", test.url, got, got.Retry, test.want, test.want.Retry)
		}
	}
	// What f itself says has not changed, and flags are not added up.
	for _, same := range []*policy.File{f, with.With(policy.Flags{})} {
		if got := same.Bucket(parseURL(t, "http://x")); got.Concurrency != 4 || got.Auto || got.Retry.Max != 2 {
			t.Errorf("%+v", got)
		}
	}
}

// A flag that lifts the concurrency to a number leaves max_concurrency without
// effect; that of the run's retries holds where nobody says anything.
func TestFlagsAlone(t *testing.T) {
	f := parse(t, "[default]\nconcurrency = \"auto\"\nmax_concurrency = 5\n")
	got := f.With(policy.Flags{Limits: fetch.Limits{Concurrency: 8}, Retry: fetch.Retry{Max: 3}}).Bucket(parseURL(t, "http://x"))
	if got.Auto || got.Concurrency != 8 || got.Retry != nil {
		t.Errorf("%+v", got)
	}
	got = f.With(policy.Flags{Limits: fetch.Limits{Auto: true}}).Bucket(parseURL(t, "http://x"))
	if !got.Auto || got.Concurrency != 5 {
		t.Errorf("%+v", got)
	}
	got = policy.Default(fetch.Limits{Concurrency: -1}).Bucket(parseURL(t, "http://x"))
	if got.Auto || got.Concurrency != 0 {
		t.Errorf("%+v", got)
	}
}

func TestExplain(t *testing.T) {
	f := parse(t, example).With(policy.Flags{Limits: fetch.Limits{Concurrency: 6}, Retry: fetch.Retry{Max: 3}})
	for _, test := range []struct {
		url, rule, from, pattern string
		settings                 string
	}{
		{"https://api.example.com/v1/x", "api", "policy.toml:6", "https://api.example.com/v1/*", `
key=rule policy.toml:9
concurrency=auto policy.toml:10
max_concurrency=50 policy.toml:11
rate=500/m, 10/s policy.toml:12
retry.max=5 policy.toml:13
retry.base=1s policy.toml:13
retry.cap=2m policy.toml:13
retry.max_retry_after=1h policy.toml:13`},
		{"http://localhost/", "own", "policy.toml:20", "localhost", `
key=host built in
concurrency=none policy.toml:23
rate=10/s policy.toml:4
retry.max=0 policy.toml:24
retry.base=500ms built in
retry.cap=30s built in
retry.max_retry_after=10m built in`},
		{"http://x.example.co.uk/", "2", "policy.toml:15", "*.example.co.uk", `
key=site policy.toml:17
concurrency=6 --per-host
rate=none policy.toml:18
retry.max=3 built in
retry.base=500ms built in
retry.cap=30s built in
retry.max_retry_after=10m built in`},
		{"http://nobody/", "default", "policy.toml:2", "", `
key=host built in
concurrency=6 --per-host
rate=10/s policy.toml:4
retry.max=3 built in
retry.base=500ms built in
retry.cap=30s built in
retry.max_retry_after=10m built in`},
	} {
		u := parseURL(t, test.url)
		e := f.Explain(u)
		var settings strings.Builder
		for _, s := range e.Settings {
			settings.WriteString("\n" + s.Name + "=" + s.Value + " " + s.From)
		}
		if e.Rule != test.rule || e.From != test.from || e.Pattern != test.pattern || settings.String() != test.settings {
			t.Errorf("%s: %s, %s, %s%s", test.url, e.Rule, e.From, e.Pattern, settings.String())
		}
		if want := f.Bucket(u); !reflect.DeepEqual(e.Bucket, want) {
			t.Errorf("%s: explained %+v, is %+v", test.url, e.Bucket, want)
		}
	}
}

func TestExplainWithoutFile(t *testing.T) {
	e := policy.Default(fetch.Limits{Auto: true, Rate: rates(t, "5/s")}).Explain(parseURL(t, "http://x"))
	if e.Rule != "default" || e.From != "" || e.Bucket.Key != "x:80" {
		t.Errorf("%+v", e)
	}
	want := []policy.Setting{
		{"key", "host", "built in"},
		{"concurrency", "auto", "--per-host"},
		{"max_concurrency", "1000", "built in"},
		{"rate", "5/s", "--per-host-rate"},
	}
	if got := e.Settings[:4]; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
