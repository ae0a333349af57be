package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/policy"
)

// manyRules are rules of which none matches www.example.com, each with a star;
// above 1,000, rules of one host each.
func manyRules(t testing.TB, n int, key string) *policy.File {
	var b strings.Builder
	fmt.Fprintf(&b, "[default]\nkey = '%s'\nconcurrency = 4\n", key)
	for i := range n {
		if n > 1000 {
			fmt.Fprintf(&b, "[[rule]]\nmatch = 'host%d.example.com'\n", i)
			continue
		}
		fmt.Fprintf(&b, "[[rule]]\nmatch = ['https://api%d.example.com/v1/*', '*.cdn%d.example.com', 'host%d.example.com:8443']\nrate = '10/s'\n", i, i, i)
	}
	return parse(t, b.String())
}

// BenchmarkBucket is what each item costs: 20 rules with three patterns each,
// all tried.
func BenchmarkBucket(b *testing.B) {
	for _, bench := range []struct {
		name, key, url string
		rules          int
	}{
		{"host", "host", "https://www.example.com/some/path?q=1", 20},
		{"port", "host", "https://www.example.com:8443/some/path?q=1", 20},
		{"site", "site", "https://www.example.com/some/path?q=1", 20},
		{"rule", "rule", "https://www.example.com/some/path?q=1", 20},
		{"IDN", "host", "https://www.bücher.example/", 20},
		{"no-rules", "host", "https://www.example.com/some/path?q=1", 0},
		{"1000-rules", "host", "https://www.example.com/some/path?q=1", 1000},
		{"10000-hosts", "host", "https://host9999.example.com/some/path?q=1", 10_000},
	} {
		b.Run(bench.name, func(b *testing.B) {
			f := manyRules(b, bench.rules, bench.key)
			u := parseURL(b, bench.url)
			b.ReportAllocs()
			for b.Loop() {
				f.Bucket(u)
			}
		})
	}
}

// Bucket is called for each item: it makes no garbage but the key.
func TestBucketAllocations(t *testing.T) {
	for _, test := range []struct {
		key, url string
		most     float64
	}{
		{"host", "https://www.example.com/some/path", 1},
		{"host", "https://www.example.com:8443/some/path", 0},
		{"site", "https://www.example.com/some/path", 1},
		{"rule", "https://www.example.com/some/path", 0},
	} {
		f := manyRules(t, 20, test.key)
		u := parseURL(t, test.url)
		if got := testing.AllocsPerRun(100, func() { f.Bucket(u) }); got > test.most {
			t.Errorf("key = %s, %s: %v allocations, want %v", test.key, test.url, got, test.most)
		}
	}
}
