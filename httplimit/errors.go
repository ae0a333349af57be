package httplimit

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Errors of this package. Test for them with errors.Is; http.Client wraps what
// a Transport returns in a *url.Error.
var (
	// ErrClosed says that the Transport was closed before the request was
	// sent.
	ErrClosed = errors.New("httplimit: transport is closed")
	// ErrCircuitOpen says that a request was not sent because its host has
	// failed so often of late; see Breaker. The detail is a *HostError.
	ErrCircuitOpen = errors.New("circuit breaker is open")
	// ErrOptions says that a Transport was asked for with Options that cannot
	// be kept.
	ErrOptions = errors.New("httplimit: options are not valid")
)

// A HostError says that a request was not sent, and held nothing, because its
// host is not to be bothered for a while. Err is ErrCircuitOpen, or
// context.DeadlineExceeded where a hint of the server holds the host until
// after the deadline of the request's context.
type HostError struct {
	Host string        // name:port
	Wait time.Duration // until a request could go
	Err  error
}

// Error says which host, why and for how long.
func (e *HostError) Error() string {
	if errors.Is(e.Err, context.DeadlineExceeded) {
		return fmt.Sprintf("httplimit: %s asked for a pause that ends in %v, after the deadline", e.Host, e.Wait.Round(time.Millisecond))
	}
	return fmt.Sprintf("httplimit: %s: %v for %v", e.Host, e.Err, e.Wait.Round(time.Millisecond))
}

// Unwrap returns Err.
func (e *HostError) Unwrap() error { return e.Err }

// Timeout reports whether the request's deadline is the reason, as net.Error
// has it.
func (e *HostError) Timeout() bool { return errors.Is(e.Err, context.DeadlineExceeded) }

// ended is the error of a wait that ended with its context.
func ended(ctx context.Context) error {
	cause, err := context.Cause(ctx), ctx.Err()
	if errors.Is(cause, err) {
		return fmt.Errorf("httplimit: waiting for a permit: %w", cause)
	}
	return fmt.Errorf("httplimit: waiting for a permit: %w (%w)", cause, err)
}
