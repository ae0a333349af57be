package fetch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// chaos answers by chance, the same for the same seed, URL and repeat.
func chaos(seed uint64) func(hit) reply {
	return func(h hit) reply {
		sum := fnv.New64a()
		fmt.Fprintf(sum, "%s %d", h.url, h.nth)
		r := rand.New(rand.NewPCG(seed, sum.Sum64()))
		out := reply{
			wait: time.Duration(r.IntN(200)) * time.Millisecond,
			read: time.Duration(r.IntN(50)) * time.Millisecond,
			body: strings.Repeat("x", r.IntN(100)),
		}
		switch r.IntN(20) {
		case 0:
			out.status = http.StatusServiceUnavailable
		case 1:
			return reply{status: http.StatusTooManyRequests, wait: out.wait, header: http.Header{"Retry-After": {"1"}}}
		case 2:
			out.status = http.StatusNotFound
		case 3:
			out.err = syscall.ECONNRESET
		case 4:
			out.err = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		case 5:
			out.bodyErr = io.ErrUnexpectedEOF
		case 6:
			out.wait = time.Hour
		case 7:
			out.read = time.Hour
		case 8:
			out.body = strings.Repeat("y", 200)
		case 9, 10, 11:
			out.status = []int{301, 302, 303, 307, 308}[r.IntN(5)]
			out.header = http.Header{"Location": {fmt.Sprintf("http://host%d/to/%d", r.IntN(10), r.IntN(1000))}}
		case 12:
			out.status = http.StatusFound
			out.header = http.Header{"Location": {"http://ho st/"}}
		}
		return out
	}
}

// chaotic is n items of which some are bad.
func chaotic(r *rand.Rand, n int) []fetch.Item {
	items := make([]fetch.Item, n)
	for i := range items {
		it := fetch.Item{URL: fmt.Sprintf("http://host%d/%d", r.IntN(8), i), ID: fmt.Sprint("id", i), Raw: []byte{byte(i)}}
		switch r.IntN(20) {
		case 0:
			it = fetch.Item{ID: it.ID, Raw: it.Raw, Err: errors.New("line is broken")}
		case 1:
			it.URL = []string{"", "ftp://host/x", "http://", "http://ho st/", "no scheme"}[r.IntN(5)]
		case 2:
			it.Method = http.MethodPost
			it.Body = []byte("a body")
		}
		items[i] = it
	}
	return items
}

func chaoticOptions(r *rand.Rand) fetch.Options {
	return fetch.Options{
		Concurrency: 1 + r.IntN(20),
		PerHost:     r.IntN(5),
		Timeout:     2 * time.Second,
		MaxBody:     150,
		Redirects:   r.IntN(5),
		Retry:       fetch.Retry{Max: r.IntN(4), Base: 100 * time.Millisecond},
		LookAhead:   1 + r.IntN(100),
		SpillMax:    []int64{-1, 0, 20_000}[r.IntN(3)],
		Window:      int64(1 + r.IntN(200)),
		KeepBody:    r.IntN(2) == 0,
	}
}

func TestOneRecordPerItem(t *testing.T) {
	seeded(t, 20, func(t *testing.T, r *rand.Rand) {
		synctest.Test(t, func(t *testing.T) {
			const items = 300
			n := newNetwork(chaos(r.Uint64()))
			in, o := chaotic(r, items), chaoticOptions(r)
			out := mustRun(t, n, list(in...), o)
			for i, rec := range out.each(t, items) {
				if rec.ID != in[i].ID || !bytes.Equal(rec.Raw, in[i].Raw) {
					t.Fatalf("record %d is of item %s with %v", i, rec.ID, rec.Raw)
				}
				checkRecord(t, rec, o)
			}
			checkSummary(t, out, n)
		})
	})
}

