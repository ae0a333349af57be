package origin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
)

// answer is what a path must be answered with, and how long that must take.
type answer struct {
	path   string
	status int
	body   string        // all of it, where not empty
	length int           // of the body, where not 0
	header string        // one that must be there, as "Name: value"
	takes  time.Duration // exactly
}

func TestGoodAnswers(t *testing.T) {
	tests := []answer{
		{path: "/item/0", status: 200, body: string(origin.AppendItem(nil, 0)), header: "Content-Type: application/json"},
		{path: "/item/42?x=1", status: 200, body: string(origin.AppendItem(nil, 42))},
		{path: "/item/42?delay=70", status: 200, body: string(origin.AppendItem(nil, 42)), takes: 70 * ms},
		{path: "/delay/50/a/b", status: 200, body: `{"path":"/delay/50/a/b"}` + "\n", takes: 50 * ms},
		{path: "/delay/0", status: 200},
		{path: "/status/404", status: 404, body: "404 Not Found\n"},
		{path: "/status/204", status: 204},
		{path: "/status/999", status: 999},
		{path: "/status/103", status: 200, body: `{"path":"/status/103"}` + "\n"},
		{path: "/status/503?delay=1000", status: 503, takes: time.Second},
		{path: "/big/0", status: 200, header: "Content-Length: 0"},
		{path: "/big/1", status: 200, body: "0"},
		{path: "/big/65", status: 200, length: 65},
		{path: "/big/65537", status: 200, length: 65537, header: "Content-Length: 65537"},
		{path: "/big/65536", status: 200, length: 65536},
		{path: "/big/1000000", status: 200, length: 1000000},
		{path: "/drip/1000/500", status: 200, length: 1000, takes: 500 * ms},
		{path: "/drip/3/100", status: 200, body: "012"[:0], length: 3, takes: 100 * ms},
		{path: "/chunked/5/100", status: 200, length: 500},
		{path: "/chunked/2", status: 200, length: 2048},
		{path: "/nolength/70000", status: 200, length: 70000, header: "Connection: close"},
		{path: "/head", status: 200, length: 1000},
		{path: "/204", status: 204, header: `Etag: "origin"`},
		{path: "/304", status: 304, header: `Etag: "origin"`},
		{path: "/bye", status: 200, header: "Connection: close"},
		{path: "/cookie/set/a/1", status: 302, header: "Set-Cookie: a=1; Path=/"},
		{path: "/cookie", status: 200, body: "{}\n"},
		{path: "/stale/1000", status: 200, body: "ok\n"}, // it does not wait for the close
		{path: "/early", status: 200, header: "Connection: close"},
		{path: "/slowheaders/860", status: 200, body: "ok\n", takes: 860 * ms},
		{path: "/hugeheader/100000", status: 200, body: "ok\n", header: "X-Huge: " + strings.Repeat("h", 100000)},

		{path: "/redirect/3/x?status=307", status: 307, header: "Location: /redirect/2/x?status=307"},
		{path: "/redirect/1", status: 302, header: "Location: /redirect/0"},
		{path: "/redirect/0", status: 200},
		{path: "/redirect-to?url=http://elsewhere.test/&status=301", status: 301, header: "Location: http://elsewhere.test/"},
		{path: "/redirect-loop/a?b=c", status: 302, header: "Location: /redirect-loop/a?b=c"},
		{path: "/redirect-host/0", status: 302, header: "Location: http://host0.test:80/landed"},

		{path: "/delay/x", status: 400},
		{path: "/delay/-1", status: 400},
		{path: "/delay/3600001", status: 400},
		{path: "/item/", status: 400},
		{path: "/item/01", status: 400},
		{path: "/item/1x", status: 400},
		{path: "/status/101", status: 400},
		{path: "/status/1000", status: 400},
		{path: "/big/-1", status: 400},
		{path: "/jitter/5", status: 400},
		{path: "/jitter/9-5", status: 400},
		{path: "/flaky/1.5/a", status: 400},
		{path: "/flaky/x/a", status: 400},
		{path: "/cap/0/5", status: 400},
		{path: "/rate/0", status: 400},
		{path: "/quota/5/0", status: 400},
		{path: "/redirect-host/1", status: 400},
		{path: "/raw/unknown", status: 400},
		{path: "/badgzip/unknown", status: 400},
		{path: "/nothing", status: 404},
	}
	for _, tt := range tests {
		t.Run(tt.path[1:], func(t *testing.T) {
			bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
				began := time.Now()
				resp, body := mustGet(t, c, s.URL()+tt.path, tt.status)
				if took := time.Since(began); took != tt.takes {
					t.Errorf("took %v, want %v", took, tt.takes)
				}
				if tt.body != "" && body != tt.body {
					t.Errorf("body %.100q, want %.100q", body, tt.body)
				}
				if tt.length != 0 && body != pattern(tt.length) {
					t.Errorf("%d bytes, want the first %d of the pattern", len(body), tt.length)
				}
				if name, value, ok := strings.Cut(tt.header, ": "); ok && value != headerOf(resp, name) {
					t.Errorf("%s: %.100q, want %.100q", name, headerOf(resp, name), value)
				}
				if a := s.Audit().Total; a.Statuses[tt.status] != 1 || a.NoStatus != 0 || a.MaxInFlight != 1 {
					t.Errorf("counted statuses %v and %d without, %d in flight", a.Statuses, a.NoStatus, a.MaxInFlight)
				}
			})
		})
	}
}

