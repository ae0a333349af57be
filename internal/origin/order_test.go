package origin_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
)

// spied is a server's end of a connection that tells of each step before it is
// done.
type spied struct {
	net.Conn
	step func(what string)
}

func (c *spied) Write(b []byte) (int, error) { c.step("write"); return c.Conn.Write(b) }
func (c *spied) Close() error                { c.step("close"); return c.Conn.Close() }

type spyListener struct {
	net.Listener
	step func(what string)
}

func (l *spyListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &spied{nc, l.step}, nil
}

// TestCountedOutBeforeTheEnd is the reason why max_in_flight has no false
// alarms: when the server does what shows a client the end of an answer (the
// last write, or the close), the request is no longer counted.
func TestCountedOutBeforeTheEnd(t *testing.T) {
	tests := []struct{ path, shows string }{
		{"/item/1", "write"},
		{"/item/1?x=1", "write"},
		{"/status/404", "write"},
		{"/status/204", "write"},
		{"/big/1", "write"},
		{"/big/5000", "write"},
		{"/big/65536", "write"},
		{"/big/1000000", "write"},
		{"/drip/1000/100", "write"},
		{"/drip/100000/100", "write"},
		{"/drip/0/100", "write"},
		{"/chunked/3", "write"},
		{"/chunked/0", "write"},
		{"/gzip/100000", "write"},
		{"/gzipbomb/5000000", "write"},
		{"/badgzip", "write"},
		{"/echo", "write"},
		{"/cookie/set/a/1", "write"},
		{"/redirect/2", "write"},
		{"/204", "write"},
		{"/cap/1/10", "write"},
		{"/cap/1/10?status=200", "write"},
		{"/stale/0", "write"},
		{"/raw/plain", "write"},
		{"/slowheaders/50", "write"},
		{"/hugeheader/100000", "write"},
		{"/nothing", "write"},
		{"/nolength/100000", "close"},
		{"/truncate/100000", "close"},
		{"/reset", "close"},
		{"/reset-body", "close"},
		{"/close", "close"},
		{"/garbage", "close"},
		{"/raw/http10", "close"},
	}
	for _, tt := range tests {
		t.Run(tt.path[1:], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var s *origin.Server
				last := make(map[string]int) // what, and how many were in flight then
				steps := 0
				var n memNet
				s, err := origin.Start(origin.Options{Listen: func(i int) (net.Listener, error) {
					l, err := n.listen(i)
					return &spyListener{l, func(what string) {
						mu.Lock()
						defer mu.Unlock()
						last[what] = s.Audit().Total.InFlight
						steps++
					}}, err
				}})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				transport := &http.Transport{DialContext: n.dial, DisableCompression: true}
				defer transport.CloseIdleConnections()
				get(&http.Client{Transport: transport}, s.URL()+tt.path) // an error is how some end
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				if inFlight, ok := last[tt.shows]; !ok || inFlight != 0 {
					t.Errorf("%d steps, %v; want 0 in flight at the last %s", steps, last, tt.shows)
				}
			})
		})
	}
}

// TestBytesOfBrokenWrite: of a write that fails, what got out is counted.
func TestBytesOfBrokenWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n memNet
		s, err := origin.Start(origin.Options{Listen: n.listen})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		nc, err := n.dial(t.Context(), "", strings.TrimPrefix(s.URL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(nc, "GET /big/1000000 HTTP/1.1\r\nHost: a\r\n\r\n")
		const read = 54_321
		if _, err := io.CopyN(io.Discard, nc, read); err != nil {
			t.Fatal(err)
		}
		nc.Close()
		synctest.Wait()
		if got := s.Audit().Total.Bytes; got != read {
			t.Errorf("%d bytes counted, %d were read", got, read)
		}
	})
}

// TestHintsOverlap: hints given while another holds make one silence, which
// starts with the first and ends with the last.
func TestHintsOverlap(t *testing.T) {
	bubble(t, origin.Options{}, func(t *testing.T, s *origin.Server, c *http.Client) {
		tooEarly := func(want uint64) {
			t.Helper()
			if got := s.Audit().Total.TooEarly; got != want {
				t.Errorf("%d too early, want %d", got, want)
			}
		}
		mustGet(t, c, s.URL()+"/retry-after/5/1/a", 429) // 0 s: until 5 s
		time.Sleep(10 * ms)
		mustGet(t, c, s.URL()+"/retry-after/1/1/b", 429) // was under way; says less, and takes nothing back
		time.Sleep(10 * ms)
		tooEarly(0)
		mustGet(t, c, s.URL()+"/item/1", 200) // 20 ms after the first hint, though 10 ms after the last
		tooEarly(1)
		time.Sleep(2 * time.Second)
		mustGet(t, c, s.URL()+"/item/2", 200) // the second hint is over, the first is not
		tooEarly(2)
		mustGet(t, c, s.URL()+"/retry-after/5/1/c", 429) // 2.02 s: too early itself; until 7.02 s
		tooEarly(3)
		time.Sleep(4 * time.Second)
		mustGet(t, c, s.URL()+"/item/3", 200) // after the first, before the third
		tooEarly(4)
		time.Sleep(time.Second)
		mustGet(t, c, s.URL()+"/item/4", 200)
		tooEarly(4)
		mustGet(t, c, s.URL()+"/retry-after/5/1/d", 429) // a new one
		time.Sleep(10 * ms)
		mustGet(t, c, s.URL()+"/item/5", 200) // has its own grace
		tooEarly(4)
	})
}