// checkRecord holds a record against itself.
func checkRecord(t *testing.T, r fetch.Record, o fetch.Options) {
	t.Helper()
	switch {
	case r.OK != (r.Error == nil):
		t.Errorf("item %d: ok is %v and the error %v", r.Index, r.OK, r.Error)
	case r.OK && (r.Status < 200 || r.Status > 399):
		t.Errorf("item %d: ok with status %d", r.Index, r.Status)
	case classOf(r) == fetch.InvalidInput && r.Attempts != 0:
		t.Errorf("item %d: %d attempts at an item that cannot be fetched", r.Index, r.Attempts)
	case classOf(r) != fetch.InvalidInput && (r.Attempts < 1 || r.Attempts > 1+o.Retry.Max):
		t.Errorf("item %d: %d attempts with %d retries", r.Index, r.Attempts, o.Retry.Max)
	case r.OK && o.KeepBody && int64(len(r.Body)) != r.Bytes:
		t.Errorf("item %d: a body of %d bytes, said to be %d", r.Index, len(r.Body), r.Bytes)
	case !o.KeepBody && r.Body != nil:
		t.Errorf("item %d: a body that nobody asked for", r.Index)
	case r.Bytes > o.MaxBody:
		t.Errorf("item %d: %d bytes, at most %d are read", r.Index, r.Bytes, o.MaxBody)
	case r.Started.IsZero() || r.Queue < 0 || r.TTFB < 0 || r.Total < r.TTFB:
		t.Errorf("item %d: started %v, queue %v, ttfb %v, total %v", r.Index, r.Started, r.Queue, r.TTFB, r.Total)
	case r.Total > o.Timeout:
		t.Errorf("item %d: an attempt of %v, at most %v are allowed", r.Index, r.Total, o.Timeout)
	}
}

// checkSummary holds a summary against the records and the network's log.
func checkSummary(t *testing.T, out outcome, n *network) {
	t.Helper()
	var want fetch.Summary
	statuses, classes := map[int]int64{}, map[fetch.Class]int64{}
	attempts := int64(0)
	for _, r := range out.recs {
		want.Bytes += r.Bytes
		attempts += int64(r.Attempts)
		want.Retries += int64(max(0, r.Attempts-1))
		if r.Status != 0 {
			statuses[r.Status]++
		}
		if r.OK {
			want.OK++
			continue
		}
		want.Failed++
		classes[classOf(r)]++
		if out.sum.Examples[classOf(r)] == "" && r.URL != "" {
			t.Errorf("class %s has no example", classOf(r))
		}
	}
	got := out.sum
	if got.OK != want.OK || got.Failed != want.Failed || got.Retries != want.Retries || got.Bytes != want.Bytes {
		t.Errorf("summary %+v; the records say ok %d, failed %d, retries %d, bytes %d",
			got, want.OK, want.Failed, want.Retries, want.Bytes)
	}
	if fmt.Sprint(got.Statuses) != fmt.Sprint(statuses) || fmt.Sprint(got.Classes) != fmt.Sprint(classes) {
		t.Errorf("summary has %v and %v, the records %v and %v", got.Statuses, got.Classes, statuses, classes)
	}
	if requests := int64(len(n.log())); requests != attempts+got.Redirects {
		t.Errorf("%d requests for %d attempts and %d redirects", requests, attempts, got.Redirects)
	}
	if got.MaxInFlight != n.most {
		t.Errorf("most in flight: the summary says %d, the network %d", got.MaxInFlight, n.most)
	}
	wantTime(t, "elapsed", got.Elapsed, out.took)
}

// tee is a sink that notes the order in which another is written to.
type tee struct {
	*fetch.JSONL
	mu    sync.Mutex
	order []int64
}

func (s *tee) Write(r *fetch.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = append(s.order, r.Index)
	return s.JSONL.Write(r)
}

// lines decodes JSONL output, and fails the test on a line that is not whole.
func lines(t *testing.T, out []byte) (recs []jsonRecord) {
	t.Helper()
	if len(out) > 0 && out[len(out)-1] != '\n' {
		t.Fatalf("the output ends within a line: %q", out[max(0, len(out)-100):])
	}
	for line := range bytes.Lines(out) {
		var r jsonRecord
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		recs = append(recs, r)
	}
	return recs
}

