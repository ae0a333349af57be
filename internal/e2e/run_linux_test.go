package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/redistest"
)

// patience is for what takes no time on a machine that has nothing else to do.
const patience = time.Minute

// A bench is a place where commands run under limits, and their jury.
type bench struct {
	*jury

	dir  string
	self string
	args []string // of penstock run
	env  []string
}

func startBench(t *testing.T, args ...string) *bench {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return &bench{jury: startJury(t), dir: dir, self: self, args: append([]string{"run", "--lock-dir", filepath.Join(dir, "locks")}, args...)}
}

// overRedis is a bench whose limits are in srv.
func overRedis(t *testing.T, srv *redistest.Server, args ...string) *bench {
	t.Helper()
	b := startBench(t)
	b.args = append([]string{"run", "--store", srv.URL()}, args...)
	return b
}

// A runner is a penstock run.
type runner struct {
	cmd    *exec.Cmd
	out    *bytes.Buffer
	stderr *syncBuffer
	done   chan struct{}
	err    error
}

// syncBuffer is written by one process and read meanwhile.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// run starts penstock run with a command.
func (b *bench) run(t *testing.T, env []string, command ...string) *runner {
	t.Helper()
	r := &runner{out: &bytes.Buffer{}, stderr: &syncBuffer{}, done: make(chan struct{})}
	r.cmd = command0(b.dir, append(append(append([]string(nil), b.args...), "--"), command...)...)
	r.cmd.Env = append(r.cmd.Env, env...)
	r.cmd.Env = append(r.cmd.Env, b.env...)
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.stderr
	// What a command that was killed has left behind may hold these.
	r.cmd.WaitDelay = patience
	redistest.DieWithParent(r.cmd)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.done)
		r.err = r.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = r.cmd.Process.Signal(syscall.SIGCONT)
		_ = r.cmd.Process.Kill()
		<-r.done
	})
	return r
}

// probe starts a probe that works for hold.
func (b *bench) probe(t *testing.T, hold time.Duration, env ...string) *runner {
	t.Helper()
	return b.run(t, append(env, "E2E_PROBE="+b.addr, "E2E_HOLD="+hold.String()), b.self)
}

// behind starts a probe behind a shell, as a child of it.
func (b *bench) behind(t *testing.T, hold time.Duration, env ...string) *runner {
	t.Helper()
	return b.run(t, append(env, "E2E_PROBE="+b.addr, "E2E_HOLD="+hold.String()), "sh", "-c", b.self+" & wait")
}

// ends waits for its end, and returns the exit code.
func (r *runner) ends(t *testing.T) int {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(2 * patience):
		t.Fatalf("it does not end; said: %s", r.stderr)
	}
	return r.cmd.ProcessState.ExitCode()
}

// succeeds waits for its end, which is to be a good one.
func (r *runner) succeeds(t *testing.T) {
	t.Helper()
	if code := r.ends(t); code != 0 {
		t.Errorf("exit %d: %s", code, r.stderr)
	}
}

func (b *bench) until(t *testing.T, what string, ok func(f finding) bool) {
	t.Helper()
	redistest.Eventually(t, patience, what, func() bool { return ok(b.look()) })
}

func command0(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(binDir, "penstock"), args...)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=/no-home", "PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir, "GORACE=halt_on_error=1"}
	return cmd
}

// bothWays tests limits of n, in a folder and in a store.
func bothWays(t *testing.T, n int, lease string, test func(t *testing.T, b *bench)) {
	t.Parallel()
	limit := fmt.Sprintf("x=%d", n)
	t.Run("Store=false", func(t *testing.T) {
		t.Parallel()
		test(t, startBench(t, "--limit", limit))
	})
	t.Run("Store=true", func(t *testing.T) {
		t.Parallel()
		test(t, overRedis(t, redistest.Start(t), "--lease", lease, "--limit", limit))
	})
}

// TestRunNeverOver has many runs want few permits.
func TestRunNeverOver(t *testing.T) {
	bothWays(t, 3, "3s", func(t *testing.T, b *bench) {
		var all []*runner
		for range 12 {
			all = append(all, b.probe(t, 100*time.Millisecond))
		}
		for _, r := range all {
			r.succeeds(t)
		}
		b.verdict(t, 3)
		if f := b.look(); f.begun != 12 {
			t.Errorf("%d of 12 were run", f.begun)
		}
	})
}

