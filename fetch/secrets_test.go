package fetch_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/penstock-go/penstock/fetch"
)

const secret = "S3CRETpa55"

// leaks fails the test for each line that a program could print of a run and
// that has one of the secrets.
func leaks(t *testing.T, out outcome, secrets ...string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%+v\n%#v\n", out.sum, out.sum)
	for _, r := range out.recs {
		r.Raw = nil // the input verbatim, as promised
		fmt.Fprintf(&b, "%s\n%+v\n", r.AppendJSON(nil), r)
		if r.Error == nil {
			continue
		}
		fmt.Fprintf(&b, "%+v\n", *r.Error)
		for err := error(r.Error); err != nil; err = errors.Unwrap(err) {
			fmt.Fprintf(&b, "%v\n", err)
		}
	}
	for line := range strings.SplitSeq(b.String(), "\n") {
		for _, s := range secrets {
			if strings.Contains(line, s) {
				t.Errorf("%s is in: %s", s, line)
			}
		}
	}
}

type userinfo struct{ url, user, password string }

// A password in a URL is sent as Basic auth, and is nowhere else.
func TestUserinfoIsBasicAuth(t *testing.T) {
	checkUserinfo(t, map[string]userinfo{
		"user and password": {"http://user:" + secret + "@a/x?y", "user", secret},
		"escaped":           {"http://us%40er:" + secret + "%40%2F@a/", "us@er", secret + "@/"},
		"a word alone":      {"http://:" + secret + "@a/", "", secret},
	})
}

// A token or an API key often stands where the user's name does, with no
// password: it is as secret as one.
func TestTokenAsUserIsSecret(t *testing.T) {
	checkUserinfo(t, map[string]userinfo{
		"a token": {"http://" + secret + "@a/", secret, ""},
		"a key":   {"http://" + secret + ":@a/", secret, ""},
	})
}

func checkUserinfo(t *testing.T, tests map[string]userinfo) {
	t.Helper()
	answers := map[string]func(hit) reply{
		"ok":       func(hit) reply { return reply{body: "ok"} },
		"refused":  func(hit) reply { return reply{status: 401} },
		"redirect": func(h hit) reply { return moved(302, "/to")(hit{url: strings.Replace(h.url, "/x?y", "/", 1)}) },
		"no way":   func(hit) reply { return reply{status: 302, header: http.Header{"Location": {"ftp://x/"}}} },
		"reset":    func(hit) reply { return reply{err: syscall.ECONNRESET} },
		"no dial":  func(hit) reply { return reply{err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}} },
	}
	for name, tt := range tests {
		for how, answer := range answers {
			t.Run(name+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := newNetwork(answer)
					out := mustRun(t, n, list(fetch.Item{URL: tt.url, Raw: []byte(tt.url)}),
						fetch.Options{Redirects: 1, KeepHeader: true, KeepBody: true})
					for _, h := range n.log() {
						req := http.Request{Header: h.header}
						user, password, ok := req.BasicAuth()
						if !ok || user != tt.user || password != tt.password {
							t.Errorf("sent %v, want %q and %q", h.header, tt.user, tt.password)
						}
						if strings.Contains(h.url, secret) {
							t.Errorf("the transport was given %s", h.url)
						}
					}
					leaks(t, out, secret, base64.StdEncoding.EncodeToString([]byte(tt.user+":"+tt.password)))
				})
			})
		}
	}
}

// An Authorization that is set wins over the URL's.
func TestUserinfoAndHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n := one(t, nil, fetch.Item{URL: "http://u:p@a/", Header: http.Header{"authorization": {"Bearer x"}}}, fetch.Options{})
		if got := n.log()[0].header["Authorization"]; len(got) != 1 || got[0] != "Bearer x" {
			t.Errorf("Authorization: %q", got)
		}
	})
}

// A URL that cannot be fetched may hold a password all the same.
func TestSecretsInBadURLs(t *testing.T) {
	for _, u := range []string{
		"http://user:" + secret + "@ho st/",
		"http://user:" + secret + "/x@a/", // a slash in a password that was not escaped
		"http://user:" + secret + "#x@a/",
		"http://user:" + secret + "?x@a/",
		"http://user:" + secret + "%zz@a/",
		"http://user:%zz" + secret + "@a/",
		"http://us er:" + secret + "@a/",
		"http://user:" + secret + "@a:port/",
		"http://user:" + secret + "@",
		"http://user:" + secret + "@/",
		"http://user:" + secret + "@[::1/",
		"ftp://user:" + secret + "@a/",
		"://user:" + secret + "@a/",
		"//user:" + secret + "@a/",
		"user:" + secret + "@a/",
		"user:" + secret + "@a:80/x",
		"http:user:" + secret + "@a/",
		"http:/user:" + secret + "@a/",
		"http://user:" + secret + "\n@a/",
		"http://user:" + secret + "\x7f@a/",
		" http://user:" + secret + "@a/",
	} {
		t.Run(strings.ReplaceAll(u, "/", "|"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(nil)
				out := mustRun(t, n, list(fetch.Item{URL: u, Raw: []byte(u)}), fetch.Options{})
				if got := classOf(out.recs[0]); got != fetch.InvalidInput || len(n.log()) != 0 {
					t.Fatalf("class %q with %d requests", got, len(n.log()))
				}
				leaks(t, out, secret)
			})
		})
	}
}

// The same for a place that a server redirects to.
func TestSecretsInRedirects(t *testing.T) {
	for _, location := range []string{
		"http://user:" + secret + "@b/",
		"http://user:" + secret + "@ho st/",
		"http://user:" + secret + "/x@b/",
		"ftp://user:" + secret + "@b/",
	} {
		t.Run(strings.ReplaceAll(location, "/", "|"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(moved(302, location))
				out := mustRun(t, n, gets("http://a/"), fetch.Options{Redirects: 1})
				leaks(t, out, secret)
				for _, h := range n.log()[1:] {
					req := http.Request{Header: h.header}
					if user, password, _ := req.BasicAuth(); user != "user" || password != secret {
						t.Errorf("the redirect's own userinfo was not sent: %v", h.header)
					}
				}
			})
		})
	}
}

// Request headers are in no record, response cookies in no output.
func TestSecretsInHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(hit) reply {
			return reply{header: http.Header{"Set-Cookie": {"id=" + secret}, "X": {"1"}}}
		})
		out := mustRun(t, n, list(fetch.Item{URL: "http://a/", Header: http.Header{"Cookie": {"c=" + secret}}}), fetch.Options{
			Header: http.Header{"Authorization": {"Bearer " + secret}}, KeepHeader: true,
		})
		if got := string(out.recs[0].AppendJSON(nil)); strings.Contains(got, secret) || !strings.Contains(got, `"X":["1"]`) {
			t.Errorf("the secret is in %s", got)
		}
		if got := n.log()[0].header; got.Get("Cookie") == "" || got.Get("Authorization") == "" {
			t.Errorf("they were not sent: %v", got)
		}
	})
}
