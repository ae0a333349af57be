package policy_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/policy"
)

// What is wrong is said in one line each, in order, with file, line and hint.
func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string // beginnings of the lines
	}{
		{"nothing", "", []string{`p.toml:1: there is nothing in this file; write [default]`}},
		{"only comments", "# a\n\n", []string{`p.toml:1: there is nothing in this file; `}},
		{"not TOML", "[default]\n\nconcurrency = = 3\n", []string{`p.toml:3: this is not TOML: `}},
		{"no quotes", "[default]\nconcurrency = auto\n", []string{`p.toml:2: this is not TOML: unexpected character U+0061 'a' at start of value; a text is written in quotes`}},
		{"binary", "\xff\xfe[\x00", []string{`p.toml:1: this is not TOML: `}},
		{"twice the same", "[default]\nrate = '1/s'\nrate = '2/s'\n", []string{`p.toml:3: this is not TOML: `}},
		{"two defaults", "[default]\nrate = '1/s'\n[default]\n", []string{`p.toml:3: this is not TOML: `}},

		{"unknown table", "[defaults]\n", []string{`p.toml:1: there is no field "defaults" here; write [default]`}},
		{"unknown list", "\n[[rules]]\nmatch = 'a'", []string{`p.toml:2: there is no field "rules" here; write [[rule]]`}},
		{"unknown at the top", "timeout = 3", []string{`p.toml:1: there is no field "timeout" here; the fields are [default], [[rule]]`}},
		{"unknown in default", "[default]\nmatch = 'a'\n", []string{`p.toml:2: there is no field "match" here; the fields are key, concurrency,`}},
		{"unknown in rule", "[[rule]]\nmatch = 'a'\n[[rule]]\nmatch = 'b'\nConcurency = 3", []string{`p.toml:5: there is no field "Concurency" here; write concurrency`}},
		{"unknown in retry", "[default]\nretry = { max = 1, max-retry-after = '1m' }", []string{`p.toml:2: there is no field "max-retry-after" here; write max_retry_after`}},
		{"unknown table in rule", "[[rule]]\nmatch = 'a'\n[rule.limits]\nx = 1\n", []string{`p.toml:3: there is no field "limits" here; the fields are name, match,`}},

		{"default is a list", "[[default]]\nrate = '1/s'\n", []string{`p.toml:1: there is only one default; write [default], with one bracket`}},
		{"default is text", "default = 'x'\n", []string{`p.toml:1: default is the text "x"; write [default]`}},
		{"rule is a table", "[rule]\nmatch = 'a'\n", []string{`p.toml:1: rule is a table, not a list of tables; write [[rule]], with two brackets`}},
		{"rule is a list of texts", "rule = ['a', 'b']\n", []string{`p.toml:1: rule is a list, not a list of tables; write [[rule]]`}},
		{"retry is a number", "[default]\nretry = 3\n", []string{`p.toml:2: retry is the number 3; write retry = { max = 3`}},

		{"key", "[default]\nkey = 'domain'\n", []string{`p.toml:2: key is "domain", which it cannot be; write "host", "site" or "rule"`}},
		{"key is a number", "[default]\nkey = 1\n", []string{`p.toml:2: key is the number 1; write "host"`}},
		{"concurrency 0", "[default]\nconcurrency = 0\n", []string{`p.toml:2: concurrency is 0, less than 1; write a number from 1 on, "auto", or "none" for no limit`}},
		{"concurrency -1", "[default]\nconcurrency = -1\n", []string{`p.toml:2: concurrency is -1, less than 1; `}},
		{"concurrency a lot", "[default]\nconcurrency = 1_000_001\n", []string{`p.toml:2: concurrency is 1000001, more than 1000000; `}},
		{"concurrency 1.5", "[default]\nconcurrency = 1.5\n", []string{`p.toml:2: concurrency is the number 1.5; write a number`}},
		{"concurrency in quotes", "[default]\nconcurrency = '5'\n", []string{`p.toml:2: concurrency is "5", which it cannot be; write a number`}},
		{"concurrency true", "[default]\nconcurrency = true\n", []string{`p.toml:2: concurrency is true; `}},
		{"concurrency a day", "[default]\nconcurrency = 2026-01-01\n", []string{`p.toml:2: concurrency is a date or a time of day; `}},
		{"max_concurrency 0", "[default]\nconcurrency = 'auto'\nmax_concurrency = 0\n", []string{`p.toml:3: max_concurrency is 0, less than 1; write a larger number, or leave it out`}},
		{"max_concurrency alone", "[default]\nmax_concurrency = 5\n", []string{`p.toml:2: max_concurrency bounds only what concurrency = "auto" finds; write concurrency = "auto" too`}},
		{"max_concurrency of a number", "[[rule]]\nmatch = 'a'\nmax_concurrency = 5\n[default]\nconcurrency = 3\n", []string{`p.toml:3: max_concurrency bounds only`}},

		{"rate without a unit", "[default]\nrate = '100'\n", []string{`p.toml:2: rate is "100": a rate needs a unit of time; write 100/s or 100/m`}},
		{"rate a number", "[default]\nrate = 100\n", []string{`p.toml:2: rate is the number 100; write "100/s"`}},
		{"rate 0", "[default]\nrate = '0/s'\n", []string{`p.toml:2: rate is "0/s": a rate is a number above zero; `}},
		{"rate -1", "[default]\nrate = '-1/s'\n", []string{`p.toml:2: rate is "-1/s": `}},
		{"one of two rates", "[default]\nrate = '1/s, 3/fortnight'\n", []string{`p.toml:2: rate is "1/s, 3/fortnight": the unit of time is unknown; `}},
		{"rate a list", "[default]\nrate = ['1/s']\n", []string{`p.toml:2: rate is a list; `}},
		{"empty rate", "[default]\nrate = ''\n", []string{`p.toml:2: rate is "": a rate is missing; `}},

		{"retry.max", "[default]\nretry.max = -1\n", []string{`p.toml:2: max is -1, less than 0; `}},
		{"retry.max in quotes", "[default]\nretry.max = '3'\n", []string{`p.toml:2: max is the text "3"; write a whole number, without quotes`}},
		{"retry.base a number", "[default]\nretry.base = 5\n", []string{`p.toml:2: base is the number 5; write a time with its unit, in quotes: "500ms"`}},
		{"retry.base without a unit", "[default]\nretry.base = '5'\n", []string{`p.toml:2: base is "5", which is no time; `}},
		{"retry.base 0", "[default]\nretry.base = '0s'\n", []string{`p.toml:2: base is "0s", not above zero; `}},
		{"retry.cap negative", "[default.retry]\ncap = '-3s'\n", []string{`p.toml:2: cap is "-3s", not above zero; `}},
		{"retry.max_retry_after", "[default.retry]\n\nmax_retry_after = 'soon'\n", []string{`p.toml:3: max_retry_after is "soon", which is no time; `}},
		{"base over cap", "[default.retry]\nbase = '1m'\n", []string{`p.toml:2: base is 1m0s, more than cap, 30s; `}},
		{"inherited base over cap", "[[rule]]\nmatch = 'a'\nretry.cap = '1s'\n[default]\nretry.base = '2s'\n", []string{`p.toml:3: base is 2s, more than cap, 1s; `}},

		{"no match", "[[rule]]\nname = 'a'\n", []string{`p.toml:1: this rule has no match; write match = `}},
		{"empty rule", "[[rule]]\n[[rule]]\nmatch = 'a'\n", []string{`p.toml:1: this rule has no match; `}},
		{"empty list", "[[rule]]\nmatch = []\n", []string{`p.toml:2: match is an empty list; `}},
		{"match a number", "[[rule]]\nmatch = 7\n", []string{`p.toml:2: match is the number 7; `}},
		{"match of a number", "[[rule]]\nmatch = ['a',\n\n7]\n", []string{`p.toml:4: match is the number 7; `}},
		{"inline rules", "rule = [{match = 'a'},\n{match = 'b', rate = '1'}]\n", []string{`p.toml:2: rate is "1": `}},

		{"name with a space", "[[rule]]\nname = 'a b'\nmatch = 'a'\n", []string{`p.toml:2: name is "a b", which it cannot be; write a name such as "api"`}},
		{"name with a slash", "[[rule]]\nname = 'a/b'\nmatch = 'a'\n", []string{`p.toml:2: name is "a/b", `}},
		{"empty name", "[[rule]]\nname = ''\nmatch = 'a'\n", []string{`p.toml:2: name is "", `}},
		{"name a number", "[[rule]]\nname = '2'\nmatch = 'a'\n", []string{`p.toml:2: name is "2", `}},
		{"long name", "[[rule]]\nname = '" + strings.Repeat("a", 65) + "'\nmatch = 'a'\n", []string{`p.toml:2: name is "aaa`}},
		{"name default", "[[rule]]\nname = 'default'\nmatch = 'a'\n", []string{`p.toml:2: name is "default", which stands for what no rule matches; `}},
		{"same name", "[[rule]]\nname = 'a'\nmatch = 'a'\n[[rule]]\nmatch = 'b'\nname = 'a'\n", []string{`p.toml:6: name is "a", which the rule in line 2 has; write another name`}},

		{"empty pattern", "[[rule]]\nmatch = ['a',\n'']\n", []string{`p.toml:3: the pattern is empty; `}},
		{"two in one", "[[rule]]\nmatch = 'a b'\n", []string{`p.toml:2: there is a space or a control character in the pattern "a b"; several patterns are a list`}},
		{"scheme", "[[rule]]\nmatch = 'ftp://a'\n", []string{`p.toml:2: the scheme of "ftp://a" is neither http nor https; `}},
		{"user", "[[rule]]\nmatch = 'https://joe:secret@a/x'\n", []string{`p.toml:2: a pattern has no user and no password; `}},
		{"user of another scheme", "[[rule]]\nmatch = 'ftp://joe:secret@a/x'\n", []string{`p.toml:2: the scheme of "xxxxx@a/x" is neither`}},
		{"user after one slash", "[[rule]]\nmatch = 'https:/joe:secret@a'\n", []string{`p.toml:2: the port of "xxxxx@a" cannot be; `}},
		{"query", "[[rule]]\nmatch = 'a/x?y=1'\n", []string{`p.toml:2: a pattern ends before the query: "a/x?y=1"; `}},
		{"fragment", "[[rule]]\nmatch = 'a#b'\n", []string{`p.toml:2: a pattern ends before the query: "a#b"; `}},
		{"no host", "[[rule]]\nmatch = '/v1/*'\n", []string{`p.toml:2: there is no host in "/v1/*"; write "*" for any host`}},
		{"no host after the scheme", "[[rule]]\nmatch = 'https://'\n", []string{`p.toml:2: there is no host in "https://"; `}},
		{"port 0", "[[rule]]\nmatch = 'a:0'\n", []string{`p.toml:2: the port of "a:0" cannot be; `}},
		{"port too large", "[[rule]]\nmatch = 'a:65536'\n", []string{`p.toml:2: the port of "a:65536" cannot be; `}},
		{"no port", "[[rule]]\nmatch = 'a:/x'\n", []string{`p.toml:2: the port of "a:/x" cannot be; `}},
		{"one slash", "[[rule]]\nmatch = 'https:/a'\n", []string{`p.toml:2: the port of "https:/a" cannot be; `}},
		{"leading dot", "[[rule]]\nmatch = '.example.com'\n", []string{`p.toml:2: the host of ".example.com" begins with a dot; write ["example.com", "*.example.com"]`}},
		{"two dots", "[[rule]]\nmatch = 'a..b'\n", []string{`p.toml:2: the host of "a..b" cannot be; `}},
		{"regular expression", "[[rule]]\nmatch = '^api[0-9]+$'\n", []string{`p.toml:2: the host of "^api[0-9]+$" cannot be; letters, digits, - and _ make a name; * is the only wildcard`}},
		{"braces", "[[rule]]\nmatch = '{a,b}.com'\n", []string{`p.toml:2: the host of "{a,b}.com" cannot be; `}},
		{"star in a label that is not ASCII", "[[rule]]\nmatch = 'bü*.example'\n", []string{`p.toml:2: the host of "bü*.example" cannot be; `}},
		{"IPv6 without brackets", "[[rule]]\nmatch = '2001:db8::1'\n", []string{`p.toml:2: "2001:db8::1" has more than one colon; write an IPv6 address as "[2001:db8::1]"`}},
		{"brackets", "[[rule]]\nmatch = '[a]'\n", []string{`p.toml:2: "[a]" has no IPv6 address in its brackets; `}},
		{"after brackets", "[[rule]]\nmatch = '[::1]8080'\n", []string{`p.toml:2: "[::1]8080" has no IPv6 address`}},
		{"network", "[[rule]]\nmatch = '10.1.0.0/16'\n", []string{`p.toml:2: "10.1.0.0/16" is a network, which no pattern can be; write "10.1.*"`}},
		{"escape", "[[rule]]\nmatch = 'a/100%'\n", []string{`p.toml:2: the path of "a/100%" cannot be; a percent sign is written %25`}},

		{"the same again", "[[rule]]\nname = 'one'\nmatch = 'a'\n[[rule]]\nmatch = 'A.'\n", []string{`p.toml:4: rule 2 never counts: the rule one, in line 1, matches the same before it; put it before`}},
		{"after a wider one", "[[rule]]\nmatch = '*.a'\n[[rule]]\nname = 'two'\nmatch = 'https://b.a/x'\n", []string{`p.toml:3: rule two never counts: the rule 1, in line 1, `}},
		{"after its root", "[[rule]]\nmatch = 'a/'\n[[rule]]\nmatch = 'a'\n", []string{`p.toml:3: rule 2 never counts: `}},
		{"after any", "[[rule]]\nmatch = '*'\n[[rule]]\nmatch = '[::1]:80/x*'\n", []string{`p.toml:3: rule 2 never counts: `}},
		{"after several", "[[rule]]\nmatch = 'a'\n[[rule]]\nmatch = 'b'\n[[rule]]\nmatch = ['b/x', 'a:80']\n", []string{`p.toml:5: rule 3 never counts: `}},

		{
			"in order of lines", "[[rule]]\nrate = '1/s'\n[[rule]]\nmatch = ''\n[default]\nrate = 1\n",
			[]string{`p.toml:1: this rule has no match`, `p.toml:4: the pattern is empty`, `p.toml:6: rate is the number 1`},
		},
		{
			"several", "[default]\nrate = 7\nnonsense = 1\n[[rule]]\nname = 'x'\n[[rule]]\nmatch = ['ok', '?']\nconcurrency = 0\n",
			[]string{`p.toml:2: rate is`, `p.toml:3: there is no field "nonsense"`, `p.toml:4: this rule has no match`, `p.toml:7: a pattern ends`, `p.toml:8: concurrency is 0`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, err := policy.Parse("p.toml", []byte(test.text))
			if err == nil || f != nil {
				t.Fatalf("%v, %v", f, err)
			}
			got := strings.Split(err.Error(), "\n")
			if len(got) != len(test.want) || len(policy.All(err)) != len(got) {
				t.Fatalf("%d errors, want %d:\n%v", len(got), len(test.want), err)
			}
			for i, line := range got {
				if !strings.HasPrefix(line, test.want[i]) {
					t.Errorf("got  %s\nwant %s", line, test.want[i])
				}
				if strings.Contains(line, "secret") {
					t.Errorf("a password: %s", line)
				}
				e := policy.All(err)[i]
				if e.Error() != line || e.Hint == "" || !strings.HasPrefix(line, e.Where()+": ") {
					t.Errorf("%+v", e)
				}
			}
		})
	}
}

