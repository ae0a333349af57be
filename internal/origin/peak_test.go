package origin_test

import (
	"bufio"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/penstock-go/penstock/internal/origin"
)

// TestPeakIsNeverTooHigh: ten workers that read each answer to its end before
// they ask again are never seen as eleven, whatever the kind of answer.
func TestPeakIsNeverTooHigh(t *testing.T) {
	const workers, rounds = 10, 40
	paths := []string{"/item/1", "/status/404", "/big/3000", "/big/100000", "/chunked/3", "/gzip/2000", "/drip/100/0", "/raw/plain", "/nolength/100", "/slowheaders/0", "/hugeheader/9000", "/204", "/close", "/truncate/100"}
	for _, kind := range []origin.Cert{origin.Plain, origin.Trusted} {
		t.Run(kind.String(), func(t *testing.T) {
			s := start(t, origin.Options{Hosts: 2, TLS: kind})
			var wg sync.WaitGroup
			c := client(s)
			defer c.CloseIdleConnections()
			for w := range workers {
				wg.Go(func() {
					for i := range rounds {
						get(c, s.URLs()[i%2]+paths[(w+i)%len(paths)])
					}
				})
			}
			wg.Wait()
			if a := s.Audit().Total; a.MaxInFlight > workers || a.MaxInFlight < 1 {
				t.Errorf("most in flight %d, want at most %d", a.MaxInFlight, workers)
			}
		})
	}
}

// TestAbandoned: a client that leaves one request before it makes another is
// never seen with two, though the server has not noticed yet.
func TestAbandoned(t *testing.T) {
	const rounds = 300
	t.Run("HTTP/1.1", func(t *testing.T) {
		s := start(t, origin.Options{Hosts: 2})
		for range rounds {
			nc := dial(t, s)
			ask(t, nc, "/hang-body")
			if _, err := http.ReadResponse(bufio.NewReader(nc), nil); err != nil {
				t.Fatal(err)
			}
			nc.Close()
		}
		a := s.Audit()
		if a.Total.MaxInFlight != 1 || a.Hosts[0].MaxInFlight != 1 || a.Total.MaxOpen != 1 || a.Total.Opened != rounds {
			t.Errorf("most in flight %d, most open %d of %d; want 1, 1 of %d", a.Total.MaxInFlight, a.Total.MaxOpen, a.Total.Opened, rounds)
		}
	})
	t.Run("HTTP/2", func(t *testing.T) {
		s := start(t, origin.Options{TLS: origin.Trusted})
		c := client(s)
		defer c.CloseIdleConnections()
		for range rounds {
			resp, err := c.Get(s.URL() + "/hang-body")
			if err != nil {
				t.Fatal(err)
			}
			if resp.ProtoMajor != 2 {
				t.Fatalf("%s", resp.Proto)
			}
			resp.Body.Close() // returns when the stream's reset has been sent
		}
		a := s.Audit().Total
		if a.MaxInFlight != 1 || a.Opened != 1 {
			t.Errorf("most in flight %d over %d connections, want 1 over 1", a.MaxInFlight, a.Opened)
		}
	})
}

// TestClosedUnderOthers: when the server closes an HTTP/2 connection because of
// one request, the others on it are over for their client, and not counted
// beside its next ones, though their handlers may still be at work.
func TestClosedUnderOthers(t *testing.T) {
	const others, rounds = 8, 60
	s := start(t, origin.Options{TLS: origin.Trusted})
	c := client(s)
	defer c.CloseIdleConnections()
	for range rounds {
		var bodies []io.ReadCloser
		for range others {
			resp, err := c.Get(s.URL() + "/hang-body")
			if err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, resp.Body)
		}
		if _, _, err := get(c, s.URL()+"/close"); err == nil {
			t.Fatal("/close was answered")
		}
		for _, body := range bodies {
			if _, err := io.Copy(io.Discard, body); err == nil {
				t.Fatal("/hang-body came to its end")
			}
			body.Close()
		}
	}
	if a := s.Audit().Total; a.MaxInFlight != others+1 {
		t.Errorf("most in flight %d, want %d", a.MaxInFlight, others+1)
	}
}
