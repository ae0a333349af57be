package warc_test

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base32"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/warc"
	"github.com/penstock-go/penstock/internal/origin"
)

// fetched makes a request of a real server and returns what came of it.
func fetched(t *testing.T, tr *http.Transport, method, target string, body []byte, header http.Header) warc.Exchange {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return warc.Exchange{Date: started, RequestBody: body, Response: resp, Body: got}
}

// What is written of real responses, net/http reads again with the same body,
// and without one that lies about it.
func TestRealResponses(t *testing.T) {
	s, err := origin.Start(origin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	tests := []struct {
		method, path  string
		body          string
		header        http.Header
		want, without []string // in the response's head
	}{
		{path: "/item/7", want: []string{"HTTP/1.1 200 OK\r\n", "\r\nContent-Length: "}, without: []string{"X-Orig-"}},
		{path: "/status/404", want: []string{"HTTP/1.1 404 Not Found\r\n"}},
		{path: "/gzip/5000", want: []string{"\r\nContent-Length: 5000\r\n", "\r\nX-Orig-Content-Encoding: gzip\r\n"}, without: []string{"\r\nContent-Encoding:"}},
		{path: "/gzip/5000", header: http.Header{"Accept-Encoding": {"gzip"}}, want: []string{"\r\nContent-Encoding: gzip\r\n"}, without: []string{"X-Orig-Content-Encoding"}},
		{path: "/chunked/5", want: []string{"\r\nX-Orig-Transfer-Encoding: chunked\r\n", "\r\nContent-Length: "}, without: []string{"\r\nTransfer-Encoding:", "\r\nTrailer:"}},
		{path: "/nolength/300", want: []string{"\r\nContent-Length: 300\r\n"}},
		{path: "/204", want: []string{"HTTP/1.1 204 No Content\r\n"}, without: []string{"\r\nContent-Length:"}},
		{path: "/304", want: []string{"HTTP/1.1 304 Not Modified\r\n"}},
		{method: http.MethodHead, path: "/head", want: []string{"\r\nContent-Length: 1000\r\n"}},
		{method: http.MethodPost, path: "/echo", body: "a=1&b=2"},
		{path: "/cookie/set/name/geheim", without: []string{"Set-Cookie", "geheim"}},
	}
	for _, test := range tests {
		if test.method == "" {
			test.method = http.MethodGet
		}
		name := test.method + " " + test.path
		x := fetched(t, tr, test.method, s.URL()+test.path, []byte(test.body), test.header)
		requestRecord, record, request, response := one(t, x)
		head, body, _ := strings.Cut(response, "\r\n\r\n")
		head += "\r\n"
		for _, s := range test.want {
			if !strings.Contains(head, s) {
				t.Errorf("%s: no %q in %q", name, s, head)
			}
		}
		for _, s := range test.without {
			if strings.Contains(head, s) {
				t.Errorf("%s: %q in %q", name, s, head)
			}
		}
		if body != string(x.Body) {
			t.Errorf("%s: %d bytes of body, not %d", name, len(body), len(x.Body))
		}
		sum := sha1.Sum(x.Body)
		if want := "sha1:" + base32.StdEncoding.EncodeToString(sum[:]); record.Header.Get("WARC-Payload-Digest") != want {
			t.Errorf("%s: payload digest %q, not %q", name, record.Header.Get("WARC-Payload-Digest"), want)
		}
		if record.TargetURI() != s.URL()+test.path || requestRecord.TargetURI() != s.URL()+test.path {
			t.Errorf("%s: target %q", name, record.TargetURI())
		}

		again, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sent, err := io.ReadAll(again.Body)
		if err != nil || again.Method != test.method || again.URL.Path != test.path || string(sent) != test.body {
			t.Errorf("%s: request reads %s %s %q, %v", name, again.Method, again.URL, sent, err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(response)), again)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil || !bytes.Equal(got, x.Body) || resp.StatusCode != x.Response.StatusCode {
			t.Errorf("%s: response reads %d, %d bytes, %v", name, resp.StatusCode, len(got), err)
		}
	}
}

func TestHTTP2(t *testing.T) {
	s, err := origin.Start(origin.Options{TLS: origin.Trusted})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.RootPEM())
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	x := fetched(t, tr, http.MethodGet, s.URL()+"/gzip/100", nil, nil)
	if x.Response.ProtoMajor != 2 {
		t.Fatalf("came over %s", x.Response.Proto)
	}
	request, response, sent, got := one(t, x)
	if !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || !strings.HasPrefix(sent, "GET /gzip/100 HTTP/1.1\r\n") {
		t.Errorf("%q, %q", sent, got)
	}
	if !strings.Contains(sent, "\r\nAccept-Encoding: gzip\r\n") {
		t.Errorf("no Accept-Encoding in %q", sent)
	}
	for _, rec := range []*warc.Record{request, response} {
		if rec.Header.Get("WARC-Protocol") != "h2" {
			t.Errorf("%s: WARC-Protocol %q", rec.Type(), rec.Header.Get("WARC-Protocol"))
		}
	}
}

