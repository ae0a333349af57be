package httplimit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/httplimit"
	"github.com/penstock-go/penstock/internal/origin"
)

// A pipeNet is a network of pipes, so that times in a bubble are exact.
type pipeNet struct {
	mu    sync.Mutex
	hosts map[string]*pipeListener
	dials int
}

type pipeListener struct {
	name   pipeAddr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

type pipeAddr string

func (a pipeAddr) Network() string { return "pipe" }
func (a pipeAddr) String() string  { return string(a) }

func hostName(i int) string { return fmt.Sprintf("h%d.test:80", i) }

func (n *pipeNet) listen(i int) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := &pipeListener{name: pipeAddr(hostName(i)), conns: make(chan net.Conn), closed: make(chan struct{})}
	if n.hosts == nil {
		n.hosts = map[string]*pipeListener{}
	}
	n.hosts[string(l.name)] = l
	return l, nil
}

func (n *pipeNet) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dials++
	l := n.hosts[address]
	n.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: errors.New("connection refused")}
	}
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return l.name }

// A bench is a Transport in a bubble, with a server that keeps count.
type bench struct {
	*testing.T
	t      *httplimit.Transport
	client *http.Client // on t
	server *origin.Server
	net    *pipeNet
	start  time.Time
}

// bubble runs f in a synctest bubble with a server of so many hosts. It checks at
// the end that no permit is left.
func bubble(t *testing.T, hosts int, o httplimit.Options, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var n pipeNet
		server, err := origin.Start(origin.Options{Hosts: hosts, Listen: n.listen, HintGrace: time.Nanosecond})
		if err != nil {
			t.Fatal(err)
		}
		base := &http.Transport{DialContext: n.dial, MaxIdleConnsPerHost: 1000, DisableCompression: true}
		if o.Base == nil {
			o.Base = base
		}
		tr, err := httplimit.New(o)
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{T: t, t: tr, client: &http.Client{Transport: tr}, server: server, net: &n, start: time.Now()}
		f(b)
		synctest.Wait()
		if s := tr.Stats(); s.InFlight != 0 || s.Waiting != 0 || s.Backoff != 0 {
			t.Errorf("at the end: %+v", s)
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
		base.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
}

// url is a path on host i.
func (b *bench) url(i int, path string, args ...any) string {
	return "http://" + hostName(i)[:len(hostName(i))-len(":80")] + fmt.Sprintf(path, args...)
}

// get fetches a URL to its end and returns the status.
func (b *bench) get(ctx context.Context, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// mustGet fetches a URL that must have the status.
func (b *bench) mustGet(url string, status int) {
	b.Helper()
	if got, err := b.get(b.Context(), url); err != nil || got != status {
		b.Errorf("GET %s: %d, %v; want %d", url, got, err, status)
	}
}

// at says how long after the beginning it is.
func (b *bench) at() time.Duration { return time.Since(b.start) }

// took checks how long after the beginning it is.
func (b *bench) took(want time.Duration) {
	b.Helper()
	if got := b.at(); got != want {
		b.Errorf("at %v, want %v", got, want)
	}
}

// A roundTripper is a Base of a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// request makes a request without a body.
func request(ctx context.Context, t testing.TB, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}
