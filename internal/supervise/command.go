//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package supervise

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// passedOn are the signals that the command gets when this process does.
var passedOn = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
	syscall.SIGWINCH, syscall.SIGTSTP, syscall.SIGCONT, syscall.SIGALRM,
}

// A Command is a command to be run under permits. Its standard files are those
// of this process.
type Command struct {
	Path string   // of the program
	Args []string // with its name
	Env  []string
	// Locks are held by the guard too, so that they outlive this process for as
	// long as the command does.
	Locks []*os.File
	// Good says for how long the permits are still good, and false for ever; it
	// is asked sixteen times a Lease, which is after which they can be
	// another's. A Lease of 0 is for permits that nobody takes away.
	Good  func() (time.Duration, bool)
	Lease time.Duration
	// Lost ends the command: the permits are lost.
	Lost <-chan struct{}
	// Grace is how long a command that is to end has until it is killed. That
	// of one whose permits are lost may be shorter: they are another's soon.
	Grace time.Duration
	// Losing is called once when the command is being ended for Lost.
	Losing func()
}

// An Outcome is how a command ended.
type Outcome struct {
	Code int  // its exit code, or 128 and the number of the signal that ended it
	Lost bool // it was ended because its permits were lost
}

// A StartError says that the command could not be started: Code is 127 if there
// is none of that name, and 126 if it cannot be run.
type StartError struct {
	Code int
	Text string
}

func (e *StartError) Error() string { return e.Text }

// ErrGuard says that the guard of a command has ended before it; the command was
// killed.
var ErrGuard = errors.New("the guard was killed, and the command with it")

// Run runs the command to its end, and passes on to it the signals that this
// process gets.
func (c Command) Run() (Outcome, error) {
	f, err := c.start()
	if err != nil {
		return Outcome{}, err
	}
	defer f.close()
	return f.watch()
}

// A front is the process in front of a guard.
type front struct {
	Command

	guard   *exec.Cmd
	to      *os.File
	lines   chan string
	signals chan os.Signal
	term    *terminal
	pid     int // of the command; 0 while it is not there
	lost    bool
}

func (c Command) start() (*front, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the guard's program: %w", err)
	}
	in, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	from, out, err := os.Pipe()
	if err != nil {
		to.Close()
		return nil, err
	}
	defer out.Close()
	f := &front{Command: c, to: to, lines: make(chan string), signals: make(chan os.Signal, 16)}
	f.guard = &exec.Cmd{
		Path:  self,
		Args:  append([]string{guardName, strconv.FormatInt(int64(c.Lease/16), 10), strconv.FormatInt(int64(c.Grace), 10), c.Path}, c.Args...),
		Env:   c.Env,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		ExtraFiles:  append([]*os.File{in, out}, c.Locks...),
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true}, // what stops this process does not stop it
	}
	for _, sig := range passedOn {
		if !signal.Ignored(sig) {
			signal.Notify(f.signals, sig)
		}
	}
	if err := f.guard.Start(); err != nil {
		to.Close()
		from.Close()
		signal.Stop(f.signals)
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	f.term = openTerminal()
	signal.Ignore(syscall.SIGTTOU) // for terminal.lend; the guard is not to inherit it
	go f.listen(from)
	return f, nil
}

// listen reads what the guard says, to its end.
func (f *front) listen(from *os.File) {
	defer from.Close()
	defer close(f.lines)
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		f.lines <- lines.Text()
	}
}

func (f *front) close() {
	signal.Stop(f.signals)
	f.to.Close()
	for range f.lines { // to the guard's end
	}
	_ = f.guard.Wait() // how it ended does not matter any more
	f.term.close()
}

func (f *front) tell(format string, args ...any) {
	fmt.Fprintf(f.to, format+"\n", args...)
}

func (f *front) watch() (Outcome, error) {
	lost := f.Lost
	var kill <-chan time.Time
	for {
		select {
		case <-lost:
			lost = nil
			f.losing()
			f.tell("end")
			kill = time.After(f.patience())
		case <-kill:
			if f.pid != 0 {
				_ = syscall.Kill(-f.pid, syscall.SIGKILL) // the guard has not: somebody has stopped it
			}
		case sig := <-f.signals:
			f.pass(sig)
		case line, ok := <-f.lines:
			if !ok {
				if f.pid != 0 {
					_ = syscall.Kill(-f.pid, syscall.SIGKILL) // where the system has not done it
				}
				return Outcome{}, ErrGuard
			}
			if o, done, err := f.hear(line); done {
				return o, err
			}
		}
	}
}

// patience is a little longer than the guard's with a command that is being ended.
func (f *front) patience() time.Duration {
	most := f.Grace
	if f.Good != nil {
		if left, limited := f.Good(); limited {
			most = min(most, max(left, 0)+margin*f.Lease/16)
		}
	}
	return most + f.Lease/64
}

func (f *front) losing() {
	if !f.lost && f.Losing != nil {
		f.Losing()
	}
	f.lost = true
}

// pass passes a signal on. That the terminal stops this process's group it does
// after the command.
func (f *front) pass(sig os.Signal) {
	n, ok := sig.(syscall.Signal)
	if !ok {
		return
	}
	switch {
	case n == syscall.SIGTSTP:
		f.tell("signal %d", int(syscall.SIGTSTP))
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	default:
		f.tell("signal %d", int(n))
	}
}

// hear does what the guard says. done is that the command has ended.
func (f *front) hear(line string) (o Outcome, done bool, err error) {
	word, rest, _ := strings.Cut(line, " ")
	n, text := number(rest)
	switch word {
	case "started":
		f.pid = n
	case "failed":
		return o, true, &StartError{n, text}
	case "ask":
		left, forever := time.Duration(-1), true
		if f.Good != nil {
			var limited bool
			left, limited = f.Good()
			forever = !limited
		}
		if forever {
			left = -1
		} else {
			left = max(left, 0)
		}
		f.tell("good %d %d", n, int64(left))
	case "lost":
		f.losing()
	case "stopped":
		f.stopped(syscall.Signal(n))
	case "ended":
		status := syscall.WaitStatus(n)
		o = Outcome{Code: status.ExitStatus(), Lost: f.lost}
		if status.Signaled() {
			o.Code = 128 + int(status.Signal())
		}
		return o, true, nil
	}
	return o, false, nil
}

func number(s string) (n int, rest string) {
	text, rest, _ := strings.Cut(s, " ")
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, s
	}
	return n, rest
}

// stopped sees to a command that has stopped: it gets the terminal if it wants
// it, and else this process stops with it, as the shell that waits expects.
func (f *front) stopped(sig syscall.Signal) {
	switch {
	case sig == syscall.SIGTTIN || sig == syscall.SIGTTOU:
		if f.term.lend(f.pid) {
			f.tell("signal %d", int(syscall.SIGCONT))
		}
	case f.term.lent:
		f.term.takeBack()
		_ = syscall.Kill(0, syscall.SIGSTOP) // all of the job
		// Here it goes on, by SIGCONT, which goes to the command too: with the
		// terminal, if the shell has given it to us.
		f.term.lend(f.pid)
		f.tell("signal %d", int(syscall.SIGCONT))
	}
}
