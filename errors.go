package penstock

import "errors"

// Errors of this package. Test for them with errors.Is.
var (
	// ErrOverRelease says that more was released than was held.
	ErrOverRelease = errors.New("penstock: released more than was acquired")
	// ErrOverLimit says that a demand is larger than the whole limit, so that
	// no wait could satisfy it.
	ErrOverLimit = errors.New("penstock: demand exceeds the limit")
	// ErrNegativeLimit says that a limit below zero was asked for.
	ErrNegativeLimit = errors.New("penstock: limit is negative")
)
