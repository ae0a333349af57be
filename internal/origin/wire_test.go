package origin_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
)

// start starts a server on real sockets.
func start(t *testing.T, opts origin.Options) *origin.Server {
	t.Helper()
	s, err := origin.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// dial connects to the first host.
func dial(t *testing.T, s *origin.Server) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(20 * time.Second)) // the test's end, should an answer be missing
	return nc
}

// ask writes a request.
func ask(t *testing.T, nc net.Conn, path string) {
	t.Helper()
	if _, err := io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: origin\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}

// TestCutOff: how a connection ends, and that it is counted as an answer without
// a status, or with one when there was one.
func TestCutOff(t *testing.T) {
	tests := []struct {
		path    string
		status  int // 0: none is sent
		got     int // bytes of the body
		readErr error
	}{
		{"/reset", 0, 0, syscall.ECONNRESET},
		{"/reset-body", 200, 500, syscall.ECONNRESET},
		{"/close", 0, 0, io.ErrUnexpectedEOF},
		{"/truncate/1000", 200, 500, io.ErrUnexpectedEOF},
		{"/truncate/1000000", 200, 500_000, io.ErrUnexpectedEOF},
		{"/garbage", 0, 0, nil},
		{"/garbage-chunk", 200, 5, nil},
	}
	for _, tt := range tests {
		t.Run(tt.path[1:], func(t *testing.T) {
			s := start(t, origin.Options{})
			nc := dial(t, s)
			defer nc.Close()
			ask(t, nc, tt.path)
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			got := 0
			if err == nil {
				if resp.StatusCode != tt.status {
					t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
				}
				var body []byte
				body, err = io.ReadAll(resp.Body)
				got = len(body)
			} else if tt.status != 0 {
				t.Errorf("no header: %v", err)
			}
			if err == nil || got != tt.got || tt.readErr != nil && !errors.Is(err, tt.readErr) {
				t.Errorf("%d bytes, then %v; want %d, then %v", got, err, tt.got, tt.readErr)
			}
			s.Close() // now the handler is done
			a := s.Audit().Total
			if a.Requests != 1 || a.InFlight != 0 || a.Open != 0 {
				t.Errorf("%d requests, %d in flight, %d open; want 1, 0, 0", a.Requests, a.InFlight, a.Open)
			}
			raw := strings.HasPrefix(tt.path, "/garbage") // whose status the server does not know
			if none := tt.status == 0 || raw; none != (a.NoStatus == 1) || none == (a.Statuses[200] == 1) {
				t.Errorf("statuses %v, %d without", a.Statuses, a.NoStatus)
			}
		})
	}
}

