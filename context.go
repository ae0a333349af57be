package penstock

import (
	"context"
	"fmt"
)

// contextError returns the error of a wait that the end of ctx has ended. It
// wraps context.Cause(ctx), and ctx.Err() too: who asks for context.Canceled
// finds it, whatever the cause.
func contextError(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != nil {
		return &waitError{cause: cause, err: ctx.Err()}
	}
	// A context of somebody's making whose Done and Err do not agree.
	return &waitError{cause: context.Canceled, err: context.Canceled}
}

// A waitError is made for each of perhaps many thousand waiters that are
// cancelled together, so it formats nothing before it is asked.
type waitError struct {
	cause, err error
}

func (e *waitError) Error() string { return "penstock: acquire: " + e.cause.Error() }

func (e *waitError) Unwrap() []error { return []error{e.cause, e.err} }

// negativeWeight returns the error of a demand below zero.
func negativeWeight(what string, n int) error {
	return fmt.Errorf("penstock: %s %d: %w", what, n, ErrNegativeWeight)
}
