package penstock

import (
	"context"
	"fmt"
)

// contextError returns the error of a wait that the end of ctx has ended.
func contextError(ctx context.Context) error { return endError(ctx, "acquire") }

// endError returns the error of what the end of ctx kept from happening. It wraps
// context.Cause(ctx), and ctx.Err() too: who asks for context.Canceled finds it,
// whatever the cause.
func endError(ctx context.Context, what string) error {
	if cause := context.Cause(ctx); cause != nil {
		return &endedError{what: what, cause: cause, err: ctx.Err()}
	}
	// A context of somebody's making whose Done and Err do not agree.
	return &endedError{what: what, cause: context.Canceled, err: context.Canceled}
}

// A endedError is made for each of perhaps many thousand waiters that are
// cancelled together, so it formats nothing before it is asked.
type endedError struct {
	what       string
	cause, err error
}

func (e *endedError) Error() string { return "penstock: " + e.what + ": " + e.cause.Error() }

func (e *endedError) Unwrap() []error { return []error{e.cause, e.err} }

// negativeWeight returns the error of a demand below zero.
func negativeWeight(what string, n int) error {
	return fmt.Errorf("penstock: %s %d: %w", what, n, ErrNegativeWeight)
}
