package h1_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch/h1"
)

// A tape is a connection on which the same answer comes to any request, and
// then the end.
type tape struct {
	answer *strings.Reader
	once   sync.Once
	asked  chan struct{} // closed by the first write
	closed chan struct{}
	end    sync.Once
}

func newTape(answer string) *tape {
	return &tape{answer: strings.NewReader(answer), asked: make(chan struct{}), closed: make(chan struct{})}
}

func (c *tape) Read(b []byte) (int, error) {
	select {
	case <-c.asked:
		return c.answer.Read(b)
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

func (c *tape) Write(b []byte) (int, error) {
	c.once.Do(func() { close(c.asked) })
	return len(b), nil
}

func (c *tape) Close() error                     { c.end.Do(func() { close(c.closed) }); return nil }
func (c *tape) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *tape) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *tape) SetDeadline(time.Time) error      { return nil }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }

// heard is the outcome of an answer that comes by tape.
func heard(t testing.TB, anew func(h1.Options) transport, method, answer string) string {
	t.Helper()
	tr := anew(h1.Options{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return newTape(answer), nil },
		MaxHeader:   1 << 12,
	})
	defer tr.CloseIdleConnections()
	req, err := http.NewRequest(method, "http://tape.test/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return outcome(tr.RoundTrip(req))
}

// Both transports make the same of any bytes.
func FuzzAnswer(f *testing.F) {
	for _, tt := range answers {
		if len(tt.answer) < 4096 {
			f.Add(tt.method == "HEAD", tt.answer)
		}
	}
	f.Fuzz(func(t *testing.T, head bool, answer string) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		want := heard(t, theirs, method, answer)
		for name, anew := range map[string]func(h1.Options) transport{"RoundTrip": ours, "a Caller": byCaller} {
			if got := heard(t, anew, method, answer); got != want {
				t.Errorf("%q by %s:\n%s\nby net/http:\n%s", answer, name, got, want)
			}
		}
	})
}

var _ io.Reader = (*tape)(nil)
