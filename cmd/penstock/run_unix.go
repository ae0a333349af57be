//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/supervise"
	"github.com/penstock-go/penstock/redislimit"
	"github.com/spf13/cobra"
)

// longWait is when somebody who waits is told for what.
const longWait = 3 * time.Second

// A waitError is the signal that ended a wait.
type waitError struct{ sig syscall.Signal }

func (e waitError) Error() string { return e.sig.String() }

// runUnder runs the program under the permits that f names.
func runUnder(cmd *cobra.Command, f *runFlags, path string, args []string) error {
	say := func(line string) {
		if !f.quiet {
			fmt.Fprintln(cmd.ErrOrStderr(), "penstock:", oneLine(line))
		}
	}
	limits, end, err := f.open(cmd.Context(), say, filepath.Base(args[0]))
	if err != nil {
		return notRun(err)
	}
	defer end()
	ctx, cancel := context.WithCancelCause(cmd.Context()) // permits live as long
	defer cancel(nil)
	permits, err := f.acquire(ctx, cancel, limits, say)
	if err != nil {
		return notRun(f.whyNot(err, limits))
	}
	defer func() {
		for _, p := range permits {
			p.Release(penstock.Success)
		}
	}()
	c := supervise.Command{Path: path, Args: args, Env: os.Environ(), Grace: f.grace}
	lost := make(chan struct{}, len(limits))
	c.Lost = lost
	for i, p := range permits {
		l := limits[i]
		c.Env = append(c.Env, l.fences(p, i == 0)...)
		if limit := l.now(p); limit != l.asked.n {
			say(fmt.Sprintf("the limit of %s is %d, not %d: that of the first who came, or what was set, holds", l.asked.name, limit, l.asked.n))
		}
		l.watch(&c, p, lost)
	}
	c.Losing = func() {
		fmt.Fprintln(cmd.ErrOrStderr(), "penstock:", oneLine(whyLost(limits, permits)+": ending the command"))
	}
	return concludeRun(c.Run())
}

// notRun gives an error that has no code of its own that of a command that was
// not run.
func notRun(err error) error {
	if _, ok := errors.AsType[*exitError](err); ok {
		return err
	}
	return &exitError{exitNotRun, err}
}

// concludeRun is the end of the command as the end of this one.
func concludeRun(o supervise.Outcome, err error) error {
	if bad, ok := errors.AsType[*supervise.StartError](err); ok {
		return &exitError{bad.Code, &hintedError{fmt.Errorf("the command cannot be run: %w", err), "a script needs a first line such as #!/bin/sh"}}
	}
	switch {
	case err != nil:
		return notRun(err)
	case o.Lost:
		return &exitError{exitLost, nil}
	case o.Code != 0:
		return &exitError{o.Code, nil}
	}
	return nil
}

// whyLost says which permit was lost and why.
func whyLost(limits []*runLimit, permits []penstock.Permit) string {
	var names []string
	for i, p := range permits {
		q, ok := p.(*redislimit.Permit)
		if ok && q.Context().Err() != nil {
			why := strings.TrimPrefix(context.Cause(q.Context()).Error(), redislimit.ErrLost.Error())
			return "the permit of " + limits[i].asked.name + " is lost" + strings.Replace(why, ": ", ", ", 1)
		}
		names = append(names, limits[i].asked.name)
	}
	return "the permit of " + strings.Join(names, ", ") + " is lost, not renewed in time" // the guard was first to see it
}

// acquire waits for permits of all limits, which it returns in their order. A
// signal or the timeout ends ctx, and nothing does any more when it has returned
// permits.
func (f *runFlags) acquire(ctx context.Context, cancel context.CancelCauseFunc, limits []*runLimit, say func(string)) ([]penstock.Permit, error) {
	signals := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
	defer signal.Stop(signals)
	had, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		f.wait(ctx, cancel, limits, say, signals, had)
	}()
	p, err := f.take(ctx, limits)
	close(had)
	<-done
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		p.Release(penstock.Unused)
		return nil, context.Cause(ctx)
	}
	if several, ok := p.(interface{ Unwrap() []penstock.Permit }); ok {
		return several.Unwrap(), nil
	}
	return []penstock.Permit{p}, nil
}

// wait sees to a wait until it is over.
func (f *runFlags) wait(ctx context.Context, cancel context.CancelCauseFunc, limits []*runLimit, say func(string), signals <-chan os.Signal, had <-chan struct{}) {
	long := time.NewTimer(longWait)
	defer long.Stop()
	var late <-chan time.Time
	if !f.waits && f.timeout > 0 {
		late = time.After(f.timeout)
	}
	for {
		select {
		case sig := <-signals:
			if n, ok := sig.(syscall.Signal); ok {
				cancel(waitError{n})
			}
		case <-late:
			cancel(context.DeadlineExceeded)
		case <-long.C:
			if !f.quiet {
				say("waiting for " + describeWait(ctx, limits))
			}
		case <-had:
			return
		}
	}
}

// take acquires, or does so only if it can be had now.
func (f *runFlags) take(ctx context.Context, limits []*runLimit) (penstock.Permit, error) {
	all := make([]penstock.Limiter, len(limits))
	for i, l := range limits {
		all[i] = l
	}
	limit := penstock.All(all...)
	if f.waits || f.timeout > 0 {
		return limit.AcquirePermit(ctx, 1)
	}
	if p, ok := limit.TryAcquirePermit(1); ok {
		return p, nil
	}
	for _, l := range limits {
		if l.broken != nil {
			return nil, &limitError{l.asked.name, l.broken}
		}
	}
	return nil, context.DeadlineExceeded
}

// whyNot is why there is no permit, for the user.
func (f *runFlags) whyNot(err error, limits []*runLimit) error {
	name := limits[0].asked.name
	if bad, ok := errors.AsType[*limitError](err); ok {
		name, err = bad.name, bad.err
	}
	if sig, ok := errors.AsType[waitError](err); ok {
		return &exitError{exitSignal + int(sig.sig), nil}
	}
	switch {
	case errors.Is(err, redislimit.ErrAway):
		return &hintedError{fmt.Errorf("no permit of %s: %w", name, err), "run it again when the store is back, or with --on-store-error local"}
	case errors.Is(err, context.DeadlineExceeded):
		ctx, stop := context.WithTimeout(context.Background(), longWait)
		defer stop()
		return &exitError{exitNoPermit, &hintedError{
			fmt.Errorf("no permit within %v: %s", f.timeout, describeWait(ctx, limits)),
			"a longer --timeout, or none to wait for as long as it takes",
		}}
	case errors.Is(err, penstock.ErrOverLimit):
		return usagef("a smaller --weight, or a larger limit", "--weight %d is more than the limit of %s", f.weight(name), name)
	case errors.Is(err, redislimit.ErrKind):
		return usagef("--limit with another name", "%s is the name of a rate in this store", name)
	case limits[0].local != nil:
		return &hintedError{fmt.Errorf("the locks of %s: %w", name, pathReason(err)), lockDirHint}
	}
	return err
}

// describeWait says who has what is waited for.
func describeWait(ctx context.Context, limits []*runLimit) string {
	var parts []string
	for _, l := range limits {
		if text, full := l.describe(ctx); full || len(limits) == 1 {
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return "limits that were full a moment ago"
	}
	return strings.Join(parts, "; ")
}

// few is how many holders are named.
const few = 5

func holders(names []string) string {
	if more := len(names) - few; more > 0 {
		names = append(names[:few:few], strconv.Itoa(more)+" more")
	}
	return strings.Join(names, ", ")
}
