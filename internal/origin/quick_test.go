package origin_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
)

// waitFor waits for what another goroutine is about to do.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(ms)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it does not come")
		}
	}
}

// ours is the stacks of all goroutines that this package's code has started or
// runs in. Those that have said that they are done get a moment to end.
func ours() (stacks string) {
	for range 100 {
		stacks = stacksWith("/internal/origin.", "net/http.(*conn)", "net/http.(*Server)")
		if stacks == "" {
			return ""
		}
		runtime.Gosched()
	}
	return stacks
}

// accepting is the stacks of all goroutines that are in an accept loop or on the
// quick path; one that has ended and is about to say so is not.
func accepting() string {
	return stacksWith(".acceptQuick(", "net/http.(*Server).Serve(", ".serveQuick(")
}

func stacksWith(marks ...string) (stacks string) {
	buf := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(stack, mark) }) {
			stacks += stack + "\n\n"
		}
	}
	return stacks
}

// TestQuickRequest: what is for the quick path, and what is for net/http.
func TestQuickRequest(t *testing.T) {
	const host = "Host: a\r\n"
	tests := []struct {
		request string
		n       uint64
		quick   bool
	}{
		{"GET /item/7 HTTP/1.1\r\n" + host + "\r\n", 7, true},
		{"GET /item/0 HTTP/1.1\r\nhOST:\r\n\r\n", 0, true},
		{"GET /item/12345678 HTTP/1.1\r\n" + host + "User-Agent: x/1\r\nAccept: */*\r\nCookie: a=b\r\nX-A-B: c:d\r\n\r\n", 12345678, true},
		{"GET /item/7 HTTP/1.1\r\n" + host + "Connection: keep-alive\r\n\r\n", 7, true},
		{"GET /item/7 HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", 0, false},
		{"GET /item/7 HTTP/1.1\r\n" + host + "connection: Upgrade\r\nupgrade: x\r\n\r\n", 0, false},
		{"GET /item/7 HTTP/1.1\r\n" + host + "UPGRADE: h2c\r\n\r\n", 0, false},
		{"GET /item/7 HTTP/1.1\r\n" + host + "content-length: 5\r\n\r\n", 0, false},
		{"GET /item/7 HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n", 0, false},
		{"GET /item/7 HTTP/1.1\r\n" + host + "Expect: 100-continue\r\n\r\n", 0, false},
		{"GET /item/7 HTTP/1.1\r\n\r\n", 0, false},
		{"GET /item/7 HTTP/1.1\r\n" + host + host + "\r\n", 0, false},
		{"GET /item/7 HTTP/1.0\r\n" + host + "\r\n", 0, false},
		{"GET /item/7?a=b HTTP/1.1\r\n" + host + "\r\n", 0, false},
		{"GET /item/7/ HTTP/1.1\r\n" + host + "\r\n", 0, false},
		{"GET /item/07 HTTP/1.1\r\n" + host + "\r\n", 0, false},
		{"GET /item/ HTTP/1.1\r\n" + host + "\r\n", 0, false},
		{"GET /item/7 HTTP/1.1 \r\n" + host + "\r\n", 0, false},
		{"GET  /item/7 HTTP/1.1\r\n" + host + "\r\n", 0, false},
		{"get /item/7 HTTP/1.1\r\n" + host + "\r\n", 0, false},
		{"GET /item/7 HTTP/1.1\r\n" + host + " folded\r\n\r\n", 0, false},
		{"GET /item/7 HTTP/1.1\r\n" + host + "No colon\r\n\r\n", 0, false},
		{"GET /item/7 HTTP/1.1\r\n" + host + "Space : a\r\n\r\n", 0, false},
		{"GET /item/7 HTTP/1.1\r\n" + host + "X: a\nContent-Length: 5\r\n\r\n", 0, false},
		{"HEAD /item/7 HTTP/1.1\r\n" + host + "\r\n", 0, false},
	}
	for _, tt := range tests {
		if n, quick := origin.QuickItem(tt.request); quick != tt.quick || quick && n != tt.n {
			t.Errorf("%q: %d, %v; want %d, %v", tt.request, n, quick, tt.n, tt.quick)
		}
	}
}

// FuzzQuickRequest: what the quick path takes, net/http reads the same way: the
// path, no body, the connection kept.
func FuzzQuickRequest(f *testing.F) {
	for _, seed := range []string{
		"Host: a\r\n", "Host: a\r\nConnection: keep-alive\r\n", "host:\r\nX: y\r\n", "Host: a b\r\n", "Host: a\r\nTE: trailers\r\n", "Host: [::1]:80\r\nPragma: no-cache\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, fields string) {
		request := "GET /item/7 HTTP/1.1\r\n" + fields + "\r\n"
		if strings.Index(request, "\r\n\r\n") != len(request)-4 {
			return // the server looks at one header at a time
		}
		if n, quick := origin.QuickItem(request); !quick || n != 7 {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
		if err != nil {
			t.Fatalf("%q was taken; net/http says %v", request, err)
		}
		if r.URL.Path != "/item/7" || r.ContentLength != 0 || r.Close || r.Proto != "HTTP/1.1" {
			t.Fatalf("%q was taken; net/http reads %+v", request, r)
		}
	})
}

// TestQuickAndNot sends requests of both kinds over one connection, cut into
// pieces of all sizes: every answer is there, in order, and counted once.
func TestQuickAndNot(t *testing.T) {
	paths := []string{"/item/1", "/item/2", "/delay/0/a", "/item/3", "/item/4?x=1", "/item/5"}
	var stream bytes.Buffer
	for i, path := range paths {
		closing := ""
		if i == len(paths)-1 {
			closing = "Connection: close\r\n"
		}
		fmt.Fprintf(&stream, "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", path, closing)
	}
	want := []string{item(1), item(2), "{\"path\":\"/delay/0/a\"}\n", item(3), item(4), item(5)}
	for _, size := range []int{1, 7, 40, 41, 100, stream.Len()} {
		s := start(t, origin.Options{})
		nc := dial(t, s)
		go func() {
			rest := stream.Bytes()
			for len(rest) > 0 {
				n := min(size, len(rest))
				nc.Write(rest[:n])
				rest = rest[n:]
			}
		}()
		r := bufio.NewReader(nc)
		for i := range paths {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("pieces of %d, answer %d: %v", size, i, err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || string(body) != want[i] || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" {
				t.Errorf("pieces of %d, answer %d: %s, %q, %v", size, i, resp.Status, body, err)
			}
			if date, err := http.ParseTime(resp.Header.Get("Date")); err != nil || time.Since(date).Abs() > time.Minute {
				t.Errorf("Date: %s", resp.Header.Get("Date"))
			}
		}
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("after the last answer: %v", err)
		}
		nc.Close()
		a := s.Audit().Total
		if a.Requests != 6 || a.Statuses[200] != 6 || a.Distinct != 6 || a.MaxInFlight != 1 || a.Opened != 1 || a.Protocols["HTTP/1.1"] != 6 {
			t.Errorf("pieces of %d: %+v", size, a)
		}
	}
}

func item(n uint64) string { return string(origin.AppendItem(nil, n)) }

// TestLongHeader: a header that does not fit into the quick path's buffer.
func TestLongHeader(t *testing.T) {
	s := start(t, origin.Options{})
	nc := dial(t, s)
	defer nc.Close()
	fmt.Fprintf(nc, "GET /item/9 HTTP/1.1\r\nHost: a\r\nX-Long: %s\r\n\r\n", strings.Repeat("x", 20_000))
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != item(9) {
		t.Errorf("%q, %v", body, err)
	}
}
