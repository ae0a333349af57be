package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
)

// liveURL waits for the line that names the live page.
func (s *session) liveURL(t *testing.T) (url string) {
	t.Helper()
	const pattern = `live page: (http://\S+/)#token=(\w+)`
	s.await(t, pattern)
	found := regexp.MustCompile(pattern).FindStringSubmatch(s.stderr.String())
	return found[1] + "#token=" + found[2]
}

// eventually waits, for as long as a stalled machine may take, until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited until %s", what)
		}
	}
}

// A page on all addresses shows nothing to who does not know the token; a page on
// loopback shows everything and lets nobody else change it. The run does not
// wait for readers, and goes on when they leave.
func TestListen(t *testing.T) {
	for _, test := range []struct {
		addr string
		read int // without the token
	}{{"127.0.0.1:0", 200}, {"0.0.0.0:0", 401}} {
		t.Run(test.addr, func(t *testing.T) {
			srv := startOrigin(t, origin.Options{})
			dir := t.TempDir()
			var urls strings.Builder
			for i := range 20_000 {
				fmt.Fprintf(&urls, "%s/delay/50/%d\n", srv.URL(), i)
			}
			if err := os.WriteFile(filepath.Join(dir, "urls.txt"), []byte(urls.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			run := start(t, nil, dir, "fetch", "-c", "4", "--progress", "none", "urls.txt", "-o", "out.jsonl", "--listen", test.addr)
			base, token, _ := strings.Cut(run.liveURL(t), "#token=")
			ask := func(method, path, token string) (int, string) {
				t.Helper()
				r, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader("limit=7"))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if token != "" {
					r.Header.Set("Authorization", "Bearer "+token)
				}
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode, string(body)
			}
			for _, path := range []string{"status", "metrics", "debug/pprof/"} {
				if got, body := ask("GET", path, ""); got != test.read {
					t.Errorf("%s: %d %.200s", path, got, body)
				}
				if got, _ := ask("GET", path, token); got != 200 {
					t.Errorf("%s with the token: %d", path, got)
				}
			}
			if got, _ := ask("POST", "limit", ""); got != 401 {
				t.Errorf("limit without the token: %d", got)
			}
			if got, body := ask("POST", "limit", token); got != 200 || !strings.Contains(body, `"limit":7`) {
				t.Errorf("limit: %d %.300s", got, body)
			}
			eventually(t, "7 are in flight", func() bool { return srv.Audit().Total.MaxInFlight == 7 })
			run.signal(t, syscall.SIGINT)
			run.finish(t)
			if run.code != 130 || !strings.Contains(run.stderr.String(), "live page: the limit is 7 now") {
				t.Errorf("exit %d\n%s", run.code, &run.stderr)
			}
			if strings.Contains(run.stderr.String()[strings.Index(run.stderr.String(), "\n"):], token) {
				t.Error("the token is told twice")
			}
		})
	}
}

// Readers that take nothing hold up neither the run nor its end.
func TestReadersThatTakeNothing(t *testing.T) {
	srv := startOrigin(t, origin.Options{})
	dir := t.TempDir()
	var urls strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&urls, "%s/delay/10/%d\n", srv.URL(), i)
	}
	if err := os.WriteFile(filepath.Join(dir, "urls.txt"), []byte(urls.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	run := start(t, nil, dir, "fetch", "-c", "10", "--progress", "none", "urls.txt", "-o", "out.jsonl", "--listen", "127.0.0.1:0")
	base := run.liveURL(t)
	addr := strings.TrimPrefix(base[:strings.Index(base, "/#")], "http://")
	for range 40 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, len("HTTP/1.1 200"))
		if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 200" {
			t.Fatalf("%q, %v", answer, err)
		}
	}
	if run.finish(t); run.code != 0 {
		t.Fatalf("exit %d\n%s", run.code, &run.stderr)
	}
	t.Logf("3,000 requests of 10 ms, ten at a time, took %v", run.took)
}
