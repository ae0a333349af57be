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
	// ErrNegativeWeight says that a negative number of units was asked for or
	// given back.
	ErrNegativeWeight = errors.New("penstock: weight is negative")
	// ErrLimit says that a gathering or a Group was given a limit below one,
	// under which no task could ever run.
	ErrLimit = errors.New("penstock: limit is below one")
	// ErrOverload is for tasks to return, wrapped in their own error, when the
	// other side had too much to do: the task's permit is then given back with
	// Overload, from which an adaptive limit learns to ask for less.
	ErrOverload = errors.New("penstock: overloaded")
	// ErrGoexit is the error of a task that ended its goroutine with
	// runtime.Goexit (as testing's FailNow does) instead of returning.
	ErrGoexit = errors.New("penstock: task called runtime.Goexit")
	// ErrGroupEnded says that a Group starts no more tasks: its Wait has
	// returned, a task of it has failed, or its context has ended.
	ErrGroupEnded = errors.New("penstock: group has ended")
)
