package fetch_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// moved answers a request to http://a/ with a redirect and all others with
// 200.
func moved(status int, location string) func(hit) reply {
	return func(h hit) reply {
		if h.url == "http://a/" {
			return reply{status: status, header: http.Header{"Location": {location}}, body: "moved"}
		}
		return reply{body: "here"}
	}
}

// What is sent after a redirect, by status and method (RFC 9110, section
// 15.4).
func TestRedirectMethods(t *testing.T) {
	tests := []struct {
		status int
		method string
		then   string
		body   bool
	}{
		{301, "GET", "GET", false},
		{302, "GET", "GET", false},
		{303, "GET", "GET", false},
		{307, "GET", "GET", false},
		{308, "GET", "GET", false},
		{301, "HEAD", "HEAD", false},
		{302, "HEAD", "HEAD", false},
		{303, "HEAD", "HEAD", false},
		{307, "HEAD", "HEAD", false},
		{301, "POST", "GET", false},
		{302, "POST", "GET", false},
		{303, "POST", "GET", false},
		{307, "POST", "POST", true},
		{308, "POST", "POST", true},
		{301, "PUT", "PUT", true},
		{302, "PUT", "PUT", true},
		{303, "PUT", "GET", false},
		{307, "PUT", "PUT", true},
		{308, "PATCH", "PATCH", true},
		{303, "DELETE", "GET", false},
		{302, "DELETE", "DELETE", true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, " ", tt.method), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				it := fetch.Item{
					URL: "http://a/", Method: tt.method,
					Header: http.Header{"Content-Type": {"text/x"}, "Content-Encoding": {"x"}, "X-Kept": {"1"}},
				}
				if tt.method != "GET" && tt.method != "HEAD" {
					it.Body = []byte("sent")
				}
				rec, n := one(t, moved(tt.status, "/to"), it, fetch.Options{Redirects: 1, KeepBody: true})
				if !rec.OK || rec.Status != 200 || rec.Attempts != 1 || rec.FinalURL != "http://a/to" || rec.URL != "http://a/" || string(rec.Body) != "here" {
					t.Errorf("record %+v with body %q", rec, rec.Body)
				}
				h := n.log()[1]
				body := ""
				if tt.body {
					body = "sent"
				}
				if h.method != tt.then || h.body != body || h.header.Get("X-Kept") != "1" {
					t.Errorf("then a %s with body %q and header %v; want %s with %q", h.method, h.body, h.header, tt.then, body)
				}
				if became := tt.method != tt.then; became && (h.header.Get("Content-Type") != "" || h.header.Get("Content-Encoding") != "") {
					t.Errorf("the header still speaks of a body: %v", h.header)
				}
			})
		})
	}
}

// Credentials do not go to another host, however their names are spelled;
// to the same one they do.
func TestRedirectCredentials(t *testing.T) {
	tests := map[string]struct {
		location string
		kept     bool
	}{
		"relative path":       {"/to", true},
		"same host":           {"http://a/to", true},
		"same host, its port": {"http://A:80/to", true},
		"no scheme":           {"//a/to", true},
		"other host":          {"http://b/to", false},
		"other host, no way":  {"//b/to", false},
		"other port":          {"http://a:81/to", false},
		"other scheme":        {"https://a/to", false},
		"scheme, not port":    {"https://a:80/to", false},
		"subdomain":           {"http://x.a/to", false},
	}
	items := map[string]fetch.Item{
		"item's": {URL: "http://a/", Header: http.Header{
			"Authorization": {"S3CRET"}, "cookie": {"S3CRET"}, "PROXY-authorization": {"S3CRET"}, "Host": {"S3CRET"}, "X-Api-Key": {"S3CRET"}, "Private-Token": {"S3CRET"}, "Accept-Language": {"1"},
		}},
		"URL's": {URL: "http://S3CRET:S3CRET@a/", Header: http.Header{"Accept-Language": {"1"}}},
	}
	for kind, it := range items {
		for name, tt := range tests {
			t.Run(kind+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, n := one(t, moved(307, tt.location), it, fetch.Options{Redirects: 1})
					first, h := n.log()[0], n.log()[1]
					if first.header.Get("Authorization") == "" {
						t.Fatalf("no credentials were sent at all: %v", first.header)
					}
					if got := h.header.Get("Authorization"); (got != "") != tt.kept {
						t.Errorf("Authorization: %q", got)
					}
					if all := fmt.Sprint(h.header, h.sentTo); !tt.kept && (strings.Contains(all, "S3CRET") || strings.Contains(all, first.header.Get("Authorization"))) {
						t.Errorf("to another host: %s", all)
					}
					if h.header.Get("Accept-Language") != "1" {
						t.Error("the other fields are gone")
					}
				})
			})
		}
	}
}