// headerOf is a header, also of those that net/http takes out.
func headerOf(resp *http.Response, name string) string {
	if name == "Connection" && resp.Close {
		return "close"
	}
	return resp.Header.Get(name)
}

// pattern is the first n bytes of what long bodies are made of, where each line
// of 64 begins anew with every part of /chunked and /drip.
func pattern(n int) string {
	const line = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-\n"
	return strings.Repeat(line, n/64+1)[:n]
}

func TestItemsDiffer(t *testing.T) {
	var item struct {
		ID     uint64
		Name   string
		Digest string
	}
	digests := make(map[string]bool)
	for n := range uint64(1000) {
		if err := json.Unmarshal(origin.AppendItem(nil, n), &item); err != nil || item.ID != n || item.Name != fmt.Sprint("item ", n) {
			t.Fatalf("item %d: %s, %v", n, origin.AppendItem(nil, n), err)
		}
		digests[item.Digest] = true
	}
	if len(digests) != 1000 {
		t.Errorf("%d digests for 1000 items", len(digests))
	}
}

func TestJitter(t *testing.T) {
	took := func(seed uint64, path string) (d time.Duration) {
		bubble(t, origin.Options{Seed: seed}, func(t *testing.T, s *origin.Server, c *http.Client) {
			began := time.Now()
			mustGet(t, c, s.URL()+path, 200)
			d = time.Since(began)
		})
		return d
	}
	seen := make(map[time.Duration]bool)
	for i := range 20 {
		d := took(1, fmt.Sprint("/jitter/100-200/", i))
		if d < 100*ms || d > 200*ms {
			t.Errorf("took %v, want 100 to 200 ms", d)
		}
		seen[d] = true
	}
	if len(seen) < 15 {
		t.Errorf("20 paths had only %d delays", len(seen))
	}
	if a, b, other := took(1, "/jitter/100-200/0"), took(1, "/jitter/100-200/0"), took(2, "/jitter/100-200/0"); a != b || a == other {
		t.Errorf("the same seed took %v and %v, another %v", a, b, other)
	}
}

func TestHostDelay(t *testing.T) {
	opts := origin.Options{Hosts: 2, HostDelay: map[int]time.Duration{1: time.Second}}
	bubble(t, opts, func(t *testing.T, s *origin.Server, c *http.Client) {
		for i, want := range []time.Duration{0, time.Second} {
			for _, path := range []string{"/item/1", "/status/200", "/cap/5/0"} {
				began := time.Now()
				mustGet(t, c, s.URLs()[i]+path, 200)
				if took := time.Since(began); took != want {
					t.Errorf("host %d, %s: took %v, want %v", i, path, took, want)
				}
			}
		}
	})
}

