package penstock

import (
	"context"
	"iter"
)

// ForEach calls f for every input of seq, as many at once as limit allows, and
// blocks until all calls have returned. The first error ends it as it ends
// [Gather], and nothing more is pulled.
//
// seq is pulled on the calling goroutine, and only when a task can begin:
// under a plain number n there are never more than n inputs pulled whose tasks
// have not ended, under [By] and [ByCost] one more than permits are held. A
// seq that blocks should heed ctx, for ForEach does not return before seq has.
func ForEach[L Limit[In], In any](
	ctx context.Context, limit L, seq iter.Seq[In], f func(context.Context, In) error,
) error {
	needFunc(f == nil || seq == nil)
	b, err := boundOf[In](limit)
	if err != nil {
		return err
	}
	fate, ctx := newFate(ctx)
	defer fate.cancel(nil)
	task := func(ctx context.Context, v In) (struct{}, error) { return struct{}{}, f(ctx, v) }
	fl := newFlow(ctx, b, task, func(_ int, _ struct{}, err error) {
		if err != nil {
			fate.fail(err)
		}
	})
	fate.follow(fl.run(seq, fate.abort))
	return fate.err("for each")
}
