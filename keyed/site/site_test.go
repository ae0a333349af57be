package site_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/keyed"
	"github.com/penstock-go/penstock/keyed/site"
)

func TestOf(t *testing.T) {
	for _, c := range []struct{ host, want string }{
		{"example.org", "example.org"},
		{"www.example.org", "example.org"},
		{"a.b.c.example.org", "example.org"},
		{"www.shop.example.co.uk", "example.co.uk"},
		{"WWW.Example.ORG", "example.org"},
		{"www.example.org.", "example.org"},
		{"www.example.org:8443", "example.org"},
		{"www.example.org.:8443", "example.org"},
		// Private suffixes: whoever has one has a site.
		{"alice.github.io", "alice.github.io"},
		{"www.alice.github.io", "alice.github.io"},
		// A suffix that the list does not know counts as one label.
		{"db.internal.nosuchtld", "internal.nosuchtld"},
		{"my_host.example.com", "example.com"},
		// Names that are not ASCII, and their punycode.
		{"www.bücher.de", "xn--bcher-kva.de"},
		{"WWW.BÜCHER.DE", "xn--bcher-kva.de"},
		{"www.xn--bcher-kva.de", "xn--bcher-kva.de"},
		{"www.食狮.公司.cn", "xn--85x722f.xn--55qx5d.cn"},
		{"www。bücher。de。", "xn--bcher-kva.de"},
		// What has no site is its own.
		{"co.uk", "co.uk"},
		{"github.io", "github.io"},
		{"com", "com"},
		{"localhost:8080", "localhost"},
		{"", ""},
		{".", ""},
		{":80", ""},
		{"..", "."},
		{"192.0.2.7", "192.0.2.7"},
		{"192.0.2.7:80", "192.0.2.7"},
		{"192.0.2.7.", "192.0.2.7"},
		{"[2001:DB8::1]:443", "2001:db8::1"},
		{"[2001:db8:0::1]", "2001:db8::1"},
		{"2001:db8::1", "2001:db8::1"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
	} {
		if got := site.Of(c.host); got != c.want {
			t.Errorf("Of(%q) = %q, want %q", c.host, got, c.want)
		}
	}
}

// Whatever the host, its spelling makes no difference, and its site is in it.
func FuzzOf(f *testing.F) {
	for _, host := range []string{"www.example.co.uk", "WWW.X.ORG.:80", "[::1]:80", "192.0.2.7", "bücher.de", "..", "a..b", "\xff.com", "x。y"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		s := site.Of(host)
		for i := range len(host) {
			if host[i] >= 0x80 {
				return
			}
		}
		if up := site.Of(strings.ToUpper(host)); up != s && !strings.Contains(host, "%") { // a zone has case
			t.Errorf("Of(%q) = %q, but %q in capitals", host, s, up)
		}
		if !strings.Contains(s, ":") && !strings.Contains(host, "::") && !strings.Contains(strings.ToLower(host), s) {
			t.Errorf("Of(%q) = %q", host, s)
		}
	})
}

func ExampleOf() {
	perSite := keyed.New(func(string) *penstock.Semaphore { return penstock.NewSemaphore(1) }, keyed.Options{})
	for _, host := range []string{"img1.example.co.uk", "img2.example.co.uk", "www.other.co.uk"} {
		_, ok := perSite.TryAcquirePermit(site.Of(host), 1)
		fmt.Println(site.Of(host), ok)
	}
	// Output:
	// example.co.uk true
	// example.co.uk false
	// other.co.uk true
}
