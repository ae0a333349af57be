package fetch_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// A retry waits in a queue, not in a slot.
func TestRetryWaitsWithoutSlot(t *testing.T) {
	for name, header := range map[string]http.Header{"told when": {"Retry-After": {"30"}}, "not told": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(func(h hit) reply {
					if h.host == "a:80" && h.nth < 4 {
						return reply{status: 503, header: header}
					}
					return reply{wait: 100 * ms}
				})
				out := mustRun(t, n, gets("http://a/", "http://b/"), fetch.Options{
					Concurrency: 1, Retry: fetch.Retry{Max: 4, Base: time.Hour, Cap: time.Hour},
				})
				wantTime(t, "the second item", out.doneAt(1), 100*ms)
				if recs := out.each(t, 2); !recs[0].OK || recs[0].Attempts != 5 || out.sum.Retries != 4 {
					t.Errorf("first item: %+v; %d retries", recs[0], out.sum.Retries)
				}
			})
		})
	}
}

// Full jitter: before retry k a time drawn evenly from 0 to
// min(Cap, Base * 2^k).
func TestBackoffIsFullJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const items = 1000
		base, most := 100*ms, 500*ms
		n := newNetwork(func(hit) reply { return reply{status: 500} })
		out := mustRun(t, n, gets(many(items, "a")...), fetch.Options{
			Concurrency: items, LookAhead: items, Retry: fetch.Retry{Max: 5, Base: base, Cap: most},
		})
		last := map[string]time.Duration{}
		var sum, low, high [5]time.Duration
		for _, h := range n.log() {
			if k := h.nth - 1; k >= 0 {
				wait := h.at - last[h.url]
				sum[k] += wait
				high[k] = max(high[k], wait)
				if low[k] == 0 || wait < low[k] {
					low[k] = wait
				}
			}
			last[h.url] = h.at
		}
		for k, bound := range []time.Duration{base, 2 * base, 4 * base, most, most} {
			mean := sum[k] / items // its standard deviation is 0.9 % of bound
			if high[k] > bound || high[k] < bound*98/100 || low[k] > bound*2/100 ||
				mean < bound*44/100 || mean > bound*56/100 {
				t.Errorf("retry %d: from %v to %v, mean %v; want evenly from 0 to %v", k, low[k], high[k], mean, bound)
			}
		}
		if out.sum.Retries != 5*items || out.sum.Failed != items {
			t.Errorf("summary %+v", out.sum)
		}
	})
}

func TestBackoffDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(hit) reply { return reply{status: 500} })
		mustRun(t, n, gets(many(500, "a")...), fetch.Options{
			Concurrency: 500, LookAhead: 500, Retry: fetch.Retry{Max: 9},
		})
		last := map[string]time.Duration{}
		var first, ninth time.Duration
		for _, h := range n.log() {
			switch h.nth {
			case 1:
				first = max(first, h.at-last[h.url])
			case 9:
				ninth = max(ninth, h.at-last[h.url])
			}
			last[h.url] = h.at
		}
		if first > 500*ms || first < 450*ms || ninth > 30*time.Second || ninth < 27*time.Second {
			t.Errorf("longest waits %v and %v, want up to 500ms and 30s", first, ninth)
		}
	})
}

