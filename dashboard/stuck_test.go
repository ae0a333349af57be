package dashboard_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/dashboard"
)

// A single is a listener that has one connection, and sees it closed.
type single struct {
	net.Conn

	taken  sync.Once
	closed chan struct{}
	once   sync.Once
}

func (s *single) Accept() (c net.Conn, err error) {
	s.taken.Do(func() { c = s })
	if c == nil {
		<-s.closed
		err = net.ErrClosed
	}
	return c, err
}

func (s *single) Addr() net.Addr { return s.LocalAddr() }

func (s *single) Close() error {
	s.once.Do(func() { close(s.closed) })
	return s.Conn.Close()
}

// TestStuckReader asks and takes nothing of the answer: it is let go after half a
// minute.
func TestStuckReader(t *testing.T) {
	for _, path := range []string{"/", "/assets/live.js", "/status", "/metrics", "/events", "/debug/pprof/", "/healthz"} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				page, err := dashboard.Handler(dashboard.Options{Run: recorded(t).run(), Token: token})
				if err != nil {
					t.Fatal(err)
				}
				defer page.Close()
				here, there := net.Pipe() // it holds nothing that is not read
				defer here.Close()
				l := &single{Conn: there, closed: make(chan struct{})}
				server := http.Server{Handler: page, ErrorLog: log.New(io.Discard, "", 0)}
				done := make(chan error)
				go func() { done <- server.Serve(l) }()
				request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", path, token)
				answer := make([]byte, len("HTTP/1.1 200"))
				if _, err := io.WriteString(here, request); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				if _, err := io.ReadFull(here, answer); err != nil || string(answer) != "HTTP/1.1 200" {
					t.Fatalf("%q, %v", answer, err)
				}
				<-l.closed
				if took := time.Since(start); took != 30*time.Second {
					t.Errorf("let go after %v", took)
				}
				if err := <-done; !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			})
		})
	}
}
