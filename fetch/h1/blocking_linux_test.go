//go:build !race && !386 && !s390x

package h1_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch/h1"
)

// A connection that blocks, as one of which the DialContext has asked os.File.Fd to set an
// option, is used like any other: nothing that must not wait waits for it.
func TestBlockingConnection(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(time.Millisecond) // so that a look finds nothing
		_, _ = io.WriteString(w, "ok")
	}))
	defer srv.Close()
	tr := h1.New(h1.Options{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok {
			return nil, errors.New("not TCP")
		}
		f, err := tcp.File()
		if err != nil {
			return nil, err
		}
		_ = f.Fd() // which makes it block, and what shares its state with it: c
		return c, f.Close()
	}})
	defer tr.CloseIdleConnections()
	caller := tr.Caller(t.Context())
	defer caller.Close()
	for i := range 6 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		do := tr.RoundTrip
		if i%2 == 0 {
			do = func(req *http.Request) (*http.Response, error) { return caller.Do(req, time.Time{}) }
		}
		resp, err := do(req)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		body, err := io.ReadAll(resp.Body)
		if string(body) != "ok" || err != nil {
			t.Errorf("request %d: %q, %v", i, body, err)
		}
		resp.Body.Close()
	}
}