func TestEcho(t *testing.T) {
	type echo struct {
		Method, URL, Proto, Host, Body string
		BodyBase64                     []byte `json:"body_base64"`
		Length                         int
		Headers                        http.Header
	}
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		for _, body := range []string{"", "hello", "caf\xe9"} {
			req, _ := http.NewRequest("PATCH", s.URL()+"/echo/a?b=c", strings.NewReader(body))
			req.Header.Set("X-One", "1")
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			var e echo
			if err := json.NewDecoder(resp.Body).Decode(&e); err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if got := e.Body + string(e.BodyBase64); got != body || e.Length != len(body) {
				t.Errorf("body %q, %d bytes; want %q", got, e.Length, body)
			}
			if e.Method != "PATCH" || e.URL != "/echo/a?b=c" || e.Proto != "HTTP/1.1" || e.Host != "host0.test:80" || e.Headers.Get("X-One") != "1" {
				t.Errorf("echo %+v", e)
			}
		}
	})
}

func TestHead(t *testing.T) {
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		resp, err := c.Head(s.URL() + "/head")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || len(body) != 0 || resp.ContentLength != 1000 {
			t.Errorf("%d bytes, %v, Content-Length %d; want none and 1000", len(body), err, resp.ContentLength)
		}
	})
}

func TestCookie(t *testing.T) {
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		req, _ := http.NewRequest("GET", s.URL()+"/cookie", nil)
		req.AddCookie(&http.Cookie{Name: "a", Value: "1"})
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "{\"a\":\"1\"}\n" {
			t.Errorf("cookies %q, %v", body, err)
		}
	})
}

func TestTrailer(t *testing.T) {
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		if resp, _ := mustGet(t, c, s.URL()+"/chunked/3", 200); resp.Trailer.Get("X-Chunks") != "3" {
			t.Errorf("trailer %v, want X-Chunks: 3", resp.Trailer)
		}
	})
}

// TestStale: the connection is closed when the client does not expect it.
func TestStale(t *testing.T) {
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		mustGet(t, c, s.URL()+"/stale/1000", 200)
		time.Sleep(999 * ms)
		synctest.Wait()
		if a := s.Audit().Total; a.Open != 1 {
			t.Errorf("%d open before the second is over, want 1", a.Open)
		}
		time.Sleep(ms)
		synctest.Wait()
		if a := s.Audit().Total; a.Open != 0 {
			t.Errorf("%d open after it, want 0", a.Open)
		}
	})
}

// TestIndex: the index and the package text name every path, and every example
// is understood.
func TestIndex(t *testing.T) {
	bubble(t, origin.Options{Hosts: 2}, func(t *testing.T, s *origin.Server, c *http.Client) {
		resp, index := mustGet(t, c, s.URL()+"/", 200)
		if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
			t.Errorf("Content-Type: %s", got)
		}
		for _, r := range origin.Routes() {
			if !strings.Contains(index, r.Form) || !strings.Contains(packageText(t), "/"+r.Name) {
				t.Errorf("/%s is missing in the index or the package text", r.Name)
			}
		}
		for _, name := range origin.RawNames() {
			if !strings.Contains(index, " "+name+" ") {
				t.Errorf("/raw/%s is missing in the index", name)
			}
		}
		var wg sync.WaitGroup
		for _, r := range origin.Routes() {
			for example := range strings.SplitSeq(r.Example, ", ") {
				wg.Go(func() {
					client := *c
					client.Timeout = time.Minute
					if strings.HasPrefix(example, "/gzipbomb") {
						example = "/gzipbomb/1000000" // the real one takes a while
					}
					if resp, _, err := get(&client, s.URL()+example); err == nil && resp.StatusCode == 400 {
						t.Errorf("the example %s is not understood", example)
					}
				})
			}
		}
		wg.Wait()
	})
}
