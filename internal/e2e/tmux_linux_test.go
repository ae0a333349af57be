package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// seenWithin is how long something may take to be seen. It is no promise: a
// machine that is busy with other tests may stand still for seconds.
const seenWithin = 90 * time.Second

// A terminal is a window of a tmux server of its own, in which the command
// runs as it would before a person's eyes.
type terminal struct {
	t       *testing.T
	dir     string // where it runs
	env     []string
	socket  string
	columns int
	rows    int
}

// newTerminal starts a tmux server, which ends with the test, whatever becomes
// of it, and opens a window of that size in which a shell runs script.
func newTerminal(t *testing.T, columns, rows int, env []string, script string) *terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		if strings.Contains(os.Getenv("PENSTOCK_REQUIRE"), "tmux") {
			t.Fatal("no tmux, but PENSTOCK_REQUIRE asks for it")
		}
		t.Skip("no tmux; on Debian: sudo apt-get install tmux")
	}
	m := &terminal{t: t, dir: t.TempDir(), socket: filepath.Join(t.TempDir(), "tmux"), columns: columns, rows: rows}
	server := exec.Command("tmux", "-D", "-u", "-S", m.socket, "-f", "/dev/null")
	m.env = append([]string{"HOME=/no-home", "SHELL=/bin/sh", "TMPDIR=" + m.dir, "PATH=" + binDir + ":" + os.Getenv("PATH"), "GORACE=halt_on_error=1"}, env...)
	m.env = append(m.env, transportOfTheDay()...)
	server.Env = m.env
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the screen at last:\n%s", strings.Join(m.history(), "\n"))
		}
		_ = m.tmux("kill-server").Run() // which ends what runs in the window
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	m.wait("the tmux server", func() bool { return m.tmux("set-option", "-g", "default-terminal", "tmux-256color").Run() == nil })
	if err := os.WriteFile(filepath.Join(m.dir, "script"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	m.must("new-session", "-d", "-x", strconv.Itoa(columns), "-y", strconv.Itoa(rows), "-c", m.dir, "/bin/sh ./script")
	return m
}

func (m *terminal) tmux(args ...string) *exec.Cmd {
	// The test's context ends before what its cleanup does.
	cmd := exec.CommandContext(context.Background(), "tmux", append([]string{"-u", "-S", m.socket}, args...)...)
	cmd.Env = m.env
	return cmd
}

func (m *terminal) must(args ...string) string {
	m.t.Helper()
	out, err := m.tmux(args...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// wait waits until done.
func (m *terminal) wait(what string, done func() bool) {
	m.t.Helper()
	for begin := time.Now(); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Since(begin) > seenWithin {
			m.t.Fatalf("%s: not within %v", what, seenWithin)
		}
	}
}

// screen is what can be seen now, a string a row; flags are capture-pane's.
func (m *terminal) screen(flags ...string) []string {
	m.t.Helper()
	text := m.must(append([]string{"capture-pane", "-p"}, flags...)...)
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}

// history is all that was ever seen, and has not been erased.
func (m *terminal) history() []string {
	out, err := m.tmux("capture-pane", "-p", "-S", "-").CombinedOutput()
	if err != nil {
		return []string{err.Error()}
	}
	return strings.Split(strings.TrimRight(string(out), "\n"), "\n")
}

// joined is the history with the rows that the terminal has broken in one.
func (m *terminal) joined() []string {
	rows := strings.Split(m.must("capture-pane", "-p", "-J", "-S", "-"), "\n")
	for i, row := range rows {
		rows[i] = strings.TrimRight(row, " ")
	}
	return rows
}

// see waits until what is seen at one time, or one time after the other,
// matches all patterns, and returns the last screen that was looked at. Each
// screen is held against check, which must hold always.
func (m *terminal) see(check func(rows []string), patterns ...string) []string {
	m.t.Helper()
	var left []*regexp.Regexp
	for _, p := range patterns {
		left = append(left, regexp.MustCompile("(?m)"+p))
	}
	var rows []string
	for begin := time.Now(); len(left) > 0; time.Sleep(50 * time.Millisecond) {
		rows = m.screen()
		check(rows)
		text := strings.Join(rows, "\n")
		missing := left[:0]
		for _, re := range left {
			if !re.MatchString(text) {
				missing = append(missing, re)
			}
		}
		if left = missing; len(left) > 0 && time.Since(begin) > seenWithin {
			m.t.Fatalf("never seen: %v; the screen:\n%s", left, text)
		}
	}
	return rows
}

// keys types them.
func (m *terminal) keys(names ...string) { m.must(append([]string{"send-keys"}, names...)...) }

// signal sends a signal to the process whose number the script has written
// into the file pid.
func (m *terminal) signal(sig syscall.Signal) {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, "pid"))
	pid, bad := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || bad != nil {
		m.t.Fatalf("pid: %v, %v", err, bad)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		m.t.Fatal(err)
	}
}

// typed is a script that runs the command in that way, tells its exit code,
// and keeps the window.
//
// It begins when the test says so.
func typed(command string) string {
	return fmt.Sprintf("trap : INT\nwhile [ ! -e begin ]; do sleep 0.1; done\nsh -c 'echo $$ >pid; exec %s'\necho \"exit $?\"\nexec sleep 3600\n", command)
}

// begin lets the script go on, and keeps all that is written to the window.
func (m *terminal) begin() {
	m.t.Helper()
	m.must("pipe-pane", "-o", "exec cat >'"+filepath.Join(m.dir, "raw")+"'")
	m.wait("the pipe", func() bool { _, err := os.Stat(filepath.Join(m.dir, "raw")); return err == nil })
	if err := os.WriteFile(filepath.Join(m.dir, "begin"), nil, 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// raw is every byte that was written to the window, up to the exit code.
func (m *terminal) raw() (text []byte) {
	m.t.Helper()
	m.wait("all that was written", func() bool {
		var err error
		if text, err = os.ReadFile(filepath.Join(m.dir, "raw")); err != nil {
			m.t.Fatal(err)
		}
		return bytes.Contains(text, []byte("\nexit "))
	})
	return text
}
