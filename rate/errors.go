package rate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrInvalid says that a text or a Rate is none that a Limiter can keep. Test for
// it with errors.Is; the detail is an [*InvalidError].
var ErrInvalid = errors.New("rate: invalid rate")

// Never is the wait for what no wait could ever give.
const Never = time.Duration(math.MaxInt64)

// An InvalidError is ErrInvalid, with what is wrong and how to put it right.
type InvalidError struct {
	Text    string // the rate as it was given
	Problem string // what is wrong with it
	Hint    string // what to write instead
}

// Error returns "TEXT: PROBLEM; HINT".
func (e *InvalidError) Error() string {
	text := e.Text
	if len(text) > 60 {
		text = text[:60] + "..."
	}
	if !printable(text) {
		text = fmt.Sprintf("%q", text)
	}
	return text + ": " + e.Problem + "; " + e.Hint
}

// Unwrap returns ErrInvalid.
func (e *InvalidError) Unwrap() error { return ErrInvalid }

func printable(s string) bool {
	for _, r := range s {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return s != ""
}

func invalid(text, problem, hint string) error {
	return &InvalidError{Text: text, Problem: problem, Hint: hint}
}

func tooFast(text string) error {
	return invalid(text, "more than one a nanosecond is no limit", "write 1000000000/s at most, or leave the rate out")
}

func tooSlow(text string) error {
	return invalid(text, "the span of time is over two years", "write 1/365d, or another that is shorter")
}

// A DeadlineError says that a wait was not begun because it could not have
// ended before the context's deadline. Nothing was taken. It is
// context.DeadlineExceeded, though the context has not ended yet.
type DeadlineError struct {
	Wait time.Duration // how long the wait would have been
	Left time.Duration // how long until the deadline
}

// Error says how long the wait would be and how much time is left.
func (e *DeadlineError) Error() string {
	return fmt.Sprintf("rate: the wait of %v would pass the deadline in %v", e.Wait, e.Left)
}

// Unwrap returns context.DeadlineExceeded.
func (e *DeadlineError) Unwrap() error { return context.DeadlineExceeded }

// ended is the error of a wait that the end of ctx has ended. Like the waits of the
// root package it wraps the cause, and also ctx.Err() where that is another error.
func ended(ctx context.Context) error {
	cause, err := context.Cause(ctx), ctx.Err()
	if errors.Is(cause, err) {
		return fmt.Errorf("rate: wait: %w", cause)
	}
	return fmt.Errorf("rate: wait: %w (%w)", cause, err)
}
