package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// A signalError is the signal that stopped a command.
type signalError struct{ sig os.Signal }

func (e signalError) Error() string { return e.sig.String() }

// exitOf is the exit code of what sig has stopped.
func exitOf(sig os.Signal) int {
	if sig == syscall.SIGTERM {
		return exitTerminate
	}
	return exitInterrupt
}

func sigName(sig os.Signal) string {
	if sig == syscall.SIGTERM {
		return "SIGTERM"
	}
	return "Ctrl-C"
}

// A stop is a context that a signal ends, with a signalError.
type stop struct {
	ctx     context.Context //nolint:containedctx // what release ends
	release func()
}

// heedStop heeds signals until release. A second one calls leave and ends the
// process at once: it may hang in a write that nobody reads.
func heedStop(ctx context.Context, leave func()) stop {
	ctx, cancel := context.WithCancelCause(ctx)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		var first os.Signal
		select {
		case first = <-ch:
			cancel(signalError{first})
		case <-quit:
			return
		}
		select {
		case <-ch:
			leave()
			os.Exit(exitOf(first)) //nolint:forbidigo // as said above
		case <-quit:
		}
	}()
	return stop{ctx, func() {
		signal.Stop(ch)
		close(quit)
		<-done
		cancel(nil)
	}}
}