// TestRunKilled kills the one in front with kill -9: its guard ends the command
// and what it has started, and then the permit is had by the next.
func TestRunKilled(t *testing.T) {
	bothWays(t, 1, "4s", func(t *testing.T, b *bench) {
		b.killFirst(t)
		if f := b.look(); f.begun != 2 {
			t.Errorf("%d were run", f.begun)
		}
	})
}

// TestRunKilledStubborn kills the one in front of a command that ignores SIGTERM.
func TestRunKilledStubborn(t *testing.T) {
	t.Parallel()
	startBench(t, "--limit", "x=1", "--grace", "300ms").killFirst(t, "E2E_STUBBORN=1")
}

// killFirst kills the one in front of a command, and has another take its place.
func (b *bench) killFirst(t *testing.T, env ...string) {
	t.Helper()
	first := b.behind(t, time.Hour, env...)
	b.until(t, "the first works", func(f finding) bool { return f.working == 1 })
	second := b.probe(t, time.Millisecond)
	_ = first.cmd.Process.Kill()
	second.succeeds(t)
	b.verdict(t, 1)
}

// TestRunGuardKilled kills the guard: the command dies with it.
func TestRunGuardKilled(t *testing.T) {
	t.Parallel()
	b := startBench(t, "--limit", "x=1")
	r := b.probe(t, time.Hour)
	b.until(t, "it works", func(f finding) bool { return f.working == 1 })
	pid := b.look().pids[0]
	guard := parentOf(t, pid)
	if guard == r.cmd.Process.Pid {
		t.Fatal("there is no guard")
	}
	_ = syscall.Kill(guard, syscall.SIGKILL)
	if code := r.ends(t); code != 125 || !strings.Contains(r.stderr.String(), "the guard was killed") {
		t.Errorf("exit %d: %s", code, r.stderr)
	}
	b.until(t, "the command is dead", func(f finding) bool { return f.working == 0 })
	b.probe(t, time.Millisecond).succeeds(t)
	b.verdict(t, 1)
}

func parentOf(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	parent, err := strconv.Atoi(strings.Fields(rest)[1])
	if err != nil {
		t.Fatal(err)
	}
	return parent
}

// TestRunLost takes the store away for longer than a lease.
func TestRunLost(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	b := overRedis(t, srv, "--lease", "3s", "--limit", "x=1")
	r := b.behind(t, time.Hour)
	b.until(t, "it works", func(f finding) bool { return f.working == 1 })
	srv.Kill()
	if code := r.ends(t); code != 123 {
		t.Errorf("exit %d", code)
	}
	if n := strings.Count(r.stderr.String(), "the permit of x is lost"); n != 1 {
		t.Errorf("said: %s", r.stderr)
	}
	b.until(t, "the command is dead", func(f finding) bool { return f.working == 0 })
}

// TestRunGuardStopped stops the guard, and takes the store away for longer than a lease:
// the one in front ends the command.
func TestRunGuardStopped(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	b := overRedis(t, srv, "--lease", "3s", "--limit", "x=1")
	r := b.probe(t, time.Hour)
	b.until(t, "it works", func(f finding) bool { return f.working == 1 })
	guard := parentOf(t, b.look().pids[0])
	if guard == r.cmd.Process.Pid {
		t.Fatal("there is no guard")
	}
	_ = syscall.Kill(guard, syscall.SIGSTOP)
	defer syscall.Kill(guard, syscall.SIGCONT)
	srv.Kill()
	b.until(t, "the command is dead", func(f finding) bool { return f.working == 0 })
	_ = syscall.Kill(guard, syscall.SIGCONT)
	if code := r.ends(t); code != 123 {
		t.Errorf("exit %d: %s", code, r.stderr)
	}
}

// TestRunShortOutage: nobody is ended by an outage that is shorter than the lease.
func TestRunShortOutage(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	b := overRedis(t, srv, "--lease", "9s", "--limit", "x=1")
	r := b.probe(t, 10*time.Second)
	b.until(t, "it works", func(f finding) bool { return f.working == 1 })
	srv.Kill()
	srv.Start()
	r.succeeds(t)
}