// After a Retry-After no request goes to that host before the time, and then
// soon; other hosts go on.
func TestRetryAfterHoldsTheHost(t *testing.T) {
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when a bubble begins
	date := func(d time.Duration) string { return start.Add(d).Format(http.TimeFormat) }
	tests := map[string]struct {
		header http.Header
		until  time.Duration
	}{
		"seconds":                    {http.Header{"Retry-After": {"30"}}, 30*time.Second + 10*ms},
		"a fraction":                 {http.Header{"Retry-After": {"1.5"}}, 1510 * ms},
		"a date":                     {http.Header{"Retry-After": {date(30 * time.Second)}}, 30 * time.Second},
		"a date by the server's own": {http.Header{"Retry-After": {date(time.Hour + 30*time.Second)}, "Date": {date(time.Hour)}}, 30*time.Second + 10*ms},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(func(h hit) reply {
					if h.url == "http://a/0" && h.nth == 0 {
						return reply{status: 429, header: tt.header, wait: 10 * ms}
					}
					return reply{wait: 7 * ms} // so that nothing else happens at 10 ms
				})
				var urls []string
				for i := range 10 {
					urls = append(urls, fmt.Sprint("http://a/", i), fmt.Sprint("http://b/", i))
				}
				out := mustRun(t, n, gets(urls...), fetch.Options{Concurrency: 2, Retry: fetch.Retry{Max: 1}})
				hits := n.hitsOn("a:80")
				spread := min(tt.until/50+ms, time.Second)
				next := slices.IndexFunc(hits, func(h hit) bool { return h.at >= 10*ms })
				if at := hits[next].at; at < tt.until || at > tt.until+spread {
					t.Errorf("the host's next request came after %v, want %v and at most %v more", at, tt.until, spread)
				}
				for i := range 10 {
					if at := out.doneAt(int64(2*i + 1)); at > 110*ms {
						t.Errorf("%d on the other host was done after %v", i, at)
					}
				}
				if recs := out.each(t, 20); recs[0].Attempts != 2 || !recs[0].OK {
					t.Errorf("the item that was refused: %+v", recs[0])
				}
			})
		})
	}
}

// A response that is refused for good, or one that is accepted, may hold the
// host as well; one that says nothing of use does not.
func TestRetryAfterOnOtherResponses(t *testing.T) {
	tests := map[string]struct {
		r    reply
		o    fetch.Options
		held bool
	}{
		"503, no retries":       {retryAfter("30"), fetch.Options{}, true},
		"503 that is accepted":  {retryAfter("30"), fetch.Options{Accept: fetch.StatusSet{{200, 599}}}, true},
		"404":                   {reply{status: 404, header: http.Header{"Retry-After": {"30"}}}, fetch.Options{}, true},
		"302 that is followed":  {reply{status: 302, header: http.Header{"Retry-After": {"30"}, "Location": {"http://b/"}}}, fetch.Options{Redirects: 1}, true},
		"200":                   {reply{header: http.Header{"Retry-After": {"30"}}}, fetch.Options{}, false},
		"a date that is past":   {retryAfter("Fri, 31 Dec 1999 23:59:59 GMT"), fetch.Options{}, false},
		"zero":                  {retryAfter("0"), fetch.Options{}, false},
		"nothing that is known": {retryAfter("soon"), fetch.Options{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(func(h hit) reply {
					if h.url == "http://a/0" {
						return tt.r
					}
					return reply{}
				})
				tt.o.Concurrency = 1
				mustRun(t, n, gets("http://a/0", "http://a/1"), tt.o)
				hits := n.hitsOn("a:80")
				if at := hits[1].at; tt.held != (at >= 30*time.Second) || at > 31*time.Second {
					t.Errorf("the next request came after %v", at)
				}
			})
		})
	}
}

// paced yields an item of a URL at each of the times.
func paced(start time.Time, urls []string, at []time.Duration) *sourced {
	return from(func(_ context.Context, i int64) (fetch.Item, error) {
		if i == int64(len(urls)) {
			return fetch.Item{}, io.EOF
		}
		time.Sleep(time.Until(start.Add(at[i])))
		return fetch.Item{URL: urls[i]}, nil
	})
}

// Of two holds the longer one counts, whichever was said first, and also
// when nothing of that host is in the queue as the shorter one ends.
func TestLongerHoldCounts(t *testing.T) {
	for name, said := range map[string][2]string{"short, long": {"1", "60"}, "long, short": {"60", "1"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(func(h hit) reply {
					switch h.url {
					case "http://a/0":
						r := retryAfter(said[0])
						r.wait = 50 * ms
						return r
					case "http://a/1":
						r := retryAfter(said[1])
						r.wait = 100 * ms
						return r
					}
					return reply{}
				})
				src := paced(n.start, many(3, "a"), []time.Duration{0, 0, 10 * time.Second})
				mustRun(t, n, src, fetch.Options{})
				if at := n.log()[2].at; at < time.Minute || at > 62*time.Second {
					t.Errorf("the third request came after %v, the host was on hold for a minute", at)
				}
			})
		})
	}
}