// TestHangsEndWithServer: Close ends what never answers, and leaves nothing.
func TestHangsEndWithServer(t *testing.T) {
	s := start(t, origin.Options{})
	paths := []string{"/hang", "/hang-body", "/delay/3600000", "/stale/3600000", "/raw/extra", "/slowheaders/3600000", "/drip/10/3600000", "/workers/1/3600000", "/workers/1/3600000"}
	var wg sync.WaitGroup
	for _, path := range paths {
		nc := dial(t, s)
		ask(t, nc, path)
		wg.Go(func() {
			defer nc.Close()
			io.Copy(io.Discard, nc)
		})
	}
	quiet := dial(t, s) // never asks
	defer quiet.Close()
	waitFor(t, func() bool { return s.Audit().Total.Requests == uint64(len(paths)) })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if a := s.Audit().Total; a.InFlight != 0 || a.Open != 0 {
		t.Errorf("after Close %d in flight, %d open", a.InFlight, a.Open)
	}
	if stack := accepting(); stack != "" {
		t.Errorf("after Close there is still accepting:\n%s", stack)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
	wg.Wait()
	if stack := ours(); stack != "" {
		t.Errorf("after Close there is left:\n%s", stack)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://")); err == nil {
		t.Error("still listening")
	}
}

// TestCloseReadsFirst: /close reads the request's body, so that the client sees
// a close and not a reset.
func TestCloseReadsFirst(t *testing.T) {
	s := start(t, origin.Options{})
	for range 20 {
		nc := dial(t, s)
		fmt.Fprintf(nc, "POST /close HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n%0100000d", 0)
		if n, err := io.Copy(io.Discard, nc); n != 0 || err != nil {
			t.Fatalf("%d bytes, %v; want the end of the stream", n, err)
		}
		nc.Close()
	}
}

// TestBytes: the bytes counted are the bytes received.
func TestBytes(t *testing.T) {
	for _, path := range []string{"/item/1", "/big/100000", "/gzip/1000", "/raw/http10", "/truncate/1000", "/status/404"} {
		s := start(t, origin.Options{})
		nc := dial(t, s)
		fmt.Fprintf(nc, "GET %s HTTP/1.1\r\nHost: origin\r\nConnection: close\r\n\r\n", path)
		n, err := io.Copy(io.Discard, nc)
		nc.Close()
		if got := s.Audit().Total.Bytes; err != nil || got != uint64(n) {
			t.Errorf("%s: %d bytes counted, %d received, %v", path, got, n, err)
		}
	}
}

// TestControlAddress: what goes on at the address of its own is not counted.
func TestControlAddress(t *testing.T) {
	s := start(t, origin.Options{TLS: origin.Trusted})
	c := client(s)
	defer c.CloseIdleConnections()
	mustGet(t, c, s.ControlURL()+"/_audit", 200)
	mustGet(t, c, s.ControlURL()+"/item/1", 404)
	if a := s.Audit().Total; a.Requests != 0 || a.Opened != 0 || a.Bytes != 0 {
		t.Errorf("%d requests, %d connections, %d bytes; want none", a.Requests, a.Opened, a.Bytes)
	}
	mustGet(t, c, s.URL()+"/item/1", 200)
	resp, err := c.Post(s.ControlURL()+"/_reset", "", nil)
	if err != nil || resp.StatusCode != 204 {
		t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
	if a := s.Audit().Total; a.Requests != 0 {
		t.Errorf("%d requests after a reset", a.Requests)
	}
}

func TestHosts(t *testing.T) {
	s := start(t, origin.Options{Hosts: 300})
	urls := s.URLs()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(urls[0], "http://"))
	for i, want := range map[int]string{0: "127.0.0.1", 1: "127.0.0.2", 254: "127.0.0.255", 255: "127.0.1.0", 299: "127.0.1.44"} {
		if urls[i] != "http://"+want+":"+port {
			t.Errorf("host %d is %s, want %s with port %s", i, urls[i], want, port)
		}
	}
	mustGet(t, client(s), urls[299]+"/item/1", 200)
	if a := s.Audit(); a.Hosts[299].Requests != 1 || a.Hosts[0].Requests != 0 || a.Total.Requests != 1 {
		t.Errorf("host 299 had %d, host 0 %d, all %d", a.Hosts[299].Requests, a.Hosts[0].Requests, a.Total.Requests)
	}
}

func TestBadOptions(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	tests := []struct {
		opts origin.Options
		want string
	}{
		{origin.Options{Hosts: -1}, "hosts"},
		{origin.Options{Hosts: 10_001}, "hosts"},
		{origin.Options{Port: 65536}, "port"},
		{origin.Options{TLS: 9}, "certificate"},
		{origin.Options{JudgeRate: -1}, "rate"},
		{origin.Options{HostDelay: map[int]time.Duration{1: time.Second}}, "host 1"},
		{origin.Options{Hosts: 2, Port: port}, "in use"},
	}
	for _, tt := range tests {
		if s, err := origin.Start(tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) {
			s.Close()
			t.Errorf("%+v: %v, want a word on %q", tt.opts, err, tt.want)
		}
	}
	if stack := ours(); stack != "" {
		t.Errorf("left behind:\n%s", stack)
	}
	if nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
		nc.Close()
		t.Error("the first host still listens after the second could not")
	}
}
