package fetch_test

import (
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// The timeout is for the attempt from its start to the end of its body.
func TestTimeout(t *testing.T) {
	toB := http.Header{"Location": {"http://b/"}}
	tests := map[string]struct {
		a, b reply
		took time.Duration
		ok   bool
	}{
		"no answer":                    {reply{wait: time.Hour}, reply{}, 5 * time.Second, false},
		"no end of the body":           {reply{wait: 3 * time.Second, read: time.Hour}, reply{}, 5 * time.Second, false},
		"just in time":                 {reply{wait: 3 * time.Second, read: 2*time.Second - 1}, reply{}, 5*time.Second - 1, true},
		"no answer after a redirect":   {reply{status: 302, header: toB, wait: 2 * time.Second}, reply{wait: time.Hour}, 5 * time.Second, false},
		"no end after a redirect":      {reply{status: 302, header: toB, wait: time.Second, read: time.Second}, reply{wait: time.Second, read: time.Hour}, 5 * time.Second, false},
		"a redirect, just in time":     {reply{status: 302, header: toB, wait: time.Second, read: time.Second}, reply{wait: time.Second, read: 2*time.Second - 1}, 5*time.Second - 1, true},
		"the redirect takes all of it": {reply{status: 302, header: toB, wait: time.Second, read: time.Hour}, reply{}, 5 * time.Second, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(func(h hit) reply {
					if h.host == "b:80" {
						return tt.b
					}
					return tt.a
				})
				out := mustRun(t, n, gets("http://a/"), fetch.Options{Timeout: 5 * time.Second, Redirects: 3})
				wantTime(t, "the attempt", out.took, tt.took)
				rec := out.recs[0]
				if rec.OK != tt.ok || (!tt.ok && (classOf(rec) != fetch.Timeout || !strings.Contains(rec.Error.Message, "5s"))) {
					t.Errorf("record %+v with error %v", rec, rec.Error)
				}
				if d := rec.Total - tt.took; d < 0 || d > ms {
					t.Errorf("total %v, want %v", rec.Total, tt.took)
				}
			})
		})
	}
}

// What is waited for limits does not count: not before the attempt, and not
// between a redirect and the request that it asks for.
func TestTimeoutLeavesWaitingOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(h hit) reply {
			if h.host == "a:80" {
				return reply{status: 302, wait: 3 * time.Second, header: http.Header{"Location": {"http://b/a"}}}
			}
			return reply{wait: 4 * time.Second}
		})
		out := mustRun(t, n, gets("http://b/0", "http://b/1", "http://b/2", "http://a/"),
			fetch.Options{Timeout: 5 * time.Second, PerHost: 1, Redirects: 1})
		for i, rec := range out.each(t, 4)[:3] {
			if !rec.OK {
				t.Errorf("item %d, which waited %v: %v", i, rec.Queue, rec.Error)
			}
		}
		// 3 s were used before the wait for b, so 2 are left after it.
		redirected := out.each(t, 4)[3]
		for _, h := range n.log() {
			if h.url == "http://b/a" {
				wantTime(t, "left after the redirect", h.left, 2*time.Second)
				wantTime(t, "the end", out.doneAt(3), h.at+2*time.Second)
			}
		}
		if classOf(redirected) != fetch.Timeout {
			t.Errorf("redirected: %v", redirected.Error)
		}
	})
}

// Each attempt has the whole time.
func TestTimeoutOfRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec, n := one(t, func(h hit) reply {
			switch {
			case h.host == "a:80":
				return reply{status: 302, wait: 4 * time.Second, header: http.Header{"Location": {"http://b/"}}}
			case h.nth == 0:
				return reply{wait: time.Hour}
			}
			return reply{wait: 5*time.Second - 1}
		}, fetch.Item{URL: "http://a/"}, fetch.Options{Timeout: 5 * time.Second, Redirects: 1, Retry: fetch.Retry{Max: 1}})
		if !rec.OK || rec.Attempts != 2 {
			t.Errorf("record %+v", rec)
		}
		wantTime(t, "left for the retry", n.log()[2].left, 5*time.Second)
		wantTime(t, "total", rec.Total, 5*time.Second-1)
	})
}

func TestTimeoutDefaultAndNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec, n := one(t, always(time.Hour), fetch.Item{URL: "http://a/"}, fetch.Options{})
		if classOf(rec) != fetch.Timeout || n.log()[0].left != fetch.DefaultTimeout || rec.Total != 30*time.Second {
			t.Errorf("default: %v after %v", rec.Error, rec.Total)
		}
		rec, n = one(t, always(1000*time.Hour), fetch.Item{URL: "http://a/"}, fetch.Options{Timeout: -1})
		if !rec.OK || !n.log()[0].endless || rec.Total != 1000*time.Hour {
			t.Errorf("none: %v after %v", rec.Error, rec.Total)
		}
	})
}

// That a connection took too long is not that the attempt did: its message
// does not claim that all of its time had passed, and as nothing was sent even
// a POST may be tried again.
func TestTransportsTimeoutIsNotTheAttempts(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	synctest.Test(t, func(t *testing.T) {
		rec, _ := one(t, func(hit) reply { return reply{wait: 2 * time.Second, err: dial} },
			fetch.Item{URL: "http://a/", Method: "POST"}, fetch.Options{Timeout: time.Minute, Retry: fetch.Retry{Max: 1}})
		if rec.Error == nil || strings.Contains(rec.Error.Message, "1m") {
			t.Errorf("after %v: %v", rec.Total, rec.Error)
		}
		if c := classOf(rec); c != fetch.Connect || rec.Attempts != 2 {
			t.Errorf("class %s after %d attempts, want connect after 2", c, rec.Attempts)
		}
	})
}