func TestTruncated(t *testing.T) {
	x := exchange("http://h.example/", "the beginn")
	x.Response.Header.Set("Content-Length", "5000")
	x.Truncated = warc.TruncatedLength
	_, rec, _, block := one(t, x)
	if rec.Header.Get("WARC-Truncated") != "length" || rec.Header.Get("WARC-Payload-Digest") != "" {
		t.Errorf("%v", rec.Header)
	}
	if !strings.HasSuffix(block, "\r\nContent-Length: 5000\r\n\r\nthe beginn") {
		t.Errorf("%q", block)
	}
	// The compressed length is not that of the body either.
	x.Response.Uncompressed = true
	if _, _, _, block = one(t, x); strings.Contains(block, "Content-Length") {
		t.Errorf("%q", block)
	}
}

// A request whose body is not given says how long it was, and that it is not
// there.
func TestUnknownRequestBody(t *testing.T) {
	x := exchange("http://h.example/", "")
	x.Request.Method, x.Request.ContentLength = http.MethodPost, 9
	rec, _, block, _ := one(t, x)
	if rec.Header.Get("WARC-Truncated") != "unspecified" || !strings.HasSuffix(block, "\r\nContent-Length: 9\r\n\r\n") {
		t.Errorf("%v %q", rec.Header, block)
	}
}

// Promise 11, for everything that names a secret, "geheim".
func TestSecrets(t *testing.T) {
	x := exchange("http://geheim1:geheim2@h.example/a", "body")
	x.Request.Header = http.Header{
		"Authorization": {"Bearer geheim3"}, "Proxy-Authorization": {"Basic geheim4"}, "Cookie": {"a=geheim5"},
		"cookie": {"b=geheim6"}, "X-Api-Key": {"geheim7"}, "Api-Key": {"geheim8"}, "X-Auth-Token": {"geheim9"},
		"Referer": {"https://u:geheim10@h.example/from"}, "Accept": {"text/html"},
	}
	x.Response.Header = http.Header{
		"Set-Cookie": {"a=geheim11"}, "Set-Cookie2": {"a=geheim12"}, "set-cookie": {"geheim13"},
		"Location":         {"http://u:geheim14@h.example/b", "//u:geheim15@h.example/", "http://u:geheim16@h.example:port/%zz"},
		"Content-Location": {"http://geheim17@h.example/b"}, "Etag": {`"1"`},
	}
	file := write(t, warc.Options{Plain: true}, x).String()
	if strings.Contains(file, "geheim") {
		t.Errorf("a secret in\n%s", file)
	}
	for _, want := range []string{
		"\r\nAccept: text/html\r\n", "\r\nReferer: https://h.example/from\r\n", "\r\nLocation: http://h.example/b\r\n",
		"\r\nLocation: //h.example/\r\n", "\r\nEtag: \"1\"\r\n", "WARC-Target-URI: http://h.example/a\r\n",
	} {
		if !strings.Contains(file, want) {
			t.Errorf("no %q in\n%s", want, file)
		}
	}
	for name, want := range map[string]bool{"authorization": false, "COOKIE": false, "x-api-key": false, "user-agent": true, "Range": true} {
		if warc.RequestField(name) != want {
			t.Errorf("RequestField(%q) is %v", name, !want)
		}
	}
}

// Nothing that a header or URL holds can end its line.
func TestNoInjection(t *testing.T) {
	x := exchange("http://h.example/", "body")
	x.Request.URL = &url.URL{Scheme: "http", Host: "h.example", Path: "/a b", RawQuery: "q=\r\nEvil: 1 <é>"}
	x.Request.Method = "GET\r\nEvil: 2"
	x.Request.Header.Set("User-Agent", "a\r\nEvil: 3")
	x.Response.Header["X"] = []string{"b\r\nEvil: 4\x00"}
	x.Response.Header["Bad Name\r\nEvil: 5"] = []string{"x"}
	x.Response.Status = "200 OK\r\nEvil: 6"
	var file bytes.Buffer
	w := warc.NewWriter(&file, warc.Options{Plain: true, Filename: "f\r\nEvil: 7", Info: map[string]string{"operator": "o\r\nEvil: 8", "a\r\nEvil: 9": ""}})
	if _, _, err := w.WriteExchange(x); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file.String(), "\nEvil") {
		t.Errorf("injected:\n%s", file.String())
	}
	if !strings.Contains(file.String(), "\r\nWARC-Target-URI: http://h.example/a%20b?q=%0D%0AEvil:%201%20%3C%C3%A9%3E\r\n") {
		t.Errorf("target:\n%s", file.String())
	}
	records(t, file.Bytes())
}
