package queue

import (
	"context"
	"errors"
	"fmt"
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

// interrupted is the error of a call that ended because ctx did.
func interrupted(call string, ctx context.Context) error {
	return fmt.Errorf("queue: %s: %w", call, context.Cause(ctx))
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
