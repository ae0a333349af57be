package e2e_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/origin"
)

// A transport is what both transports of package fetch are.
type transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// What servers of other makers answer is the same by both transports, each of
// which uses its connections again: nginx, of a few requests a connection, by
// itself and in front of the origin, and go-httpbin.
func TestTransportsOverServers(t *testing.T) {
	backend := startOrigin(t, origin.Options{})
	web := nginx(t, `
	server {
		listen LISTEN;
		keepalive_requests 3;
		gzip on; gzip_min_length 1; gzip_types *; gzip_proxied any; gzip_http_version 1.0;
		location /text { return 200 "some text, and some text again: some text"; }
		location /gone { return 410; }
		location /none { return 204; }
		location /away { return 302 /text; }
		location / { proxy_pass `+backend.URL()+`; proxy_http_version 1.1; }
	}`)
	bin := httptest.NewServer(httpbin.New())
	defer bin.Close()
	for _, tt := range []struct {
		server string
		paths  []string
	}{
		{web, []string{
			"/text", "/gone", "/none", "/away", "/item/7", "/big/300000", "/chunked/20/1000", "/nolength/5000", "/gzip/10000",
			"/204", "/304", "/status/404", "/bye", "/head", "/drip/1000/20", "/close", "/reset",
		}},
		{bin.URL, []string{
			"/gzip", "/deflate", "/stream-bytes/20000?seed=1&chunk_size=1000", "/bytes/5000?seed=1", "/drip?delay=0&duration=0.02&numbytes=20",
			"/status/204", "/status/304", "/status/418", "/redirect/1", "/range/1000", "/trailers?X-Sum=7", "/base64/aGVsbG8=", "/cache", "/etag/x",
			"/robots.txt", "/html", "/encoding/utf8", "/response-headers?X-Long=" + strings.Repeat("x", 5000),
		}},
	} {
		std, fast := fetch.NewTransport(fetch.TransportOptions{}), fetch.NewFastTransport(fetch.TransportOptions{})
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			for _, path := range tt.paths {
				var got [2]string
				for i, tr := range []transport{fast, std} {
					got[i] = answerOf(t, tr, method, tt.server+path)
				}
				if got[0] != got[1] {
					t.Errorf("%s %s:\n%s\nby net/http:\n%s", method, path, got[0], got[1])
				}
			}
		}
		std.CloseIdleConnections()
		fast.CloseIdleConnections()
	}
}

// answerOf is all of an answer that is the same each time.
func answerOf(t *testing.T, tr transport, method, url string) string {
	t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(strings.Repeat("a body ", 100))
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return "refused"
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	var lines []string
	for name, values := range resp.Header {
		switch name {
		case "Date", "Last-Modified", "Server-Timing":
		case "Connection": // nginx closes each third response's
		default:
			lines = append(lines, fmt.Sprintf("%s: %q", name, values))
		}
	}
	for name, values := range resp.Trailer {
		lines = append(lines, fmt.Sprintf("trailer %s: %q", name, values))
	}
	slices.Sort(lines)
	return fmt.Sprintf("%s %s length=%d coding=%v unzipped=%v, %d bytes %x, broken=%v\n%s", resp.Proto, resp.Status, resp.ContentLength,
		resp.TransferEncoding, resp.Uncompressed, len(content), sha256.Sum256(content), err != nil, strings.Join(lines, "\n"))
}
