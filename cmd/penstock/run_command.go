package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-go/penstock/internal/sharedname"
	"github.com/spf13/cobra"
)

// Exit codes of penstock run beside those of its command; see docs/run.md.
const (
	exitLost     = 123 // the permits were lost, and the command was ended
	exitNoPermit = 124 // not had within --timeout
	exitNotRun   = 125 // penstock itself failed
	exitCannot   = 126 // the command cannot be run
	exitNoSuch   = 127 // there is no such command
	exitSignal   = 128 // and the signal's number
)

// runFlags are the flags of penstock run.
type runFlags struct {
	limits  []namedLimit
	weights []namedLimit // with the name "" for all
	store   storeFlags
	lockDir string
	timeout time.Duration
	waits   bool // no --timeout was given
	grace   time.Duration
	quiet   bool
}

// A namedLimit is NAME=N.
type namedLimit struct {
	name string
	n    int
}

func newRun() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run --limit NAME=N [flags] [--] COMMAND [ARG...]",
		Short: "Run a command under a limit that many processes share",
		Long: `Run waits, first come first served, until fewer than N commands run under the
name NAME, runs COMMAND, and ends as it ends. All who say the same NAME share the
limit: those of this machine, by a folder of locks; with --store, all machines.

The command has standard input, output and error as they are. Signals are passed
on to it. When the permit is lost, because the store could not be reached for a
lease, or when penstock itself is killed, the command is ended: SIGTERM to its
process group, then SIGKILL. PENSTOCK_FENCE tells it the fencing token.

Exit status: that of the command, 128+N if the signal N ended it; 123 the permit
was lost, 124 none was had within --timeout, 125 penstock itself failed, 126 the
command cannot be run, 127 there is none, 2 the command line is wrong.`,
		Example: `  penstock run --limit backup=1 -- tar czf home.tgz Documents
  penstock run --limit db=4 --weight 2 --timeout 10m -- ./report.sh
  penstock run --limit api=20 --store redis://limits:6379 -- ./import.py part-7`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("penstock run --limit NAME=1 -- COMMAND", "run needs a command")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flagsFromEnv(cmd); err != nil {
				return err
			}
			f.waits = !cmd.Flags().Changed("timeout")
			if err := f.check(); err != nil {
				return err
			}
			path, err := findProgram(args[0])
			if err != nil {
				return err
			}
			return runUnder(cmd, &f, path, args)
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.SetInterspersed(false) // what follows the command is the command's
	fl.Var(namedValue{&f.limits, false}, "limit", "run under the limit NAME, which is N; may be given several times, and all are taken together")
	fl.Var(namedValue{&f.weights, true}, "weight", "take N of each limit, or of the limit NAME (default 1)")
	fl.DurationVar(&f.timeout, "timeout", 0, "wait for at most `TIME`; 0 is not at all (default: for ever)")
	fl.DurationVar(&f.grace, "grace", 10*time.Second, "`TIME` between SIGTERM and SIGKILL for a command that is being ended")
	f.store.register(fl)
	fl.StringVar(&f.lockDir, "lock-dir", "", "without --store: the folder `DIR` of the locks (default: ~/.local/state/penstock/locks)")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "say nothing of waiting")
	return cmd
}

// check looks at what the flags say together.
func (f *runFlags) check() error {
	if len(f.limits) == 0 {
		return usagef("penstock run --limit NAME=1 -- COMMAND", "run needs a limit")
	}
	if f.store.url != "" && f.lockDir != "" {
		return usagef("leave one of them out", "--lock-dir is for one machine, --store for many")
	}
	if f.timeout < 0 || f.grace < 0 {
		return usagef("--timeout 10m, --grace 10s", "a time below 0")
	}
	seen := map[string]bool{}
	for _, l := range f.limits {
		if seen[l.name] {
			return usagef("give each --limit a name of its own", "--limit %s stands there twice", l.name)
		}
		seen[l.name] = true
	}
	for _, w := range f.weights {
		if w.name != "" && !seen[w.name] {
			return usagef("--limit "+w.name+"=N, or leave --weight "+w.name+" out", "--weight %s=%d: there is no --limit %s", w.name, w.n, w.name)
		}
	}
	// In an order that is the same for all, so that messages are too.
	slices.SortStableFunc(f.limits, func(a, b namedLimit) int { return strings.Compare(a.name, b.name) })
	for _, l := range f.limits {
		if w := f.weight(l.name); w > l.n && f.store.url == "" {
			return usagef(fmt.Sprintf("--weight %s=%d, or less", l.name, l.n), "--weight %d is more than the limit %s=%d", w, l.name, l.n)
		}
	}
	return nil
}

// weight is how much is taken of the limit name: what was said last.
func (f *runFlags) weight(name string) int {
	n, own := 1, false
	for _, w := range f.weights {
		if w.name == name || w.name == "" && !own {
			n, own = w.n, w.name == name
		}
	}
	return n
}

// findProgram is the path of a program.
func findProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err == nil {
		return path, nil
	}
	var code int
	code, hint := exitNoSuch, "name a program on PATH, or one with its folder: ./"+filepath.Base(name)
	if strings.Contains(err.Error(), "permission denied") {
		code, hint = exitCannot, "chmod +x "+quoted(name)
	}
	why := err
	if e, ok := err.(*exec.Error); ok { //nolint:errorlint // it is what LookPath returns
		why = e.Err
	}
	return "", &exitError{code, &hintedError{fmt.Errorf("%s: %w", name, why), hint}}
}

// namedValue is a flag for NAME=N, or for N alone where a name may be missing.
type namedValue struct {
	list *[]namedLimit
	bare bool
}

func (v namedValue) String() string { return "" }

func (v namedValue) Type() string {
	if v.bare {
		return "[NAME=]N"
	}
	return "NAME=N"
}

func (v namedValue) Set(s string) error {
	name, number, ok := strings.Cut(s, "=")
	if !ok {
		name, number = "", s
		if !v.bare {
			return fmt.Errorf("%q has no number; write %s=1 for one at a time", s, s)
		}
	}
	n, err := strconv.Atoi(number)
	switch {
	case err != nil:
		return fmt.Errorf("%q is not a whole number", number)
	case n < 1 || n > 1_000_000:
		return fmt.Errorf("%d is not between 1 and 1000000", n)
	case ok && sharedname.Check(name) != nil:
		return fmt.Errorf("%q is no name of a limit; use letters, digits and . _ - : / @ +", name)
	}
	*v.list = append(*v.list, namedLimit{name, n})
	return nil
}
