package redistest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/redistest"
)

// TestDiesWithParent kills a process that has started a server.
func TestDiesWithParent(t *testing.T) {
	t.Parallel()
	redistest.Require(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "REDISTEST_DIR="+dir)
	redistest.DieWithParent(cmd)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	redistest.Eventually(t, time.Minute, "it has started a server", func() bool {
		text, _ := os.ReadFile(filepath.Join(dir, "pid"))
		pid, err = strconv.Atoi(string(text))
		return err == nil
	})
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	redistest.Eventually(t, time.Minute, "the server has died", func() bool {
		return syscall.Kill(pid, 0) != nil || zombie(pid)
	})
}

// zombie reports whether a process has ended, though nobody has asked how.
func zombie(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(text), ") Z ")
}