// A host stays on hold while its only item is somewhere else, waiting for a
// retry, and a redirect that leads to it waits as well.
func TestRedirectWaitsForHeldHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(h hit) reply {
			switch {
			case h.url == "http://a/" && h.nth == 0:
				return retryAfter("60")
			case h.host == "b:80":
				return reply{status: 302, wait: time.Second, header: http.Header{"Location": {"http://a/there"}}}
			}
			return reply{}
		})
		mustRun(t, n, gets("http://a/", "http://b/"), fetch.Options{Redirects: 1, Retry: fetch.Retry{Max: 1}})
		for _, h := range n.log()[2:] {
			if h.at < time.Minute || h.at > 61*time.Second {
				t.Errorf("%s after %v", h.url, h.at)
			}
		}
	})
}

// Who is told to wait too long fails at once, and the host is held no longer
// than the most that is allowed.
func TestRetryAfterOverTheMost(t *testing.T) {
	for _, most := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(func(h hit) reply {
				if h.url == "http://a/0" {
					return retryAfter("86400")
				}
				return reply{}
			})
			out := mustRun(t, n, gets("http://a/0", "http://a/1", "http://b/"), fetch.Options{
				Concurrency: 1, Retry: fetch.Retry{Max: 5, MaxRetryAfter: most},
			})
			rec := out.each(t, 3)[0]
			if rec.Attempts != 1 || classOf(rec) != fetch.Status || rec.Status != 503 {
				t.Errorf("record %+v", rec)
			}
			wantTime(t, "the item told to wait a day", out.doneAt(0), 0)
			wantTime(t, "another host", out.doneAt(2), 0)
			if most == 0 {
				most = 10 * time.Minute
			}
			if at := out.doneAt(1); at < most || at > most+time.Second {
				t.Errorf("the host's next item was done after %v, want %v and at most 1s more", at, most)
			}
		})
	}
}

func TestWhatIsRetried(t *testing.T) {
	key := http.Header{"Idempotency-Key": {"1"}}
	status := func(s int) reply { return reply{status: s} }
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	missing := &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}
	failing := &net.DNSError{Err: "server misbehaving", Name: "x", IsTemporary: true}
	fails := func(err error) reply { return reply{err: err} }
	tests := []struct {
		method string
		header http.Header
		r      reply
		again  bool
	}{
		{"GET", nil, status(408), true},
		{"GET", nil, status(425), true},
		{"GET", nil, status(429), true},
		{"GET", nil, status(500), true},
		{"GET", nil, status(502), true},
		{"GET", nil, status(503), true},
		{"GET", nil, status(504), true},
		{"GET", nil, status(400), false},
		{"GET", nil, status(401), false},
		{"GET", nil, status(404), false},
		{"GET", nil, status(501), false},
		{"GET", nil, status(505), false},
		{"GET", nil, fails(syscall.ECONNRESET), true},
		{"GET", nil, fails(io.EOF), true},
		{"GET", nil, reply{bodyErr: io.ErrUnexpectedEOF}, true},
		{"GET", nil, fails(dial), true},
		{"GET", nil, fails(failing), true},
		{"GET", nil, fails(missing), false},
		{"GET", nil, reply{wait: time.Hour}, true},
		{"GET", nil, reply{read: time.Hour}, true},
		{"GET", nil, fails(x509.UnknownAuthorityError{}), false},
		{"GET", nil, fails(errors.New("malformed HTTP response")), false},
		{"GET", nil, reply{body: "over the limit"}, false},
		{"GET", nil, reply{status: 302, header: http.Header{"Location": {"gopher://a/"}}}, false},

		{"HEAD", nil, status(500), true},
		{"PUT", nil, status(500), true},
		{"DELETE", nil, status(500), true},
		{"OPTIONS", nil, status(500), true},

		{"POST", nil, status(429), true},
		{"POST", nil, status(503), true},
		{"POST", nil, fails(dial), true},
		{"POST", nil, fails(failing), true},
		{"POST", nil, status(500), false},
		{"POST", nil, status(408), false},
		{"POST", nil, status(504), false},
		{"POST", nil, fails(syscall.ECONNRESET), false},
		{"POST", nil, reply{wait: time.Hour}, false},
		{"POST", nil, reply{bodyErr: io.ErrUnexpectedEOF}, false},
		{"PATCH", nil, status(500), false},
		{"PATCH", nil, status(503), true},
		{"QUERY", nil, status(500), false}, // not one that the code knows
		{"POST", key, status(500), true},
		{"POST", key, fails(syscall.ECONNRESET), true},
		{"POST", key, reply{wait: time.Hour}, true},
		{"POST", key, status(404), false},
	}
	for _, tt := range tests {
		name := fmt.Sprintf("%s %v %d %v %v", tt.method, tt.header, tt.r.status, tt.r.err, tt.r.bodyErr)
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				it := fetch.Item{URL: "http://a/", Method: tt.method, Header: tt.header, Body: []byte("sent")}
				rec, n := one(t, func(hit) reply { return tt.r }, it, fetch.Options{
					MaxBody: 10, Redirects: 1, Timeout: time.Second, Retry: fetch.Retry{Max: 2, Base: ms},
				})
				want := 1
				if tt.again {
					want = 3
				}
				if rec.Attempts != want || rec.OK {
					t.Errorf("%d attempts, want %d (%v)", rec.Attempts, want, rec.Error)
				}
				for _, h := range n.log() {
					if h.body != "sent" || h.method != tt.method {
						t.Errorf("attempt %d was a %s with %q", h.nth+1, h.method, h.body)
					}
				}
			})
		})
	}
}