func TestOrderOfTheOutput(t *testing.T) {
	for name, order := range map[string]fetch.Order{"input": fetch.InputOrder, "completion": fetch.CompletionOrder} {
		t.Run(name, func(t *testing.T) {
			seeded(t, 6, func(t *testing.T, r *rand.Rand) {
				synctest.Test(t, func(t *testing.T) {
					const items = 300
					var out bytes.Buffer
					dir := t.TempDir()
					sink := &tee{JSONL: fetch.NewJSONL(&out, fetch.JSONLOptions{Order: order, Memory: 5000, TempDir: dir})}
					o := chaoticOptions(r)
					o.Transport = newNetwork(chaos(r.Uint64()))
					if _, err := fetch.Run(t.Context(), list(chaotic(r, items)...), sink, o); err != nil {
						t.Fatal(err)
					}
					if err := sink.Close(); err != nil {
						t.Fatal(err)
					}
					wantEmpty(t, dir)
					var got []int64
					for _, rec := range lines(t, out.Bytes()) {
						got = append(got, rec.Index)
					}
					want := slices.Clone(sink.order)
					if order == fetch.InputOrder {
						slices.Sort(want)
					}
					if len(got) != items || !slices.Equal(got, want) {
						t.Errorf("%d lines in the order %v, want %v", len(got), got, want)
					}
				})
			})
		})
	}
}

// What a request carries is the item's own, else the run's.
func TestRequest(t *testing.T) {
	opts := fetch.Options{
		Header: http.Header{"User-Agent": {"run"}, "X-Run": {"1"}},
		Body:   []byte("run's"),
	}
	tests := map[string]struct {
		it     fetch.Item
		o      fetch.Options
		method string
		body   string
		agent  string
	}{
		"nothing said":           {fetch.Item{}, fetch.Options{}, "GET", "", ""},
		"item's method":          {fetch.Item{Method: "DELETE"}, fetch.Options{Method: "PUT"}, "DELETE", "", ""},
		"run's method":           {fetch.Item{}, fetch.Options{Method: "PUT"}, "PUT", "", ""},
		"a body makes a POST":    {fetch.Item{Body: []byte("b")}, fetch.Options{}, "POST", "b", ""},
		"run's body as well":     {fetch.Item{}, opts, "POST", "run's", "run"},
		"item's body wins":       {fetch.Item{Body: []byte("b")}, opts, "POST", "b", "run"},
		"an empty body wins":     {fetch.Item{Body: []byte{}}, opts, "GET", "", "run"},
		"item's header wins":     {fetch.Item{Header: http.Header{"User-Agent": {"item"}}}, opts, "POST", "run's", "item"},
		"in whatever spelling":   {fetch.Item{Header: http.Header{"user-agent": {"item"}}}, opts, "POST", "run's", "item"},
		"a method before a body": {fetch.Item{Method: "PATCH", Body: []byte("b")}, fetch.Options{}, "PATCH", "b", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.it.URL = "http://host/x"
				_, n := one(t, nil, tt.it, tt.o)
				h := n.log()[0]
				if h.method != tt.method || h.body != tt.body || h.header.Get("User-Agent") != tt.agent {
					t.Errorf("%s with body %q by %q; want %s, %q, %q",
						h.method, h.body, h.header.Get("User-Agent"), tt.method, tt.body, tt.agent)
				}
				if tt.o.Header != nil && h.header.Get("X-Run") != "1" {
					t.Error("the run's header is missing")
				}
			})
		})
	}
}

