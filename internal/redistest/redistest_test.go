package redistest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/redistest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("REDISTEST_DIR"); dir != "" {
		parent(dir)
		return
	}
	os.Exit(redistest.Run(m))
}

// parent starts a server, says which, and waits to be killed.
func parent(dir string) {
	addr, err := redistest.FreeAddr()
	if err != nil {
		panic(err)
	}
	s := &redistest.Server{Addr: addr, Dir: dir}
	if err := s.Launch(); err != nil {
		panic(err)
	}
	out, _ := s.Ask("INFO", "server")
	_, rest, _ := strings.Cut(out, "process_id:")
	pid, _, _ := strings.Cut(rest, "\r")
	if err := os.WriteFile(filepath.Join(dir, "new"), []byte(pid), 0o600); err != nil {
		panic(err)
	}
	if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "pid")); err != nil {
		panic(err)
	}
	time.Sleep(time.Hour) // killed long before
}

func TestRestart(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always",
		"--enable-debug-command", "yes", "--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024")
	s.Must("EVAL", "for i=1,100 do redis.call('SET','k'..i,string.rep('x',500)) end", "0")
	s.Must("SET", "a", "1")
	s.Kill()
	if _, err := s.Ask("PING"); err == nil {
		t.Fatal("it answers after it was killed")
	}
	s.Start()
	if got := s.Must("GET", "a"); got != "1" {
		t.Errorf("after a restart: %q", got)
	}
}

func TestShared(t *testing.T) {
	t.Parallel()
	a, b := redistest.Shared(t), redistest.Shared(t)
	if a.Addr != b.Addr {
		t.Errorf("%s and %s", a.Addr, b.Addr)
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	s := redistest.Shared(t)
	s.Must("DEL", "asked") // where the test is run more than once
	for _, c := range []struct {
		want string
		args []string
	}{
		{"2", []string{"RPUSH", "asked", "a b", "\r\n"}},
		{"a b", []string{"LRANGE", "asked", "0", "0"}},
		{"1\n\n2", []string{"EVAL", "return {1, false, {2}}", "0"}},
		{"", []string{"GET", "missing"}},
		{"OK", []string{"SET", "asked", ""}},
		{"WRONGTYPE Operation against a key holding the wrong kind of value", []string{"LLEN", "asked"}},
	} {
		if got, err := s.Ask(c.args...); got != c.want || err != nil {
			t.Errorf("%q: %q, %v, want %q", c.args, got, err, c.want)
		}
	}
}
