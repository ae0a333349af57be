package h1_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/h1"
)

// sent is what a transport writes for a request.
func sent(t testing.TB, anew func(h1.Options) transport, req *http.Request) string {
	t.Helper()
	end, serverEnd := net.Pipe()
	got := make(chan string, 1)
	go func() {
		defer serverEnd.Close()
		var head strings.Builder
		in := bufio.NewReader(io.TeeReader(serverEnd, &head))
		for {
			line, err := in.ReadString('\n')
			if err != nil || line == "\r\n" {
				break
			}
		}
		got <- head.String()
		io.WriteString(serverEnd, ok+"Content-Length: 0\r\n\r\n")
	}()
	tr := anew(h1.Options{DialContext: func(context.Context, string, string) (net.Conn, error) { return end, nil }})
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		end.Close()
		<-got
		return "refused"
	}
	resp.Body.Close()
	return <-got
}

// Requests are the same, byte for byte, as net/http's.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "http://x.test/a/b?c=d", "", "X-A", "1", "X-B", "2", false)
	f.Add("POST", "http://x.test", "other.test", "User-Agent", "me", "Accept", "", false)
	f.Add("PUT", "http://x.test/a b%2fc?", "", "User-Agent", "", "Host", "no.test", true)
	f.Add("HEAD", "http://x.test:80/%zz", "", "Range", "bytes=0-1", "content-length", "5", false)
	f.Add("", "http://x.test/?a\tb", "x y", "accept-encoding", " br ", "Connection", "close", false)
	f.Add("DELETE", "http://[::1]:8/*", "", "Transfer-Encoding", "chunked", "Trailer", "X", true)
	f.Fuzz(func(t *testing.T, method, to, host, name1, value1, name2, value2 string, last bool) {
		u, err := url.Parse(to)
		if err != nil || u.Scheme != "http" || method == "CONNECT" || u.Host == "" || strings.HasPrefix(u.Host, ":") {
			return
		}
		var said [2]string
		for i, anew := range []func(h1.Options) transport{ours, theirs} {
			req := &http.Request{Method: method, URL: u, Host: host, Header: http.Header{name1: {value1, value2}, name2: {value2}}, Close: last}
			said[i] = sent(t, anew, req.WithContext(t.Context()))
		}
		if said[0] != said[1] {
			t.Errorf("%q\nnet/http: %q", said[0], said[1])
		}
	})
}
