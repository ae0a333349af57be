package redislimit_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock/redislimit"
)

// A server is a redis-server of a test's own.
type server struct {
	t    testing.TB
	dir  string
	addr string
	args []string
	env  []string
	cmd  *exec.Cmd
}

// startServer starts a redis-server on a free port, in a folder of its own.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	return startServerEnv(t, nil, args...)
}

func startServerEnv(t testing.TB, env []string, args ...string) *server {
	t.Helper()
	s := newServer(t, env, args...)
	s.start()
	t.Cleanup(s.kill)
	return s
}

// newServer returns a server that is not running.
func newServer(t testing.TB, env []string, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if strings.Contains(os.Getenv("PENSTOCK_REQUIRE"), "redis-server") {
			t.Fatal("no redis-server, though PENSTOCK_REQUIRE names it")
		}
		t.Skip("no redis-server; on Debian: sudo apt-get install redis-server")
	}
	return &server{t: t, dir: t.TempDir(), addr: freeAddr(t), args: args, env: env}
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *server) url() string { return "redis://" + s.addr }

// start starts it, and returns when it answers.
func (s *server) start() {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	args := append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", s.dir, "--loglevel", "warning"}, s.args...)
	s.cmd = exec.Command("redis-server", args...)
	s.cmd.Env = append(os.Environ(), s.env...)
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, 10*time.Second, "redis-server answers", func() bool {
		out, _ := s.cli("PING")
		return strings.Contains(out, "PONG") || strings.Contains(out, "NOAUTH")
	})
}

// kill ends it at once, as kill -9 does.
func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// cli runs redis-cli.
func (s *server) cli(args ...string) (string, error) {
	_, port, _ := net.SplitHostPort(s.addr)
	out, err := exec.Command("redis-cli", append([]string{"-p", port}, args...)...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (s *server) must(args ...string) string {
	s.t.Helper()
	out, err := s.cli(args...)
	if err != nil || strings.HasPrefix(out, "ERR") {
		s.t.Fatalf("redis-cli %v: %v %s", args, err, out)
	}
	return out
}

// inUse returns how many units of a limit are in use, as Redis has it.
func (s *server) inUse(name string) int {
	s.t.Helper()
	n, err := strconv.Atoi(s.must("EVAL", "local m = redis.call('HGET', KEYS[1], 'm') if not m then return -1 end local _, _, u = struct.unpack('<ddd', m) return u", "1", "penstock:{"+name+"}"))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// eventually waits until ok, looking often: what is waited for happens in
// another process, so there is no clock to stop.
func eventually(t testing.TB, most time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(most); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", most, what)
		}
	}
}

// open opens a store, which is a process of its own as far as Redis can tell.
func open(t testing.TB, url string, o redislimit.Options) *redislimit.Store {
	t.Helper()
	s, err := redislimit.Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func semaphore(t testing.TB, s *redislimit.Store, name string, limit int) *redislimit.Semaphore {
	t.Helper()
	sem, err := s.Semaphore(name, limit)
	if err != nil {
		t.Fatal(err)
	}
	return sem
}

// aged starts a server that has been up for longer than the quick lease, so
// that the first permit of a new name is had at once.
func aged(t testing.TB, args ...string) *server {
	t.Helper()
	s := startServer(t, args...)
	s.age()
	return s
}

func (s *server) age() {
	s.t.Helper()
	eventually(s.t, 10*time.Second, "the server is old enough", func() bool {
		return !strings.Contains(s.must("INFO", "server"), "uptime_in_seconds:0\r")
	})
}

// logged keeps what is logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logged) count(what string) int { return strings.Count(l.String(), what) }

func contextIn(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// startProcess starts a program that lives as long as the test.
func startProcess(t testing.TB, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

var common struct {
	sync.Mutex

	srv *server
}

// shared returns a server that has been up for a while, for tests that do it no
// harm: all share it, each by names of its own.
func shared(t testing.TB) *server {
	t.Helper()
	common.Lock()
	defer common.Unlock()
	if common.srv == nil {
		s := newServer(t, nil)
		s.dir = commonDir
		s.start()
		s.age()
		common.srv = s
	}
	s := *common.srv
	s.t = t
	return &s
}