// The run's own header may have been written by hand.
func TestRedirectCredentialsOfTheRun(t *testing.T) {
	for _, name := range []string{"Authorization", "authorization", "COOKIE", "cookie"} {
		synctest.Test(t, func(t *testing.T) {
			_, n := one(t, moved(302, "http://b/"), fetch.Item{URL: "http://a/"},
				fetch.Options{Redirects: 1, Header: http.Header{name: {"S3CRET"}}})
			hits := n.log()
			if !strings.Contains(fmt.Sprint(hits[0].header), "S3CRET") || strings.Contains(fmt.Sprint(hits[1].header), "S3CRET") {
				t.Errorf("%s: sent %v, then to another host %v", name, hits[0].header, hits[1].header)
			}
		})
	}
}

// A host that was left has lost its right to the credentials, even where the
// way leads back.
func TestRedirectThereAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n := one(t, func(h hit) reply {
			switch h.url {
			case "http://a/":
				return reply{status: 302, header: http.Header{"Location": {"http://b/"}}}
			case "http://b/":
				return reply{status: 302, header: http.Header{"Location": {"http://a/chosen-by-b"}}}
			}
			return reply{}
		}, fetch.Item{URL: "http://a/", Header: http.Header{"Authorization": {"S3CRET"}}}, fetch.Options{Redirects: 2})
		if h := n.log()[2]; h.header.Get("Authorization") != "" {
			t.Errorf("%s got %v", h.url, h.header)
		}
	})
}

func TestRedirectLocations(t *testing.T) {
	tests := []struct{ from, location, to string }{
		{"http://a/x/y?q", "z", "http://a/x/z"},
		{"http://a/x/y?q", "/z", "http://a/z"},
		{"http://a/x/y?q", "../z", "http://a/z"},
		{"http://a/x/y?q", "?r", "http://a/x/y?r"},
		{"http://a/x/y?q", "//b/z", "http://b/z"},
		{"https://a/x/y", "//b/z", "https://b/z"},
		{"http://a/x/y?q", "http://b", "http://b"},
		{"http://a/x#part", "/z", "http://a/z#part"}, // RFC 9110, section 10.2.2
		{"http://a/x#part", "/z#other", "http://a/z#other"},
		{"http://a/x", "/ä b", "http://a/%C3%A4%20b"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			rec, n := one(t, func(h hit) reply {
				if h.nth == 0 && h.url == tt.from {
					return reply{status: 302, header: http.Header{"Location": {tt.location}}}
				}
				return reply{}
			}, fetch.Item{URL: tt.from}, fetch.Options{Redirects: 1})
			if hits := n.log(); rec.FinalURL != tt.to || len(hits) != 2 || hits[1].url != tt.to {
				t.Errorf("%s, then %q: final URL %q, %d requests; want %s", tt.from, tt.location, rec.FinalURL, len(hits), tt.to)
			}
		})
	}
}

// A redirect that cannot be followed is the item's error.
func TestRedirectToNowhere(t *testing.T) {
	for _, location := range []string{
		"http://ho st/", "gopher://a/", "mailto:x@y", "http://", "http:///x", "http://a:port/", "%zz", "javascript:alert(1)",
	} {
		synctest.Test(t, func(t *testing.T) {
			rec, n := one(t, moved(302, location), fetch.Item{URL: "http://a/"}, fetch.Options{Redirects: 5})
			if classOf(rec) != fetch.Protocol || rec.Status != 302 || len(n.log()) != 1 {
				t.Errorf("%q: %+v, %v", location, rec, rec.Error)
			}
		})
	}
}