// An attempt that succeeds is the last, and its record says nothing of the
// earlier ones but their number.
func TestAttemptsAreCounted(t *testing.T) {
	for _, fail := range []int{0, 1, 3} {
		synctest.Test(t, func(t *testing.T) {
			rec, n := one(t, func(h hit) reply {
				if h.nth < fail {
					return reply{err: syscall.ECONNRESET}
				}
				return reply{body: "ok"}
			}, fetch.Item{URL: "http://a/"}, fetch.Options{KeepBody: true, Retry: fetch.Retry{Max: 3}})
			if !rec.OK || rec.Attempts != fail+1 || len(n.log()) != fail+1 || string(rec.Body) != "ok" {
				t.Errorf("after %d failures: %+v with %d requests", fail, rec, len(n.log()))
			}
		})
	}
}

// Redirects on the way are no attempts, and a retry has all of them again.
func TestRetryOfRedirectedItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec, n := one(t, func(h hit) reply {
			switch {
			case h.host == "a:80":
				return reply{status: 302, header: http.Header{"Location": {"http://b/"}}}
			case h.nth < 2:
				return reply{status: 502}
			}
			return reply{}
		}, fetch.Item{URL: "http://a/"}, fetch.Options{Redirects: 1, Retry: fetch.Retry{Max: 2, Base: ms}})
		if !rec.OK || rec.Attempts != 3 || rec.FinalURL != "http://b/" || len(n.hitsOn("b:80")) != 3 {
			t.Errorf("record %+v", rec)
		}
	})
}

// Who would have to wait for a retry when nothing else is left waits no
// longer than the backoff: the run's time is the sum of its parts.
func TestRunEndsWithItsLastRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(h hit) reply {
			if h.nth < 3 {
				return reply{status: 500, wait: time.Second}
			}
			return reply{wait: time.Second}
		})
		out := mustRun(t, n, gets("http://a/"), fetch.Options{Retry: fetch.Retry{Max: 3, Base: 10 * time.Second}})
		hits := n.log()
		wantTime(t, "the run", out.took, hits[3].at+time.Second)
		wantTime(t, "queue", out.recs[0].Queue, hits[3].at-3*time.Second)
	})
}
