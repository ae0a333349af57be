package penstock

import (
	"context"
	"slices"
	"sync"
)

// Gather calls f for every element of in, as many at once as limit allows, and
// returns the results in the order of in. It blocks until all calls have
// returned.
//
// The first error ends it: the context that the tasks were given is cancelled
// with that error as its cause, tasks not yet started never start, and when
// those under way have returned, Gather returns that error and no results.
// When ctx ends first, the error wraps context.Cause(ctx) instead, unless
// every task had begun and succeeds nevertheless. A limit below one is
// [ErrLimit].
//
// Tasks start in the order of in, but those shorter than some 50 us are dealt
// out in runs, in order only where the limit is 1. They run on goroutines of their own, never on the caller's: with a plain number on at
// most so many, and no more than there are tasks waiting for one; with [By] or
// [ByCost] on as many as permits were held or being given back at once, of
// which 8 more than were held are kept. Memory is the results and what the
// goroutines take.
//
// A panic in a task ends the program with the task's own stack, as in any
// goroutine. Who wants to survive one recovers in f. A task that calls
// [runtime.Goexit], as testing's FailNow does, has failed with [ErrGoexit].
// A nil f panics at once. The same holds for [GatherAll], [Map], [AsCompleted],
// [ForEach] and [Group].
func Gather[L Limit[In], In, Out any](
	ctx context.Context, limit L, in []In, f func(context.Context, In) (Out, error),
) ([]Out, error) {
	needFunc(f == nil)
	b, err := boundOf[In](limit)
	if err != nil {
		return nil, err
	}
	out := make([]Out, len(in))
	if len(in) == 0 {
		return out, nil
	}
	fate, ctx := newFate(ctx)
	defer fate.cancel(nil)
	if b.limiter == nil {
		gatherPlain(ctx, b.tasks, in, out, f, fate)
	} else {
		fl := newFlow(ctx, b, f, func(i int, v Out, err error) {
			if err != nil {
				fate.fail(err)
				return
			}
			out[i] = v
		})
		fate.follow(fl.run(slices.Values(in), fate.abort))
	}
	if err := fate.err("gather"); err != nil {
		return nil, err
	}
	return out, nil
}

func gatherPlain[In, Out any](
	ctx context.Context, limit int, in []In, out []Out, f func(context.Context, In) (Out, error), fate *fate,
) {
	dealRuns(limit, len(in), func(i int) bool {
		err := ctx.Err()
		if err == nil {
			var v Out
			if v, err = f(ctx, in[i]); err == nil {
				out[i] = v
				return true
			}
		}
		fate.fail(err)
		return false
	}, func(int) { fate.fail(ErrGoexit) })
}

// A fate is how a gathering that stops at the first error comes to its end.
type fate struct {
	outer  context.Context // the caller's, kept for the length of the call
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	first error // of a task, before outer ended
	cut   bool  // outer ended, and a task failed or never began
}

// newFate returns the context for the tasks as well.
func newFate(outer context.Context) (*fate, context.Context) {
	ctx, cancel := context.WithCancelCause(outer)
	return &fate{outer: outer, cancel: cancel}, ctx
}

// fail records that a task failed with err or did not begin. What comes after
// the first, or after the end of the outer context, is taken for its
// consequence.
func (f *fate) fail(err error) {
	f.mu.Lock()
	switch {
	case f.first != nil || f.cut:
	case f.outer.Err() != nil:
		f.cut = true
	default:
		f.first = err
	}
	f.mu.Unlock()
	f.cancel(err)
}

// abort ends a gathering whose caller panics or ends its goroutine.
func (f *fate) abort() { f.cancel(nil) }

// follow records that some inputs were never pulled, unless complete.
func (f *fate) follow(complete bool) {
	if !complete {
		f.fail(context.Canceled)
	}
}

// err is the gathering's error, when all its tasks have ended.
func (f *fate) err(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut {
		return endError(f.outer, what)
	}
	return f.first
}
