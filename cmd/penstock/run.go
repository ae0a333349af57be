package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/penstock-go/penstock/internal/display"
	"github.com/spf13/cobra"
)

// Exit codes; see docs/reference.md.
const (
	exitOK        = 0   // every item accepted
	exitFailed    = 1   // the run itself failed
	exitUsage     = 2   // the command line, or a file it names, is wrong
	exitItems     = 3   // finished, some items failed for good
	exitStopped   = 4   // stopped by a limit of the run, such as a store that is away; resumable
	exitInterrupt = 130 // stopped by SIGINT
	exitTerminate = 143 // stopped by SIGTERM
)

// A usageError is something that the user typed and can type otherwise.
type usageError struct {
	msg  string
	hint string
}

func (e *usageError) Error() string { return e.msg }

// usagef makes a usageError; hint is what to type instead.
func usagef(hint, format string, args ...any) error {
	return &usageError{msg: fmt.Sprintf(format, args...), hint: hint}
}

// A hintedError is not the user's fault, but there is something to do.
type hintedError struct {
	error

	hint string
}

func (e *hintedError) Unwrap() error { return e.error }

// An exitError ends the command with a code of its own. A nil err says that
// all has been said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// run is the command: main with its world as arguments.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return conclude(root.ExecuteContext(ctx), stderr)
}

// conclude says what went wrong, in one line and a hint, and returns the exit
// code.
func conclude(err error, stderr io.Writer) int {
	code, message, hint := verdictOf(err)
	if message != "" {
		fmt.Fprintln(stderr, "penstock:", message)
	}
	if hint != "" {
		fmt.Fprintln(stderr, "hint:", hint)
	}
	return code
}

// verdictOf is what there is to say of err, and the exit code.
func verdictOf(err error) (code int, message, hint string) {
	if err == nil {
		return exitOK, "", ""
	}
	code = exitFailed
	if exit, ok := errors.AsType[*exitError](err); ok {
		if exit.err == nil {
			return exit.code, "", ""
		}
		code = exit.code
	}
	if usage, ok := errors.AsType[*usageError](err); ok {
		code, hint = exitUsage, usage.hint
	}
	if hinted, ok := errors.AsType[*hintedError](err); ok {
		hint = hinted.hint
	}
	return code, oneLine(err.Error()), hint
}

// oneLine is s as it may be printed: servers and files have named parts of it.
func oneLine(s string) string { return display.Printable(strings.Join(strings.Fields(s), " ")) }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "penstock",
		Short: "Fetch long lists of URLs, as fast as the resources allow and never faster",
		Long: `Penstock does many requests at once, as fast as the resources allow and never
faster: it exhausts no connections, no file descriptors and no memory, and it
trips no server's rate limit.`,
		Example: `  penstock demo                              # see it work: 10,000 URLs, ten at a time
  penstock fetch urls.txt -o out.jsonl       # a URL a line in, a record a line out
  penstock fetch -c 50 --per-host 5 --rate 100/s urls.txt -o out.jsonl`,
		SuggestionsMinimumDistance: 2,
		SilenceErrors:              true,
		SilenceUsage:               true,
		Args:                       noCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.Version = readBuild().String()
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.SetHelpTemplate(helpTemplate)
	root.SetHelpCommand(newHelp())
	root.AddCommand(newFetch(), newLimits(), newWork(), newMerge(), newFleet(), newReport(), newExport(), newExplain(), newDemo(), newOrigin(), newRun(), newMan(), newVersion())
	addCompletion(root)
	completeFlags(root)
	return root
}
