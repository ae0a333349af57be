package dashboard

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/penstock-go/penstock"
)

// Watch is for a limit that does not tell how it stands, such as a rate, an All,
// or one of your own. It returns a limit that is l and counts, to be used in its
// place, and what shows it. Watch an All rather than its parts: All cannot see
// that a watched limit is one that it could combine.
func Watch(name string, l penstock.Limiter) (penstock.Limiter, Limiter) {
	w := &watched{limiter: l}
	return w, Limiter{Name: name, Stats: w.figures}
}

type watched struct {
	limiter                                     penstock.Limiter
	inUse, waiting, acquired, cancelled, waited atomic.Int64
}

func (w *watched) figures() Figures {
	return Figures{
		InUse: int(w.inUse.Load()), Waiting: int(w.waiting.Load()), Acquired: w.acquired.Load(), Cancelled: w.cancelled.Load(),
		TotalWait: time.Duration(w.waited.Load()),
	}
}

// AcquirePermit is that of the limit that is watched.
func (w *watched) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	since := time.Now()
	w.waiting.Add(1)
	defer func() {
		w.waiting.Add(-1)
		w.waited.Add(int64(time.Since(since)))
	}()
	p, err := w.limiter.AcquirePermit(ctx, n)
	if err != nil {
		w.cancelled.Add(1)
		return nil, err
	}
	return w.permit(p, n), nil
}

// TryAcquirePermit is that of the limit that is watched.
func (w *watched) TryAcquirePermit(n int) (penstock.Permit, bool) {
	p, ok := w.limiter.TryAcquirePermit(n)
	if !ok {
		return nil, false
	}
	return w.permit(p, n), true
}

func (w *watched) permit(p penstock.Permit, n int) penstock.Permit {
	w.acquired.Add(1)
	w.inUse.Add(int64(n))
	counted := &watchedPermit{p, w, n}
	if s, ok := p.(penstock.Settler); ok {
		return settled{counted, s}
	}
	return counted
}

type watchedPermit struct {
	permit penstock.Permit
	of     *watched
	n      int
}

// Release gives the permit back.
func (p *watchedPermit) Release(o penstock.Outcome) {
	p.of.inUse.Add(-int64(p.n))
	p.permit.Release(o)
}

// settled is a permit whose cost can be corrected.
type settled struct {
	*watchedPermit
	penstock.Settler
}