// Redirects is the most that are followed; the next one is an error.
func TestRedirectsAreCounted(t *testing.T) {
	for _, tt := range []struct {
		most, chain int
		ok          bool
	}{{1, 1, true}, {1, 2, false}, {10, 10, true}, {10, 11, false}, {10, 1000, false}} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(func(h hit) reply {
				var at int
				if _, err := fmt.Sscanf(h.url, "http://a/%d", &at); err != nil {
					t.Error(err)
				}
				if at == tt.chain {
					return reply{}
				}
				return reply{status: 302, header: http.Header{"Location": {fmt.Sprint("/", at+1)}}}
			})
			out := mustRun(t, n, gets("http://a/0"), fetch.Options{Redirects: tt.most})
			followed := min(tt.most, tt.chain)
			rec := out.recs[0]
			if rec.OK != tt.ok || len(n.log()) != followed+1 || out.sum.Redirects != int64(followed) || rec.Attempts != 1 {
				t.Errorf("%d of %d: %+v, %v, %d requests", tt.most, tt.chain, rec, rec.Error, len(n.log()))
			}
			if !tt.ok && (classOf(rec) != fetch.Protocol || !strings.Contains(rec.Error.Message, fmt.Sprint(tt.most))) {
				t.Errorf("%v", rec.Error)
			}
		})
	}
}

// Without -L a redirect is the answer, and so is one that names no place, and
// a 304.
func TestRedirectThatIsTheAnswer(t *testing.T) {
	tests := map[string]struct {
		r reply
		o fetch.Options
	}{
		"none wanted": {reply{status: 302, header: http.Header{"Location": {"/to"}}, body: "b"}, fetch.Options{}},
		"no location": {reply{status: 302, body: "b"}, fetch.Options{Redirects: 5}},
		"304":         {reply{status: 304, header: http.Header{"Location": {"/to"}}, body: "b"}, fetch.Options{Redirects: 5}},
		"300":         {reply{status: 300, header: http.Header{"Location": {"/to"}}, body: "b"}, fetch.Options{Redirects: 5}},
		"201":         {reply{status: 201, header: http.Header{"Location": {"/to"}}, body: "b"}, fetch.Options{Redirects: 5}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.o.KeepBody = true
				rec, n := one(t, func(hit) reply { return tt.r }, fetch.Item{URL: "http://a/"}, tt.o)
				if !rec.OK || rec.Status != tt.r.status || rec.FinalURL != "" || string(rec.Body) != "b" || len(n.log()) != 1 {
					t.Errorf("record %+v", rec)
				}
			})
		})
	}
}

// Accept is about the response that is the answer: a redirect on the way
// need not be in it.
func TestRedirectOnTheWayToWhatIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec, n := one(t, moved(302, "/to"), fetch.Item{URL: "http://a/"},
			fetch.Options{Redirects: 5, Accept: fetch.StatusSet{{200, 299}}})
		if !rec.OK || len(n.log()) != 2 {
			t.Errorf("%d requests, status %d, %v", len(n.log()), rec.Status, rec.Error)
		}
	})
}

// A redirect's body is read, so that its connection can be used again, and
// counts for nothing in the record.
func TestRedirectBodyCountsNotInRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec, _ := one(t, func(h hit) reply {
			if h.url == "http://a/" {
				return reply{status: 302, header: http.Header{"Location": {"/to"}}, body: "moved", read: time.Second}
			}
			return reply{body: "ok"}
		}, fetch.Item{URL: "http://a/"}, fetch.Options{Redirects: 1, KeepBody: true, KeepHeader: true})
		if rec.Bytes != 2 || string(rec.Body) != "ok" || rec.Header.Get("Location") != "" || rec.Total < time.Second {
			t.Errorf("record %+v", rec)
		}
	})
}
