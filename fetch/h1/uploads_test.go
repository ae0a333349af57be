package h1_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch/h1"
)

// echo answers with what it has understood of each request.
func echo(p *peer) {
	for req := p.request(); req != nil; req = p.request() {
		body, _ := io.ReadAll(req.Body)
		p.say("%sX-Length: %d\r\nX-Coding: %v\r\nX-Trailer: %s\r\nX-Accept: %s\r\nContent-Length: %d\r\n\r\n%s", ok, req.ContentLength,
			req.TransferEncoding, req.Trailer.Get("X-Sum"), req.Header.Get("Accept-Encoding"), len(body), body)
	}
}

// A slow reader hands over its text in small pieces.
type slowReader struct{ r io.Reader }

func (s slowReader) Read(b []byte) (int, error) { return s.r.Read(b[:min(len(b), 100)]) }

// Bodies of all kinds arrive as they are, and the connection is used again.
func TestUploads(t *testing.T) {
	small, large := strings.Repeat("small ", 100), strings.Repeat("large ", 100_000)
	for _, tt := range []struct {
		name    string
		body    io.Reader
		length  int64 // 0: as http.NewRequest finds it
		want    string
		chunked bool
	}{
		{"none", nil, 0, "", false},
		{"in memory", strings.NewReader(small), 0, small, false},
		{"in memory, large", bytes.NewReader([]byte(large)), 0, large, false},
		{"of a known length", slowReader{strings.NewReader(small)}, int64(len(small)), small, false},
		{"of a known length, large", slowReader{strings.NewReader(large)}, int64(len(large)), large, false},
		{"of unknown length", slowReader{strings.NewReader(small)}, 0, small, true},
		{"of unknown length, large", slowReader{strings.NewReader(large)}, 0, large, true},
		{"of unknown length, in memory", struct{ io.Reader }{strings.NewReader(small)}, 0, small, true},
		{"empty of unknown length", slowReader{strings.NewReader("")}, 0, "", true},
	} {
		both(t, func(t *testing.T, anew func(h1.Options) transport) {
			url, tr := serve(t, echo), anew(h1.Options{})
			for _, method := range []string{"POST", "GET"} {
				if s, ok := tt.body.(io.Seeker); ok {
					s.Seek(0, io.SeekStart)
				} else if s, ok := tt.body.(slowReader); ok {
					s.r.(*strings.Reader).Seek(0, io.SeekStart)
				} else if s, ok := tt.body.(struct{ io.Reader }); ok {
					s.Reader.(*strings.Reader).Seek(0, io.SeekStart)
				}
				req := request(t, method, url, tt.body)
				if tt.length != 0 {
					req.ContentLength = tt.length
				}
				resp, err := tr.RoundTrip(req)
				if err != nil {
					t.Fatalf("%s %s: %v", method, tt.name, err)
				}
				body, err := io.ReadAll(resp.Body)
				chunked := resp.Header.Get("X-Coding") == "[chunked]"
				if string(body) != tt.want || err != nil || chunked != (tt.chunked && (method == "POST" || tt.want != "")) {
					t.Errorf("%s %s: %d bytes came, chunked %v, %v", method, tt.name, len(body), chunked, err)
				}
			}
		})
	}
}

func TestUploadWithTrailer(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		req := request(t, "POST", serve(t, echo), slowReader{strings.NewReader("content")})
		req.Trailer = http.Header{"X-Sum": nil}
		req.Body = &atEnd{req.Body, func() { req.Trailer.Set("X-Sum", "7") }}
		resp, err := anew(h1.Options{}).RoundTrip(req)
		if err != nil || resp.Header.Get("X-Trailer") != "7" {
			t.Errorf("%v: the trailer was %q", err, resp.Header.Get("X-Trailer"))
		}
		resp.Body.Close()
	})
}

type atEnd struct {
	io.ReadCloser
	f func()
}

func (a *atEnd) Read(b []byte) (int, error) {
	n, err := a.ReadCloser.Read(b)
	if err == io.EOF {
		a.f()
	}
	return n, err
}

// A server that answers before it has read the body, and reads no more of it:
// its answer is heard, at once, and the connection is not used again. (By
// net/http it is not heard when the server has closed the connection.)
func TestEarlyResponse(t *testing.T) {
	early := func() {
		url := serve(t, func(p *peer) {
			if req, err := http.ReadRequest(p.in); err == nil && req.URL.Path == "/upload" {
				p.say("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nsorry")
				p.request() // while the client has it
				return
			}
			p.say(one, p.number)
		})
		tr := h1.New(h1.Options{})
		defer tr.CloseIdleConnections()
		body, w := io.Pipe() // it never ends
		go func() {
			var err error
			for err == nil {
				_, err = w.Write(make([]byte, 1000))
			}
		}()
		defer body.Close()
		resp, err := tr.RoundTrip(request(t, "POST", url+"/upload", body))
		if got := short(resp, err); got != "sorry" {
			t.Errorf("%s: %v", got, err)
		}
		if _, on := get(t, tr, url+"/next"); on != "2" {
			t.Errorf("the next request went over connection %s", on)
		}
	}
	for range 20 {
		early()
	}
}

