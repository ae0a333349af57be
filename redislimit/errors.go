package redislimit

import (
	"errors"
	"fmt"
	"time"
)

// Errors of this package. Test for them with errors.Is.
var (
	// ErrLost is the cause with which the context of a [Permit] ends whose
	// lease could not be renewed: another may hold it now.
	ErrLost = errors.New("redislimit: the lease was lost")
	// ErrAway says that Redis could not be reached for a whole lease. The
	// detail is an [*AwayError].
	ErrAway = errors.New("redislimit: redis is away")
	// ErrClosed says that the Store was closed.
	ErrClosed = errors.New("redislimit: the store is closed")
	// ErrKind says that a name is in use for the other kind: a Semaphore for
	// what is a Rate elsewhere, or the reverse.
	ErrKind = errors.New("redislimit: the name is in use for a limit of another kind")
	// ErrName says that a name is none that can be used: it is empty, longer
	// than 200 bytes, or has characters other than letters, digits and
	// . _ - : / @ +
	ErrName = errors.New("redislimit: not a name of a limit")
	// ErrVersion says that what answers is older than Redis 7 and Valkey.
	ErrVersion = errors.New("redislimit: the store is older than Redis 7")
	// ErrUnknown says that nobody uses a limit of that name.
	ErrUnknown = errors.New("redislimit: no such limit is in use")
)

// An AwayError is ErrAway, with since when and why.
type AwayError struct {
	For time.Duration // how long it has been away
	Err error         // what the latest try to reach it said
}

// Error says how long Redis has been away and why.
func (e *AwayError) Error() string {
	return fmt.Sprintf("redislimit: redis has been away for %v: %v", e.For.Round(time.Millisecond), e.Err)
}

// Unwrap returns ErrAway and the reason.
func (e *AwayError) Unwrap() []error { return []error{ErrAway, e.Err} }
