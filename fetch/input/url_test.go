package input_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/input"
)

// reason reads one argument and returns why it cannot be fetched, or "".
func reason(t testing.TB, u string) string {
	t.Helper()
	it, err := input.NewArgs([]string{u}, input.Options{}).Next()
	if err != nil {
		t.Fatal(err)
	}
	if it.Err == nil {
		return ""
	}
	return strings.TrimPrefix(it.Err.Error(), "arg:1: ")
}

func TestGoodURLs(t *testing.T) {
	for _, u := range []string{
		"http://example.com",
		"https://example.com/",
		"HTTPS://EXAMPLE.COM/",
		"http://localhost",
		"http://localhost:8080/a?b#c",
		"http://127.0.0.1:1/",
		"http://127.0.0.1:65535",
		"http://[::1]:8080/",
		"http://[fe80::1%25eth0]/",
		"http://example.com:/",
		"https://user:pass@example.com/",
		"https://under_score.example.com/",
		"https://example.com?q",
		"https://example.com#f",
		"https://example.com/%C3%A9?x=%zz",
		"https://example.com/a|b^c`d\"e<f>g{h}\\",
		"https://example.com/café/日本語?q=ü",
		"https://bücher.example/",
		"https://example.com//double//slash/../x",
		"https://example.com/?u=https://other.example/",
		"https://example.com/" + strings.Repeat("x", 100_000),
	} {
		if r := reason(t, u); r != "" {
			t.Errorf("%.80s: %s", u, r)
		}
		if _, err := http.NewRequest(http.MethodGet, u, nil); err != nil {
			t.Errorf("net/http refuses it: %v", err)
		}
	}
}