// Expect: 100-continue: the body waits for the word, but not for long, and stays
// here when the answer is no.
func TestContinue(t *testing.T) {
	for _, tt := range []struct{ name, first, then, want string }{
		{"asked for", "HTTP/1.1 100 Continue\r\n\r\n", ok + "Content-Length: 7\r\n\r\nthanks.", "thanks."},
		{"after other words", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", ok + "Content-Length: 7\r\n\r\nthanks.", "thanks."},
		{"no word", "", ok + "Content-Length: 7\r\n\r\nthanks.", "thanks."},
		{"refused", "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", "", "no"},
	} {
		both(t, func(t *testing.T, anew func(h1.Options) transport) {
			heard := make(chan string, 1)
			url := serve(t, func(p *peer) {
				req, err := http.ReadRequest(p.in)
				if err != nil || req.Header.Get("Expect") != "100-continue" {
					t.Errorf("%s: %v", tt.name, err)
					return
				}
				p.say("%s", tt.first)
				body, _ := io.ReadAll(req.Body)
				heard <- string(body)
				p.say("%s", tt.then)
			})
			req := request(t, "PUT", url, strings.NewReader("content"))
			req.Header.Set("Expect", "100-continue")
			if got := short(anew(h1.Options{ContinueTimeout: 200 * time.Millisecond}).RoundTrip(req)); got != tt.want {
				t.Errorf("%s: %q", tt.name, got)
			}
			want := "content"
			if tt.then == "" {
				want = ""
			}
			if got := <-heard; got != want {
				t.Errorf("%s: the server heard %q", tt.name, got)
			}
		})
	}
}

// An upload whose body fails, or is not as long as it says, fails with that.
func TestBodiesThatFail(t *testing.T) {
	broken := errors.New("broken")
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		for name, length := range map[string]int64{"chunked": -1, "known": 100, "inline": 7} {
			body := io.MultiReader(strings.NewReader("content"), &failing{broken})
			if name == "inline" {
				body = strings.NewReader("short")
			}
			url := serve(t, func(p *peer) { p.request() })
			req := request(t, "POST", url, body)
			req.ContentLength = length
			_, err := anew(h1.Options{}).RoundTrip(req)
			if err == nil || name != "inline" && !errors.Is(err, broken) || name == "inline" && !strings.Contains(err.Error(), "ContentLength") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// The body is closed in every case, and the request left as it is.
func TestRequestIsLeftAlone(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		url := serve(t, echo)
		for _, to := range []string{url, "http://127.0.0.1:1", "ftp://x.test", "http://x.test\x00"} {
			for _, size := range []int{10, 100_000} {
				body := &counted{Reader: strings.NewReader(strings.Repeat("x", size))}
				req := request(t, "POST", url, body)
				req.URL.Scheme, req.URL.Host, _ = strings.Cut(to, "://")
				req.ContentLength = int64(size)
				before := req.Clone(t.Context())
				resp, err := anew(h1.Options{}).RoundTrip(req)
				if err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if resp.Request != req {
						t.Errorf("%s: the response is of another request", to)
					}
				}
				if body.closed == 0 {
					t.Errorf("%s, %d bytes: the body was not closed: %v", to, size, err)
				}
				if fields(req.Header) != fields(before.Header) || req.ContentLength != before.ContentLength || req.Host != before.Host {
					t.Errorf("%s: the request has changed", to)
				}
			}
		}
	})
}

type counted struct {
	io.Reader
	closed int
}

func (c *counted) Close() error { c.closed++; return nil }

// gzip is asked for where that leaves the caller none the wiser.
func TestAcceptEncoding(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		url := serve(t, echo)
		for i, tt := range []struct {
			method, name, value string
			disable             bool
			want                string
		}{
			{"GET", "X", "y", false, "gzip"},
			{"GET", "X", "y", true, ""},
			{"GET", "Accept-Encoding", "br", false, "br"},
			{"GET", "Accept-Encoding", "identity", false, "identity"},
			{"GET", "Range", "bytes=0-1", false, ""},
			{"HEAD", "X", "y", false, ""},
			{"POST", "X", "y", false, "gzip"},
		} {
			req := request(t, tt.method, url, strings.NewReader(strconv.Itoa(i)))
			req.Header.Set(tt.name, tt.value)
			resp, err := anew(h1.Options{DisableCompression: tt.disable}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if got := resp.Header.Get("X-Accept"); got != tt.want {
				t.Errorf("%+v: %q", tt, got)
			}
			resp.Body.Close()
		}
	})
}
