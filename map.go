package penstock

import (
	"context"
	"iter"
)

// Map calls f for every input of seq, as many at once as limit allows, and
// yields the results in the order of seq while it goes on pulling: seq may be
// huge, or endless.
//
// An error stops nothing by itself: it is yielded in its place, and the loop
// decides whether to go on. A loop that is left stops everything: the context
// that the tasks were given is cancelled, and the loop statement ends when
// all of them have returned. When ctx ends before seq does, nothing more is
// pulled or started, what had been pulled is yielded, a task that had not
// begun with an error that wraps context.Cause(ctx), and one more such error
// comes last. A limit below one yields just [ErrLimit].
//
// Under a plain number n at most 2n inputs have been pulled and not yet been
// yielded: n for the tasks and n of look-ahead, so that one slow task does not
// stop the others at once. Under [By] and [ByCost] it is twice the most tasks
// that l has let run at once so far, or 64 if that is more.
//
// Nothing happens before the sequence is ranged over. Each range over it is a
// run of its own and pulls seq anew, on a goroutine of its own: a panic of seq
// ends the program as one of f does. A seq that blocks should heed ctx, for
// the loop does not end before seq has returned.
func Map[L Limit[In], In, Out any](
	ctx context.Context, limit L, seq iter.Seq[In], f func(context.Context, In) (Out, error),
) iter.Seq2[Out, error] {
	needFunc(f == nil || seq == nil)
	return func(yield func(Out, error) bool) {
		b, err := boundOf[In](limit)
		if err != nil {
			var none Out
			yield(none, err)
			return
		}
		streamOf(ctx, b, true, seq, f, func(c Completed[In, Out], err error) bool {
			return yield(c.Out, err)
		})
	}
}
