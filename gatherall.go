package penstock

import (
	"context"
	"slices"
	"sync"
)

// A Result is what a task returned.
type Result[Out any] struct {
	Value Out // as the task returned it, also beside an error
	Err   error
}

// GatherAll is like [Gather], but an error stops nothing: every task runs, and
// the results, in the order of in, say of each what it returned. The tasks are
// given ctx itself. When ctx ends, every task that has not begun by then gets
// an error that wraps context.Cause(ctx). With a limit below one every error
// is [ErrLimit].
func GatherAll[L Limit[In], In, Out any](
	ctx context.Context, limit L, in []In, f func(context.Context, In) (Out, error),
) []Result[Out] {
	needFunc(f == nil)
	out := make([]Result[Out], len(in))
	b, err := boundOf[In](limit)
	switch {
	case err != nil:
		for i := range out {
			out[i].Err = err
		}
	case len(in) == 0:
	case b.limiter == nil:
		ended := sync.OnceValue(func() error { return notStarted(ctx) })
		dealRuns(b.tasks, len(in), func(i int) bool {
			if ctx.Err() != nil {
				out[i].Err = ended()
			} else {
				out[i].Value, out[i].Err = f(ctx, in[i])
			}
			return true
		}, func(i int) { out[i].Err = ErrGoexit })
	default:
		fl := newFlow(ctx, b, f, func(i int, v Out, err error) {
			out[i] = Result[Out]{Value: v, Err: err}
		})
		fl.every = true
		fl.run(slices.Values(in), func() {})
	}
	return out
}
