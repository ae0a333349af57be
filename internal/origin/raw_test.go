package origin_test

import (
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/penstock-go/penstock/internal/origin"
)

// TestRaw: what net/http makes of each answer. It is the standard that another
// client is held against; where a new Go version decides otherwise, this is to
// be read again, not just changed.
func TestRaw(t *testing.T) {
	const hello = "200 hello"
	want := map[string]string{ // the status and body, or a part of the error
		"plain": hello, "same-lengths": hello, "chunk-extension": hello, "chunk-trailer": hello, "obs-fold": hello,
		"bare-lf": hello, "space-before-colon": hello, "high-bytes": hello, "no-reason": hello, "no-reason-space": hello,
		"version-2": hello, "http10": hello, "http10-keep-alive": hello, "extra": hello, "second-answer": hello,
		"100-then-200": hello, "many-100": hello,
		"length-and-chunked": "200 abc",
		"204-with-body":      "204 ",
		"304-with-body":      "304 ",
		"101":                "101 ",
		"empty-gzip":         "200 ",
		"chunked-http10":     "200 5\r\nhello\r\n0\r\n\r\n",

		"garbage":     "malformed HTTP",
		"http09":      "malformed HTTP response",
		"cut-status":  "malformed HTTP response",
		"status-99":   "malformed HTTP status code",
		"status-1000": "malformed HTTP status code",
		"status-word": "malformed HTTP status code",

		"two-lengths":     "multiple Content-Length",
		"length-list":     "bad Content-Length",
		"negative-length": "bad Content-Length",
		"plus-length":     "bad Content-Length",
		"hex-length":      "bad Content-Length",
		"huge-length":     "bad Content-Length",
		"empty-length":    "empty Content-Length",
		"chunked-twice":   "unsupported transfer encoding",
		"unknown-coding":  "unsupported transfer encoding",
		"bare-cr":         "malformed MIME header",
		"nul":             "malformed MIME header",
		"leading-space":   "malformed MIME header",
		"no-colon":        "malformed MIME header",
		"empty-name":      "malformed MIME header",
		"cut-header":      "malformed MIME header",

		"garbage-chunk":       "invalid byte in chunk length",
		"bad-chunk-size":      "invalid byte in chunk length",
		"negative-chunk-size": "invalid byte in chunk length",
		"huge-chunk-size":     "chunk length too large",
		"empty-chunk-size":    "empty hex number",
		"chunk-overflow":      "malformed chunked encoding",
		"chunk-bare-lf":       "bare LF",
		"chunk-cut":           "unexpected EOF",
		"chunk-no-end":        "unexpected EOF",
		"chunk-bad-trailer":   "malformed MIME header",
	}
	log.SetOutput(io.Discard) // net/http logs unasked-for bytes
	defer log.SetOutput(os.Stderr)
	names := origin.RawNames()
	if len(names) != len(want) {
		t.Errorf("%d answers, %d expectations", len(names), len(want))
	}
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		for _, name := range names {
			resp, body, err := get(c, s.URL()+"/raw/"+name)
			switch w := want[name]; {
			case err != nil && strings.Contains(err.Error(), w):
			case err == nil && resp.Status[:3]+" "+body == w:
			default:
				t.Errorf("%s: %v, %q, %v; want %q", name, resp, body, err, w)
			}
			c.CloseIdleConnections()
		}
		synctest.Wait()
		if a := s.Audit().Total; a.NoStatus != uint64(len(names)) {
			t.Errorf("%d without a status, want %d", a.NoStatus, len(names))
		}
	})
}

// TestRawKeeps: a kept connection is closed when something more comes on it, so
// that a client which uses it again is not left hanging.
func TestRawKeeps(t *testing.T) {
	s := start(t, origin.Options{})
	nc := dial(t, s)
	defer nc.Close()
	ask(t, nc, "/raw/plain")
	const want = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
		t.Fatalf("%q, %v; want %q", got, err, want)
	}
	ask(t, nc, "/item/1")
	if n, err := nc.Read(got); n != 0 || err == nil {
		t.Errorf("a second answer: %q", got[:n])
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Error("no answer and no close")
	}
}
