package penstock

import (
	"context"
	"iter"
)

// AsCompleted is like [Map], but yields the results in the order in which the
// tasks end, each with the input it belongs to and that input's index. An
// error that belongs to no task, for ctx or the limit, comes with the index
// -1. What is pulled ahead and what a loop that is left stops is as with Map.
func AsCompleted[L Limit[In], In, Out any](
	ctx context.Context, limit L, seq iter.Seq[In], f func(context.Context, In) (Out, error),
) iter.Seq2[Completed[In, Out], error] {
	needFunc(f == nil || seq == nil)
	return func(yield func(Completed[In, Out], error) bool) {
		b, err := boundOf[In](limit)
		if err != nil {
			yield(Completed[In, Out]{Index: -1}, err)
			return
		}
		streamOf(ctx, b, false, seq, f, yield)
	}
}
