package queue

import (
	"context"
	"errors"
)

// Errors of this package. Test for them with errors.Is.
var (
	// ErrFull says that TryPut found no room.
	ErrFull = errors.New("queue: full")
	// ErrEmpty says that TryGet found no item.
	ErrEmpty = errors.New("queue: empty")
	// ErrShutdown says that the queue was shut down: it takes no more items,
	// and to whoever gets it, that none are left.
	ErrShutdown = errors.New("queue: shut down")
	// ErrTaskDone says that TaskDone was called more often than there were
	// items.
	ErrTaskDone = errors.New("queue: task done more often than items were put")
)

// An interruption is the error of a call that ended because its context did.
// It is not made by fmt: where many waiters are cancelled at once, that would
// be a third of the time it takes.
type interruption struct {
	call  string
	cause error
}

func (e *interruption) Error() string { return "queue: " + e.call + ": " + e.cause.Error() }
func (e *interruption) Unwrap() error { return e.cause }

func interrupted(ctx context.Context, call string) error {
	return &interruption{call, context.Cause(ctx)}
}

// ended reports whether a context with this Done channel has ended. Unlike
// the context's own Err it calls nobody's code, so that it may be asked under
// a lock.
func ended(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
