package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// binDir holds the command that TestMain built.
var binDir string

func TestMain(m *testing.M) {
	if addr := os.Getenv("E2E_PROBE"); addr != "" {
		probe(addr)
		return
	}
	if text := os.Getenv(askerJob); text != "" {
		workAsAsker(text)
		return
	}
	heed()
	os.Exit(run(m))
}

// heed has the commands under test get the signals that nohup, or a shell that runs
// this in the background, has had ignored: a shell cannot trap those.
func heed() {
	for _, sig := range []os.Signal{syscall.SIGHUP, os.Interrupt, syscall.SIGQUIT} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "penstock-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binDir = dir
	return m.Run()
}

// build puts the command into dir, with the race detector if the tests have
// it.
func build(dir string) error {
	args := []string{"build", "-o", filepath.Join(dir, "penstock")}
	if raceEnabled {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/penstock")...)
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
}

// A result is what a run of the command left behind.
type result struct {
	stdout, stderr bytes.Buffer
	code           int
	took           time.Duration
	state          *os.ProcessState
}

// command is the command with args, in dir, with nothing of this process's
// environment that could change what it does.
func command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(binDir, "penstock"), args...)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=/no-home", "PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir, "GORACE=halt_on_error=1"}
	cmd.Env = append(cmd.Env, transportOfTheDay()...)
	return cmd
}

// transportOfTheDay lets PENSTOCK_TRANSPORT=fast through, with which all that
// is tested here holds as well.
func transportOfTheDay() []string {
	if name := os.Getenv("PENSTOCK_TRANSPORT"); name != "" {
		return []string{"PENSTOCK_TRANSPORT=" + name}
	}
	return nil
}

// penstock runs the command to its end.
func penstock(t *testing.T, dir string, args ...string) *result {
	t.Helper()
	r := &result{}
	cmd := command(t.Context(), dir, args...)
	cmd.Stdout, cmd.Stderr = &r.stdout, &r.stderr
	start := time.Now()
	r.end(t, cmd, cmd.Run())
	r.took = time.Since(start)
	t.Logf("penstock %q: exit %d after %v", args, r.code, r.took.Round(time.Millisecond))
	return r
}

// end notes how cmd ended, given what its Run or Wait said.
func (r *result) end(t *testing.T, cmd *exec.Cmd, err error) {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", cmd, err)
	}
	r.state = cmd.ProcessState
	r.code = cmd.ProcessState.ExitCode()
}

// long skips a test that takes minutes, unless it was asked for.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("PENSTOCK_LONG") == "" {
		t.Skip("set PENSTOCK_LONG=1 for the long runs")
	}
}
