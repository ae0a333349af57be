package penstock

import (
	"context"
	"errors"
)

// leave is deferred by every goroutine that runs a task or another function of
// the caller's, and told whether that function returned. If it did not, it has
// panicked or called runtime.Goexit.
//
// A panic goes on and ends the program. It is tempting to carry it over to the
// goroutine that called Gather, where a deferred function might recover it,
// and x/sync's errgroup did so for a while. But the other tasks would have to
// end first, so that one which waits for something the panicked one held hides
// the panic forever; the stack would become a value that crash reports do not
// know; and what a panic has left half done would go on being used. A task that
// may panic and be forgiven recovers by itself, where it knows what it did.
//
// Panicking again from within the panicking stack keeps the task's frames in
// the trace. Nothing is told of the end before, or the program might exit, and
// successfully, ahead of its own crash.
//
// After Goexit exited is called. It may start another goroutine in place of
// this one. finally is called last in either case.
func leave(returned *bool, exited, finally func()) {
	if !*returned {
		if v := recover(); v != nil {
			panic(v)
		}
		exited()
	}
	finally()
}

// needFunc panics in the caller's face for a nil function.
func needFunc(isNil bool) {
	if isNil {
		panic("penstock: nil function")
	}
}

// notStarted is the error of a task whose context ended before it began.
func notStarted(ctx context.Context) error { return endError(ctx, "task not started") }

// onlyEnded says whether err only tells that ctx has ended.
func onlyEnded(ctx context.Context, err error) bool {
	ended := ctx.Err()
	return ended != nil && (errors.Is(err, ended) || errors.Is(err, context.Cause(ctx)))
}
