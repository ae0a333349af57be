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
	code := m.Run()
	redistest.CloseShared()
	os.Exit(code)
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
	out, _ := s.CLI("INFO", "server")
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
	s := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	s.Must("SET", "a", "1")
	s.Kill()
	if _, err := s.CLI("PING"); err == nil {
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