// TestLongRunStopped stops the one in front for longer than its lease: its guard
// ends the command before another begins.
func TestLongRunStopped(t *testing.T) {
	if os.Getenv("PENSTOCK_LONG") == "" {
		t.Skip("takes half a minute: PENSTOCK_LONG=1 runs it")
	}
	t.Parallel()
	b := overRedis(t, redistest.Start(t), "--lease", "16s", "--limit", "x=1")
	first := b.behind(t, time.Hour)
	b.until(t, "the first works", func(f finding) bool { return f.working == 1 })
	_ = first.cmd.Process.Signal(syscall.SIGSTOP)
	second := b.probe(t, time.Millisecond)
	second.succeeds(t)
	_ = first.cmd.Process.Signal(syscall.SIGCONT)
	if code := first.ends(t); code != 123 || !strings.Contains(first.stderr.String(), "the permit of x is lost") {
		t.Errorf("exit %d: %s", code, first.stderr)
	}
	b.verdict(t, 1)
}

// TestRunSignals passes signals on, and the exit code back.
func TestRunSignals(t *testing.T) {
	t.Parallel()
	b := startBench(t, "--limit", "x=20")
	for name, sig := range map[string]syscall.Signal{
		"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT,
		"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "WINCH": syscall.SIGWINCH,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ready := filepath.Join(t.TempDir(), "ready")
			r := b.run(t, nil, "sh", "-c", "trap 'echo got "+name+"; exit 7' "+name+"; : >"+ready+"; while :; do sleep 0.05; done")
			redistest.Eventually(t, patience, "the trap is set", func() bool { _, err := os.Stat(ready); return err == nil })
			_ = r.cmd.Process.Signal(sig)
			if code := r.ends(t); code != 7 || strings.TrimSpace(r.out.String()) != "got "+name {
				t.Errorf("exit %d, said %q, %s", code, r.out, r.stderr)
			}
		})
	}
}

// TestRunInterruptedWait ends the wait for a permit by a signal.
func TestRunInterruptedWait(t *testing.T) {
	t.Parallel()
	b := startBench(t, "--limit", "x=1")
	first := b.probe(t, time.Hour)
	b.until(t, "the first works", func(f finding) bool { return f.working == 1 })
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		second := b.probe(t, time.Hour)
		redistest.Eventually(t, patience, "it says for what it waits", func() bool {
			return strings.Contains(second.stderr.String(), "waiting for x: 1 of 1 in use by ")
		})
		_ = second.cmd.Process.Signal(sig)
		if code := second.ends(t); code != want {
			t.Errorf("exit %d, want %d: %s", code, want, second.stderr)
		}
	}
	_ = first.cmd.Process.Signal(syscall.SIGTERM)
	if code := first.ends(t); code != 143 {
		t.Errorf("exit %d of a command that SIGTERM has ended", code)
	}
	b.verdict(t, 1)
}

// TestRunSeveral takes two limits together, from both ends: nobody waits for
// ever, and neither is exceeded.
func TestRunSeveral(t *testing.T) {
	t.Parallel()
	for _, store := range []bool{false, true} {
		t.Run(fmt.Sprintf("Store=%v", store), func(t *testing.T) {
			t.Parallel()
			b := startBench(t)
			if store {
				b = overRedis(t, redistest.Start(t), "--lease", "3s")
			}
			base := b.args
			var all []*runner
			for i := range 8 {
				limits := []string{"--limit", "a=2", "--limit", "b=1"}
				if i%2 == 1 {
					limits = []string{"--limit", "b=1", "--limit", "a=2", "--weight", "a=2"}
				}
				b.args = append(append([]string(nil), base...), limits...)
				all = append(all, b.probe(t, 20*time.Millisecond))
			}
			for _, r := range all {
				r.succeeds(t)
			}
			if f := b.look(); f.most > 1 || f.begun != 8 {
				t.Errorf("%d at a time, %d in all", f.most, f.begun)
			}
		})
	}
}
