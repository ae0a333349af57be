package h1_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch/h1"
)

// What a Caller uses again for the next request shows in none: responses are as
// net/http reads them, and requests as their own headers say, whatever came before.
func TestCallerUsesAgain(t *testing.T) {
	answers := []string{
		"Content-Type: text/plain\r\nX-A: one\r\nContent-Length: 2\r\n\r\nok",
		"Content-Type: text/html\r\nX-A: \r\nContent-Length: 2\r\n\r\nok",
		"X-A: two\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok",
		"content-type: text/plain\r\nX-A: three\r\nContent-Length: 2\r\n\r\nok",
		"X-A: one\r\nX-A: two\r\nContent-Length: 2\r\n\r\nok",
		"X-A: one\r\nx-a: two\r\nContent-Length: 2\r\n\r\nok",
		"X-A: one\r\nX-B: two\r\nContent-Length: 0\r\n\r\n",
		"Content-Length: 2\r\n\r\nok",
		"X-A: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"Content-Encoding: gzip\r\nX-A: one\r\nContent-Length: 26\r\n\r\n\x1f\x8b\b\x00\x00\x00\x00\x00\x00\xff\xca\xcf\x06\x04\x00\x00\xff\xff\x47\xdd\xdc\x79\x02\x00\x00\x00",
		"Content-Encoding: br\r\nX-A: one\r\nContent-Length: 2\r\n\r\nok",
	}
	headers := []http.Header{
		{},
		{"X-A": {"one"}},
		{"X-A": {"two"}},
		{"X-A": {"two", "three"}, "User-Agent": {"me"}},
		{"User-Agent": {""}, "Accept-Encoding": {"br"}},
		{"Range": {"bytes=0-1"}},
		{"Bad Name": {"x"}},
		{"Upgrade": {"x"}},
	}
	next := make(chan string, 1)
	heard := make(chan string, 1)
	url := serve(t, func(p *peer) {
		for {
			var head strings.Builder
			in := bufio.NewReader(io.TeeReader(p, &head))
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == "\r\n" {
					break
				}
			}
			heard <- head.String()
			p.say("HTTP/1.1 200 OK\r\n%s", <-next)
		}
	})
	tr := h1.New(h1.Options{})
	defer tr.CloseIdleConnections()
	long := tr.Caller(t.Context())
	defer long.Close()
	const seed = 20261130
	rng := rand.New(rand.NewPCG(seed, 0))
	do := func(c *h1.Caller, header http.Header, answer string) string {
		next <- answer
		req := request(t, "GET", url, nil)
		req.Header = header
		resp, err := c.Do(req, time.Time{})
		if err != nil {
			<-next
			return err.Error()
		}
		body, err := io.ReadAll(resp.Body)
		return fmt.Sprintf("%s\n%s%q %v", <-heard, fields(resp.Header), body, err)
	}
	for i := range 2000 {
		header, answer := headers[rng.IntN(len(headers))], answers[rng.IntN(len(answers))]
		if rng.IntN(4) == 0 {
			header = header.Clone() // another map, with the same in it
		}
		got := do(long, header, answer)
		short := tr.Caller(t.Context())
		want := do(short, header, answer)
		short.Close()
		if got != want {
			t.Fatalf("seed %d, request %d: %v, answered by %q:\n%s\nby a new Caller:\n%s", seed, i, header, answer, got, want)
		}
		for range rng.IntN(3) { // often the same server says the same names
			if got := do(long, header, answer); got != want {
				t.Fatalf("seed %d, request %d, again: %v, answered by %q:\n%s\nby a new Caller:\n%s", seed, i, header, answer, got, want)
			}
		}
	}
}