func TestBadURLs(t *testing.T) {
	const begin = "missing scheme: a URL begins with http:// or https://"
	for _, test := range [][2]string{
		{"", "empty URL"},
		{"  ", "empty URL"},

		// no scheme
		{"example.com", "missing scheme: did you mean https://example.com"},
		{"example.com/a/b?key=secret", "missing scheme: did you mean https://example.com/a/b"},
		{"example.com:8080", "missing scheme: did you mean https://example.com:8080"},
		{"example.com:8080/x", "missing scheme: did you mean https://example.com:8080/x"},
		{"localhost", "missing scheme: did you mean https://localhost"},
		{"localhost:8080/x", "missing scheme: did you mean https://localhost:8080/x"},
		{"10.0.0.1:80", "missing scheme: did you mean https://10.0.0.1:80"},
		{"//example.com/x", "missing scheme: did you mean https://example.com/x"},
		{"http//example.com", "missing scheme: did you mean http://example.com"},
		{"user:secret@example.com/x", "missing scheme: a URL begins with http:// or https:// and a host"},
		{"user@example.com", "missing scheme: a URL begins with http:// or https:// and a host"},
		{"word", begin},
		{"/v1/files", "only a path: name the server with --base-url https://example.com"},
		{"//", "missing scheme: a URL begins with http:// or https:// and a host"},
		{"?", begin},
		{":", begin},
		{"://example.com", "missing scheme: did you mean https://example.com"},
		{`"https://example.com"`, "a URL must not begin with '\"': leave quotes and brackets out"},
		{"<https://example.com>", "a URL must not begin with '<': leave quotes and brackets out"},
		{`{"url":"https://example.com"}`, "not a URL but JSON: as JSON Lines it is one object a line"},
		{`["https://example.com"]`, "not a URL but JSON: as JSON Lines it is one object a line (jq -c '.[]' makes lines of an array)"},
		{strings.Repeat("long.", 30) + "example", "missing scheme: did you mean https://" + strings.Repeat("long.", 14) + "lo..."},

		// another scheme
		{"ftp://example.com/x", `unsupported scheme "ftp": only http and https can be fetched`},
		{"FTP://example.com/x", `unsupported scheme "FTP": only http and https can be fetched`},
		{"file:///etc/passwd", `unsupported scheme "file": only http and https can be fetched`},
		{"javascript:alert(1)", `unsupported scheme "javascript": only http and https can be fetched`},
		{"mailto:a@example.com", `unsupported scheme "mailto": only http and https can be fetched`},
		{"data:text/plain,x", `unsupported scheme "data": only http and https can be fetched`},
		{"ws://example.com", `unsupported scheme "ws": only http and https can be fetched`},
		{"hxxp://example.com", `unsupported scheme "hxxp": only http and https can be fetched`},
		{"htp://example.com", `unsupported scheme "htp": did you mean http://example.com`},
		{"htttp://example.com", `unsupported scheme "htttp": did you mean http://example.com`},
		{"ttps://example.com", `unsupported scheme "ttps": did you mean https://example.com`},
		{"htpps://u:secret@example.com", `unsupported scheme "htpps": a URL begins with http:// or https:// and a host`},
		{"averyveryverylongscheme:x", `unsupported scheme "averyveryverylongsch...": only http and https can be fetched`},

		// no host
		{"https://", "missing host"},
		{"https:", "missing host: a URL begins with http:// or https:// and a host"},
		{"https:example.com", "missing host: did you mean https://example.com"},
		{"https:/example.com/x", "missing host: did you mean https://example.com/x"},
		{`https:\\example.com`, "missing host: did you mean https://example.com"},
		{"https:///example.com/x", "missing host: did you mean https://example.com/x"},
		{"https://:443/", "missing host"},
		{"https://?q", "missing host"},
		{"https://#f", "missing host"},
		{"https://user@/", "missing host: a URL begins with http:// or https:// and a host"},

		// a host that cannot be
		{"https://exa,mple.com/", "invalid character ',' in the host"},
		{"https://exa$mple.com/", "invalid character '$' in the host"},
		{"https://exa%20mple.com/", "invalid escape \"%20\": a percent sign is written %25"},
		{"https://exa%41mple.com/", "invalid escape \"%41\": a percent sign is written %25"},
		{"https://exa%ffmple.com/", "invalid character '\ufffd' in the host"},
		{"http://[::1/", "invalid IPv6 address or port"},
		{"http://[1.2.3.4]/", "invalid IPv6 address or port"},
		{"http://[::zz]/", "invalid IPv6 address or port"},
		{"http://::1/", "invalid host or port"},

		// a port that cannot be
		{"https://example.com:0/", "invalid port 0: a port is a number from 1 to 65535"},
		{"https://example.com:65536/", "invalid port 65536: a port is a number from 1 to 65535"},
		{"https://example.com:99999999999999999999999/", "invalid port 99999999999999999999...: a port is a number from 1 to 65535"},
		{"https://example.com:http/", "invalid host or port"},
		{"https://example.com:-1/", "invalid host or port"},
		{"https://user:sec/ret@example.com/", "invalid host or port"},
		{"https://user:sec ret@example.com/", "space at byte 17: one URL a line; within a URL write %20"},
		{"https://user:sec%ret@example.com/", "invalid user, host or port: special characters of a password are written as %XX"},
		{"https://user:sec[ret@example.com/", "invalid user, host or port: special characters of a password are written as %XX"},

		// characters
		{"https://example.com/a b", "space at byte 22: one URL a line; within a URL write %20"},
		{"https://a.example https://b.example", "space at byte 18: one URL a line; within a URL write %20"},
		{"https://a.example\t7", "white space (U+0009) at byte 18: one URL a line"},
		{"https://a.example\u00a0", "white space (U+00A0) at byte 18: one URL a line"},
		{"https://a.example/\nb", "control character U+000A at byte 19"},
		{"https://a.example/\rb", "control character U+000D at byte 19"},
		{"https://a.example/\x7f", "control character U+007F at byte 19"},
		{"https://a.example/\u0085x", "control character U+0085 at byte 19"},
		{"\x1b[0mhttps://a.example", "control character U+001B at byte 1"},
		{"https://a.example/\x00", "NUL byte at byte 19: binary data, or UTF-16 text?"},
		{"h\x00t\x00t\x00p\x00", "NUL byte at byte 2: binary data, or UTF-16 text?"},
		{"https://a.example/caf\xe9", "not valid UTF-8 at byte 22: binary data, or another encoding?"},
		{"\x89PNG\r\n", "not valid UTF-8 at byte 1: binary data, or another encoding?"},
		{"https://a.example/caf\ufffd", "replacement character U+FFFD at byte 22: the text was converted wrongly"},
		{"\ufeffhttps://a.example/", "byte order mark (U+FEFF) at byte 1"},
		{"https://a.example/%", `invalid escape "%": a percent sign is written %25`},
		{"https://a.example/100%x", `invalid escape "%x": a percent sign is written %25`},
		{"https://a.example/%zz?k=secret", `invalid escape "%zz": a percent sign is written %25`},
	} {
		if got := reason(t, test[0]); got != test[1] {
			t.Errorf("%q\n got %s\nwant %s", test[0], got, test[1])
		} else if strings.Contains(got, "sec") {
			t.Errorf("%q: the error tells a secret: %s", test[0], got)
		}
	}
}

