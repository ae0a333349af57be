package h1_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/h1"
	"github.com/penstock-go/penstock/internal/origin"
)

const ok = "HTTP/1.1 200 OK\r\n"

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

// The answers of the table are sent as they stand. Both transports make the
// same of each, which is want: the body, "refused", or what came "... broken".
// Where the connection is kept, the next request goes over it and is unharmed.
var answers = []struct {
	name, method, answer, want string
	kept                       bool
}{
	{"length", "GET", ok + "Content-Length: 5\r\n\r\nhello", "hello", true},
	{"no body", "GET", ok + "Content-Length: 0\r\n\r\n", "", true},
	{"until close", "GET", ok + "\r\nhello", "hello", false},
	{"connection close", "GET", ok + "Connection: close\r\nContent-Length: 5\r\n\r\nhello", "hello", false},
	{"close among others", "GET", ok + "Connection: x, Close\r\nContent-Length: 5\r\n\r\nhello", "hello", false},
	{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", false},
	{"HTTP/1.0 keep-alive", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", "hello", true},
	{"HTTP/1.0 keep-alive without length", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello", "hello", false},
	{"HTTP/0.9", "GET", "hello", "refused", false},
	{"HTTP/2.0 in words", "GET", "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", true},
	{"HEAD", "HEAD", ok + "Content-Length: 5\r\n\r\n", "", true},
	{"HEAD chunked", "HEAD", ok + "Transfer-Encoding: chunked\r\n\r\n", "", true},
	{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "", true},
	{"204 with a length", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "", true},
	{"304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", true},
	{"304 chunked", "GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", "", true},
	{"100 first", "GET", "HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 5\r\n\r\nhello", "hello", true},
	{"102, 103 first", "GET", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok + "Content-Length: 5\r\n\r\nhello", "hello", true},
	{"101 unasked", "GET", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "", false},
	{"status 99", "GET", "HTTP/1.1 099 Odd\r\nContent-Length: 5\r\n\r\nhello", "hello", false},
	{"no reason", "GET", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", "hello", true},
	{"bare LF", "GET", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "hello", true},
	{"chunked", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello", true},
	{"chunked, upper case", "GET", ok + "Transfer-Encoding: CHUNKED\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", "0123456789", true},
	{"chunk extension", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", "hello", true},
	{"trailer", "GET", ok + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n", "hello", true},
	{"trailer unannounced", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n", "hello", true},
	{"gzip", "GET", ok + "Content-Encoding: gzip\r\nContent-Length: 29\r\n\r\n" + zipped("hello"), "hello", true},
	{"gzip cut", "GET", ok + "Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n" + zipped("hello")[:10], " broken", true},
	{"not gzip", "GET", ok + "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", " broken", false},
	{"large", "GET", ok + "Content-Length: 300000\r\n\r\n" + strings.Repeat("0123456789", 30000), strings.Repeat("0123456789", 30000), true},

	// Desynchronisation: whoever in between reads these otherwise than we do
	// can make a part of one response another.
	{"two lengths", "GET", ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "refused", false},
	{"the same length twice", "GET", ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "hello", true},
	{"list of lengths", "GET", ok + "Content-Length: 5, 5\r\n\r\nhello", "refused", false},
	{"length and chunked", "GET", ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello", true},
	{"negative length", "GET", ok + "Content-Length: -5\r\n\r\nhello", "refused", false},
	{"plus length", "GET", ok + "Content-Length: +5\r\n\r\nhello", "refused", false},
	{"hex length", "GET", ok + "Content-Length: 0x5\r\n\r\nhello", "refused", false},
	{"empty length", "GET", ok + "Content-Length: \r\n\r\nhello", "refused", false},
	{"huge length", "GET", ok + "Content-Length: 9223372036854775808\r\n\r\nhello", "refused", false},
	{"large length", "GET", ok + "Content-Length: 9223372036854775807\r\n\r\nhello", "hello broken", false},
	{"short of its length", "GET", ok + "Content-Length: 50\r\n\r\nhello", "hello broken", false},
	{"two codings", "GET", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "refused", false},
	{"chunked twice", "GET", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "refused", false},
	{"identity", "GET", ok + "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", "refused", false},
	{"space before colon", "GET", ok + "Content-Length : 5\r\n\r\nhello", "hello", false}, // which is then no length
	{"obs-fold", "GET", ok + "X: a\r\n b\r\nContent-Length: 5\r\n\r\nhello", "hello", true},
	{"obs-fold first", "GET", ok + " X: a\r\nContent-Length: 5\r\n\r\nhello", "refused", false},
	{"bare CR in a field", "GET", ok + "X: a\rb\r\nContent-Length: 5\r\n\r\nhello", "refused", false},
	{"NUL in a field", "GET", ok + "X: a\x00b\r\nContent-Length: 5\r\n\r\nhello", "refused", false},
	{"no colon", "GET", ok + "Content-Length\r\n\r\nhello", "refused", false},
	{"empty name", "GET", ok + ": x\r\nContent-Length: 5\r\n\r\nhello", "refused", false},
	{"chunk size not hex", "GET", ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", " broken", false},
	{"negative chunk size", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", " broken", false},
	{"0x chunk size", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", " broken", false},
	{"huge chunk size", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\nhello\r\n0\r\n\r\n", " broken", false},
	{"empty chunk size", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", " broken", false},
	{"chunk longer than its size", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n", "hel broken", false},
	{"chunk ended by LF", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", "hello broken", false},
	{"chunks without an end", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "hello broken", false},
	{"bad trailer", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nno colon\r\n\r\n", "hello broken", false},
	{"trailer that frames", "GET", ok + "Transfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "refused", false},
	{"cut in the status", "GET", "HTTP/1.1 20", "refused", false},
	{"cut in the header", "GET", ok + "Content-Le", "refused", false},
	{"status of two digits", "GET", "HTTP/1.1 20 OK\r\n\r\n", "refused", false},
	{"status no number", "GET", "HTTP/1.1 abc OK\r\n\r\n", "refused", false},
	{"version no version", "GET", "HTTP/x 200 OK\r\n\r\n", "refused", false},
	{"nothing", "GET", "", "refused", false},
}

func TestAnswers(t *testing.T) {
	both(t, func(t *testing.T, anew func(h1.Options) transport) {
		for _, tt := range answers {
			t.Run(tt.name, func(t *testing.T) {
				url := serve(t, func(p *peer) {
					for req := p.request(); req != nil; req = p.request() {
						if req.URL.Path == "/next" {
							p.say("%sContent-Length: 1\r\n\r\n%d", ok, p.number)
							continue
						}
						io.WriteString(p, tt.answer)
						if !tt.kept {
							return // where it ends is all that ends it
						}
					}
				})
				tr := anew(h1.Options{})
				if got := short(tr.RoundTrip(request(t, tt.method, url, nil))); got != tt.want {
					t.Errorf("%.200q, want %.200q", got, tt.want)
				}
				_, on := get(t, tr, url+"/next")
				if kept := on == "1"; kept != tt.kept {
					t.Errorf("the next request went over connection %s", on)
				}
			})
		}
	})
}

// short is a response's body, and how it ended.
func short(resp *http.Response, err error) string {
	if err != nil {
		return "refused"
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return string(body) + " broken"
	}
	return string(body)
}

// All else that a caller can tell of the answers is the same as well: of those
// of the table, and of the origin's.
func TestAnswersAreTheSame(t *testing.T) {
	for _, tt := range answers {
		if one, other := heard(t, ours, tt.method, tt.answer), heard(t, theirs, tt.method, tt.answer); one != other {
			t.Errorf("%s:\n%s\nby net/http:\n%s", tt.name, one, other)
		}
	}
	s := startOrigin(t, origin.Options{})
	for _, name := range origin.RawNames() {
		var got [2]string
		for i, anew := range []func(h1.Options) transport{ours, theirs} {
			tr := anew(h1.Options{})
			got[i] = outcome(tr.RoundTrip(request(t, "GET", s.URL()+"/raw/"+name, nil)))
			tr.CloseIdleConnections()
		}
		if got[0] != got[1] {
			t.Errorf("%s:\n%s\nby net/http:\n%s", name, got[0], got[1])
		}
	}
}