// What is near to an error is none.
func TestNoErrors(t *testing.T) {
	for name, text := range map[string]string{
		"default only":           "[default]\n",
		"byte order mark":        "\xef\xbb\xbf[default]\nrate = '1/s'\n",
		"Windows":                "[default]\r\nrate = '1/s'\r\n[[rule]]\r\nmatch = 'a'\r\n",
		"no retries":             "[default]\nretry.max = 0\n",
		"inherited auto":         "[[rule]]\nmatch = 'a'\nmax_concurrency = 5\n[default]\nconcurrency = 'auto'\n",
		"number under auto":      "[[rule]]\nmatch = 'a'\nconcurrency = 5\n[default]\nconcurrency = 'auto'\nmax_concurrency = 9\n",
		"narrow before wide":     "[[rule]]\nmatch = 'a/x'\n[[rule]]\nmatch = 'a'\n",
		"one pattern is covered": "[[rule]]\nmatch = 'a'\n[[rule]]\nmatch = ['a', 'b']\n",
		"another port":           "[[rule]]\nmatch = 'a:80'\n[[rule]]\nmatch = 'a'\n",
		"below":                  "[[rule]]\nmatch = 'a/x/*'\n[[rule]]\nmatch = 'a/x'\n",
		"whole file in a line":   "rule = [{ match = 'a', retry = { max = 1 } }, { match = 'b' }]",
	} {
		if _, err := policy.Parse("p.toml", []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := policy.Load(filepath.Join(dir, "none.toml")); !errors.Is(err, fs.ErrNotExist) || policy.All(err) != nil {
		t.Error(err)
	}
	if _, err := policy.Load(dir); err == nil {
		t.Error("loaded a folder")
	}
	long := filepath.Join(dir, "urls.txt")
	if err := os.WriteFile(long, []byte(strings.Repeat("https://example.com/\n", 300_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Load(long); err == nil || !strings.HasPrefix(err.Error(), long+": this is too long") {
		t.Error(err)
	}
}
