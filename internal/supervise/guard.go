//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package supervise

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// guardName is the name under which the program is a guard.
const guardName = "penstock: guard"

// IsGuard reports whether this process is a guard: main then calls Guard, and
// nothing else.
func IsGuard() bool { return len(os.Args) > 3 && os.Args[0] == guardName }

// The files of a guard.
const (
	fromFront = 3
	toFront   = 4
)

// Guard is the life of a guard. Its arguments are how often to ask how long the
// permits are good (0 is never, they are good for ever), the grace, and the path,
// the name and the arguments of the command.
func Guard() {
	for fd := fromFront; fd < 1024; fd++ { // none is for the command
		_ = closeOnExec(fd) // where it is not open there is nothing to keep
	}
	// A signal with a handler is what the command has as usual; one that is
	// ignored, such as nohup's, it ignores too.
	ignore := make(chan os.Signal, 1)
	for _, sig := range passedOn {
		if !signal.Ignored(sig) {
			signal.Notify(ignore, sig)
		}
	}
	g := &guard{
		beat:  duration(os.Args[1]),
		grace: duration(os.Args[2]),
		front: os.NewFile(toFront, "front"),
		asked: make(map[uint64]time.Time),
		lines: make(chan string),
		ended: make(chan syscall.WaitStatus, 1),
	}
	go g.listen(os.NewFile(fromFront, "front"))
	if !g.permitted() {
		return
	}
	runtime.LockOSThread() // the command is killed with the thread that started it
	if !g.start(os.Args[3], os.Args[4:]) {
		return
	}
	g.watch(ignore)
}

type guard struct {
	beat, grace time.Duration
	front       *os.File
	pid         int // of the command, and its group
	lines       chan string
	ended       chan syscall.WaitStatus
	asked       map[uint64]time.Time
	question    uint64
	deadline    time.Time // when the permits are lost; zero for never
	kill        <-chan time.Time
	ending      bool
	early       []string // what the one in front has said before there was a command
}

func duration(s string) time.Duration {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(n)
}

// tell writes a line to the one in front, who may be gone.
func (g *guard) tell(format string, args ...any) {
	fmt.Fprintf(g.front, format+"\n", args...)
}

// listen reads what the one in front says, until it is gone.
func (g *guard) listen(from *os.File) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		g.lines <- lines.Text()
	}
	close(g.lines)
}

// permitted asks how long the permits are good, before there is a command.
func (g *guard) permitted() bool {
	if g.beat == 0 {
		return true
	}
	g.ask(time.Now())
	for line := range g.lines {
		switch {
		case !strings.HasPrefix(line, "good "):
			g.early = append(g.early, line) // a signal is the command's, which is not there yet
		case g.hear(line):
			return true
		}
	}
	return false // the one in front is gone
}

// start starts the command.
func (g *guard) start(path string, args []string) bool {
	cmd := &exec.Cmd{
		Path: path, Args: args,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		SysProcAttr: ofCommand(),
	}
	if err := cmd.Start(); err != nil {
		code := 126
		if errors.Is(err, fs.ErrNotExist) {
			code = 127
		}
		g.tell("failed %d %s", code, reason(err))
		return false
	}
	g.pid = cmd.Process.Pid
	g.tell("started %d", g.pid)
	go g.wait()
	for _, line := range g.early {
		g.hear(line)
	}
	return true
}

func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	return strings.ReplaceAll(err.Error(), "\n", " ")
}

// wait waits for the command's end, and tells of its stops.
func (g *guard) wait() {
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(g.pid, &status, syscall.WUNTRACED, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err == nil && status.Stopped():
			g.tell("stopped %d", int(status.StopSignal()))
		default:
			g.ended <- status
			return
		}
	}
}

// watch is the guard's watch over the command.
func (g *guard) watch(ignore <-chan os.Signal) {
	var ask, lost <-chan time.Time
	if g.beat > 0 {
		tick := time.NewTicker(g.beat)
		defer tick.Stop()
		ask = tick.C
		if !g.deadline.IsZero() {
			lost = time.After(time.Until(g.deadline))
		}
	}
	for {
		select {
		case status := <-g.ended:
			if g.ending {
				g.finish()
			}
			g.tell("ended %d", uint32(status))
			return
		case line, ok := <-g.lines:
			if !ok {
				g.lines = nil
				g.end()
				continue
			}
			if g.hear(line) {
				lost = nil
				if !g.deadline.IsZero() {
					lost = time.After(time.Until(g.deadline))
				}
			}
		case now := <-ask:
			g.ask(now)
		case <-lost:
			g.tell("lost")
			g.end()
		case <-g.kill:
			g.kill = nil
			g.signal(syscall.SIGKILL)
		case <-ignore:
		}
	}
}

// ask asks how long the permits are still good.
func (g *guard) ask(now time.Time) {
	g.question++
	g.asked[g.question] = now
	for q := range g.asked {
		if q+64 < g.question {
			delete(g.asked, q) // it was not answered in time to matter
		}
	}
	g.tell("ask %d", g.question)
}

// hear does what the one in front says. It reports whether there is a new
// deadline.
func (g *guard) hear(line string) bool {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "good": // QUESTION NANOSECONDS, below 0 for ever
		var q uint64
		var left int64
		if _, err := fmt.Sscan(rest, &q, &left); err != nil {
			return false
		}
		// Counted from the question, which was before the answer was known:
		// however long the answer was under way, it is never too late.
		at, ok := g.asked[q]
		delete(g.asked, q)
		if !ok || g.ending {
			return false
		}
		g.deadline = time.Time{}
		if left >= 0 {
			g.deadline = at.Add(time.Duration(left))
		}
		return true
	case "signal":
		if n, err := strconv.Atoi(rest); err == nil {
			g.signal(syscall.Signal(n))
		}
	case "end":
		g.end()
	}
	return false
}

func (g *guard) signal(sig syscall.Signal) { _ = syscall.Kill(-g.pid, sig) }

// margin is how long after the deadline nobody else has the permits yet, in
// beats: a lease is 16 beats, and what is left of it then is 1.6.
const margin = 1

// end begins to end the command.
func (g *guard) end() {
	if g.ending {
		return
	}
	g.ending = true
	g.signal(syscall.SIGTERM)
	g.signal(syscall.SIGCONT) // one that is stopped is to hear of it
	g.kill = time.After(g.patience(time.Now()))
}

// patience is how long the command may take to end.
func (g *guard) patience(now time.Time) time.Duration {
	most := g.grace
	if !g.deadline.IsZero() {
		most = min(most, g.deadline.Add(margin*g.beat).Sub(now))
	}
	return max(most, 0)
}

// finish ends what the command has left behind in its group.
func (g *guard) finish() {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	alive := func() bool { return !errors.Is(syscall.Kill(-g.pid, 0), syscall.ESRCH) }
	for alive() && g.kill != nil {
		select {
		case <-g.kill:
			g.kill = nil
		case <-look.C:
		}
	}
	for range 200 { // a second: what is dead may have to wait for its parent
		if !alive() {
			return
		}
		g.signal(syscall.SIGKILL)
		<-look.C
	}
}
