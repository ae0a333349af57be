package redislimit

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

// A Rate is one or several rates that all processes share which use its name.
// In any window of length t never more than burst + rate x t is had by all of
// them together, by the server's clock; after a restart of Redis no burst is
// taken for granted. See package rate for what a [rate.Rate] promises.
// [Store.Rate] makes it. All methods may be called by any number of goroutines.
type Rate struct{ l *shared }

// Acquire waits, first come first served over all processes, until n units can
// be had of all rates, and takes them. The errors are those of
// [Semaphore.Acquire]. The permit needs no Release, except to give back what
// was not used; time gives back the rest.
func (r *Rate) Acquire(ctx context.Context, n int) (*Permit, error) {
	return r.l.acquire(ctx, n, n, false)
}

// AcquirePermit is Acquire as part of [penstock.Limiter]. The permit is a
// *Permit.
func (r *Rate) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	return asPermit(r.l.acquire(ctx, n, n, false))
}

// TryAcquirePermit takes n units if Redis says that they are to be had now and
// nobody waits. It waits for that answer, at most a quarter lease, and is
// refused while Redis is away. It panics with an error that is
// [penstock.ErrNegativeWeight] if n is negative.
func (r *Rate) TryAcquirePermit(n int) (penstock.Permit, bool) { return r.l.try(n) }

// SetRates changes the rates for all who share them, in Redis, where they are
// kept for 30 days without use. What was taken already stays paid for as it was.
func (r *Rate) SetRates(ctx context.Context, rates ...rate.Rate) error {
	return r.l.store.SetRates(ctx, r.l.name, rates...)
}

// Stats returns what this process knows of the limit.
func (r *Rate) Stats() Stats { return r.l.snapshot() }

var _ penstock.Limiter = (*Rate)(nil)

// encode writes rates for the script: of each the microseconds that a unit, the
// burst and the slack take, and whether it counts requests.
func encode(rates rate.List) string {
	texts := make([]string, len(rates))
	for i, r := range rates {
		interval := float64(r.Per) / float64(r.Count) / float64(time.Microsecond)
		// Rounded up to a 16,384th: never exceeded, and exact in binary, so
		// that a burst of n is n units.
		interval = math.Ceil(interval*16384) / 16384
		kind := "c"
		if r.Unit == rate.Requests {
			kind = "r"
		}
		texts[i] = fmt.Sprintf("%s:%s:%s:%s", number(interval), number(interval*float64(r.Burst)), number(float64(r.Slack)/1000), kind)
	}
	return strings.Join(texts, ";")
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', 17, 64) }
