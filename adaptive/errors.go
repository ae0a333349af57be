package adaptive

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A HeldError says that an acquire failed because its Limiter is held until after
// the context's deadline. It is context.DeadlineExceeded.
type HeldError struct {
	Wait time.Duration // until the Limiter opens
	Left time.Duration // until the deadline
}

// Error says how long the wait would be and how much time there is.
func (e *HeldError) Error() string {
	return fmt.Sprintf("adaptive: held for another %v, and the deadline is in %v", e.Wait, e.Left)
}

// Unwrap returns context.DeadlineExceeded.
func (e *HeldError) Unwrap() error { return context.DeadlineExceeded }

// held returns a *HeldError if l is held until after ctx's deadline.
func (l *Limiter) held(ctx context.Context, now time.Time) error {
	deadline, ok := ctx.Deadline()
	until := l.gate.HeldUntil()
	if !ok || !until.After(now) || until.Before(deadline) {
		return nil
	}
	return &HeldError{Wait: until.Sub(now), Left: deadline.Sub(now)}
}

// ended is the error of an acquire whose context has ended.
func ended(ctx context.Context) error {
	cause, err := context.Cause(ctx), ctx.Err()
	if errors.Is(cause, err) {
		return fmt.Errorf("adaptive: acquire: %w", cause)
	}
	return fmt.Errorf("adaptive: acquire: %w (%w)", cause, err)
}

// jitter returns up to a twentieth of d.
func jitter(d time.Duration) time.Duration { return rand.N(d/20 + 1) }