// One item's header stays out of the next item's request.
func TestHeadersAreNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(nil)
		o := fetch.Options{Concurrency: 1, Header: http.Header{"X-Run": {"1"}}}
		mustRun(t, n, list(
			fetch.Item{URL: "http://a/", Header: http.Header{"X-Run": {"2"}, "X-Own": {"3"}}},
			fetch.Item{URL: "http://user:word@a/"},
			fetch.Item{URL: "http://a/"},
		), o)
		if h := n.log()[2].header; h.Get("X-Run") != "1" || h.Get("X-Own") != "" || h.Get("Authorization") != "" {
			t.Errorf("the last request has %v", h)
		}
		if len(o.Header) != 1 || o.Header.Get("X-Run") != "1" {
			t.Errorf("the caller's header has become %v", o.Header)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// What a transport was given stays as it was, whatever becomes of the item: a
// redirect makes another request of it, and another item its job.
func TestBodyAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(h hit) reply {
			if h.method == http.MethodPost && h.host == "a:80" {
				return reply{status: 303, header: http.Header{"Location": {"/there"}}}
			}
			return reply{}
		})
		var posted []*http.Request
		keep := roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPost {
				posted = append(posted, req)
			}
			return n.RoundTrip(req)
		})
		src := list(
			fetch.Item{URL: "http://a/", Body: []byte("one")}, fetch.Item{URL: "http://b/", Body: []byte("two")},
			fetch.Item{URL: "http://b/", Body: []byte("three")}, fetch.Item{URL: "http://b/"},
		)
		_, err := fetch.Run(t.Context(), src, newShelf(), fetch.Options{
			Transport: keep, Concurrency: 1, Redirects: 1,
		})
		if err != nil || len(posted) != 3 {
			t.Fatalf("%d requests with a body, %v", len(posted), err)
		}
		for i, want := range []string{"one", "two", "three"} {
			body, err := posted[i].GetBody()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(body); string(got) != want || err != nil {
				t.Errorf("the body of request %d is %q again, %v, want %q", i, got, err, want)
			}
		}
	})
}

// The Host header can be set, as with curl's -H.
func TestHostHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n := one(t, nil, fetch.Item{URL: "http://a/", Header: http.Header{"Host": {"b"}}}, fetch.Options{})
		if h := n.log()[0]; h.sentTo != "b" || h.host != "a:80" {
			t.Errorf("sent to %s as %s, want to a:80 as b", h.host, h.sentTo)
		}
	})
}

func TestRecordTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := func(h hit) reply {
			switch {
			case h.url == "http://a/" && h.nth == 0:
				r := retryAfter("10")
				r.wait = time.Second
				return r
			case h.url == "http://a/":
				return reply{status: 302, wait: time.Second, read: time.Second, header: http.Header{"Location": {"http://b/"}}}
			}
			return reply{wait: 3 * time.Second, read: 4 * time.Second, body: "four", header: http.Header{"Content-Type": {"text/x"}, "Set-Cookie": {"a=1"}}}
		}
		start := time.Now()
		rec, n := one(t, answer, fetch.Item{URL: "http://a/"},
			fetch.Options{Retry: fetch.Retry{Max: 1}, Redirects: 1, KeepHeader: true})
		hits := n.log()
		wait := hits[1].at - time.Second // for its retry, with some jitter
		wantTime(t, "queue", rec.Queue, wait)
		wantTime(t, "started", rec.Started.Sub(start), hits[1].at)
		wantTime(t, "ttfb", rec.TTFB, 5*time.Second)
		wantTime(t, "total", rec.Total, 9*time.Second)
		if rec.Bytes != 4 || rec.ContentType != "text/x" || rec.FinalURL != "http://b/" || rec.URL != "http://a/" ||
			rec.Attempts != 2 || rec.Status != 200 || !rec.OK || rec.Header.Get("Set-Cookie") != "a=1" || rec.Body != nil {
			t.Errorf("record %+v", rec)
		}
	})
}

// A body that came whole is kept also where its status is not accepted;
// half a body is not.
func TestKeepBody(t *testing.T) {
	tests := map[string]struct {
		r    reply
		want string
		kept bool
	}{
		"accepted": {reply{body: "all"}, "all", true},
		"empty":    {reply{}, "", true},
		"refused":  {reply{status: 404, body: "not found"}, "not found", true},
		"cut":      {reply{body: "ha", bodyErr: io.ErrUnexpectedEOF}, "", false},
		"too long": {reply{body: "12345678901"}, "", false},
		"no reply": {reply{err: io.EOF}, "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec, _ := one(t, func(hit) reply { return tt.r }, fetch.Item{URL: "http://a/"}, fetch.Options{KeepBody: true, MaxBody: 10})
				if string(rec.Body) != tt.want || (rec.Body != nil) != tt.kept {
					t.Errorf("body %q (nil: %v), want %q", rec.Body, rec.Body == nil, tt.want)
				}
			})
		})
	}
}
