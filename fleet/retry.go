package fleet

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// A retry says how long to go on asking a Redis that does not answer.
type retry struct {
	patience time.Duration // 0 is for ever
	since    time.Time
	wait     time.Duration
}

// again waits before the next try. The error is ErrAway, the cause of ctx's end,
// or err if it will not pass.
func (r *retry) again(ctx context.Context, err error) error {
	if !passing(err) {
		return err
	}
	now := time.Now()
	if r.since.IsZero() {
		r.since = now
	}
	if r.patience > 0 && now.Sub(r.since) >= r.patience {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	r.wait = min(max(2*r.wait, 20*time.Millisecond), time.Second)
	if !pause(ctx, r.wait) {
		return context.Cause(ctx)
	}
	return nil
}

// lostStream says that the fleet's chunks are no longer there, though its state may
// be: other calls then still succeed, and so no time of trying would come to an end.
func lostStream(err error) bool {
	refused, ok := rueidis.IsRedisErr(err)
	return ok && strings.HasPrefix(refused.Error(), "NOGROUP")
}

// passing says that err may pass: that Redis is away, busy, loading or full, and
// not that it has understood and refused.
func passing(err error) bool {
	refused, ok := rueidis.IsRedisErr(err)
	if !ok {
		return true
	}
	text := refused.Error()
	for _, p := range []string{"WRONGPASS", "NOAUTH", "NOPERM", "WRONGTYPE"} {
		if len(text) >= len(p) && text[:len(p)] == p {
			return false
		}
	}
	return true
}