func TestParseBase(t *testing.T) {
	for _, test := range [][2]string{
		{"api.example.com", "base URL: missing scheme: did you mean https://api.example.com"},
		{"ftp://api.example.com", `base URL: unsupported scheme "ftp": only http and https can be fetched`},
		{"https://api.example.com/?key=secret", "base URL: leave the query and the fragment out"},
		{"https://api.example.com/?", "base URL: leave the query and the fragment out"},
		{"https://api.example.com/#x", "base URL: leave the query and the fragment out"},
	} {
		if _, err := input.ParseBase(test[0]); err == nil || err.Error() != test[1] {
			t.Errorf("%s: error %v, want %s", test[0], err, test[1])
		}
	}
}

func TestJoin(t *testing.T) {
	for _, test := range [][3]string{
		{"https://api.example.com", "/v1/files", "https://api.example.com/v1/files"},
		{"https://api.example.com/", "/v1/files", "https://api.example.com/v1/files"},
		{"https://api.example.com/v1", "/v1/files", "https://api.example.com/v1/files"},
		{"https://api.example.com/v1/", "/v1/files", "https://api.example.com/v1/files"},
		{"https://api.example.com/v1", "/v1", "https://api.example.com/v1"},
		{"https://api.example.com/v1", "/v1?x=y", "https://api.example.com/v1?x=y"},
		{"https://api.example.com/v1", "/v10/files", "https://api.example.com/v1/v10/files"},
		{"https://proxy.example/openai", "/v1/files", "https://proxy.example/openai/v1/files"},
		{"https://proxy.example/openai/v1", "/v1/files?x=y", "https://proxy.example/openai/v1/files?x=y"},
		{"https://proxy.example/a/b/c", "/b/c/d", "https://proxy.example/a/b/c/d"},
		{"https://proxy.example/a%2Fb", "/c", "https://proxy.example/a%2Fb/c"},
		{"https://u:p@proxy.example:8443/a", "/", "https://u:p@proxy.example:8443/a/"},
	} {
		base, err := input.ParseBase(test[0])
		if err != nil {
			t.Fatal(err)
		}
		if got := input.Join(base, test[1]); got != test[2] {
			t.Errorf("%s and %s make %s, want %s", test[0], test[1], got, test[2])
		}
		// It is what every reader does with a path.
		items, err := all(t, input.NewAuto(strings.NewReader(test[1]+"\n{\"url\":\""+test[1]+"\"}"), input.Options{Base: base}))
		if err != nil || len(items) != 2 || items[0].URL != test[2] || items[1].URL != test[2] {
			t.Errorf("error %v, items\n%s", err, list(items))
		}
		if string(items[0].Raw) != test[1] {
			t.Errorf("Raw is %q", items[0].Raw)
		}
	}
}

// Two slashes begin a host and not a path.
func TestBaseIsForPathsOnly(t *testing.T) {
	base, err := input.ParseBase("https://api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	check(t, input.NewLines(strings.NewReader("https://b.example/\n//c.example/\nd.example"), input.Options{Base: base}),
		`1 https://b.example/
-:2: missing scheme: did you mean https://c.example/
-:3: missing scheme: did you mean https://d.example`)
}
