package origin_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/penstock-go/penstock/internal/origin"
)

// memNet is a network of pipes, so that a server and its clients run in a
// synctest bubble, where times are exact.
type memNet struct {
	mu    sync.Mutex
	hosts map[string]*memListener
}

type memListener struct {
	name   memAddr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

type memAddr string

func (a memAddr) Network() string { return "memory" }
func (a memAddr) String() string  { return string(a) }

func (n *memNet) listen(i int) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts == nil {
		n.hosts = make(map[string]*memListener)
	}
	l := &memListener{name: memAddr(fmt.Sprintf("host%d.test:80", i)), conns: make(chan net.Conn), closed: make(chan struct{})}
	n.hosts[l.name.String()] = l
	return l, nil
}

func (n *memNet) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.hosts[address]
	n.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("no host %s", address)
	}
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *memListener) Addr() net.Addr { return l.name }

// bubble runs f in a synctest bubble with a server on an in-memory network, and
// a client for it that does not follow redirects.
func bubble(t *testing.T, opts origin.Options, f func(t *testing.T, s *origin.Server, c *http.Client)) {
	synctest.Test(t, func(t *testing.T) {
		var n memNet
		opts.Listen = n.listen
		s, err := origin.Start(opts)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{DialContext: n.dial, MaxIdleConnsPerHost: 1000, DisableCompression: true}
		f(t, s, &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		})
		transport.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// get fetches a URL to its end.
func get(c *http.Client, url string) (*http.Response, string, error) {
	resp, err := c.Get(url)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// mustGet fetches a URL that must be answered with the status.
func mustGet(t *testing.T, c *http.Client, url string, status int) (*http.Response, string) {
	t.Helper()
	resp, body, err := get(c, url)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	if resp.StatusCode != status {
		t.Fatalf("GET %s: %s, want %d; body %q", url, resp.Status, status, body)
	}
	return resp, body
}
