//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package supervise

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// TestEarlySignal has a signal come before the command is there: it gets it all the
// same, and nobody else does.
func TestEarlySignal(t *testing.T) {
	t.Parallel()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep")
	}
	front, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer front.Close()
	g := &guard{
		beat: time.Hour, front: front, asked: make(map[uint64]time.Time),
		lines: make(chan string, 2), ended: make(chan syscall.WaitStatus, 1),
	}
	g.lines <- "signal 15"
	g.lines <- "good 1 -1"
	if !g.permitted() {
		t.Fatal("not permitted")
	}
	runtime.LockOSThread() // the command is killed with the thread that started it
	defer runtime.UnlockOSThread()
	if !g.start(sleep, []string{"sleep", "60"}) {
		t.Fatal("not started")
	}
	if status := <-g.ended; !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", status)
	}
}
