package adaptive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

// ErrOptions says that a Limiter was asked for with Options that contradict each
// other.
var ErrOptions = errors.New("adaptive: options are not valid")

// A Limiter is a [penstock.Limiter] that finds its limit by itself, from the
// outcomes with which its permits are released and from how long they were out.
// It is also a [penstock.Member], for penstock.All.
//
// Make it with New; the zero Limiter is not ready for use and panics. All methods
// may be called at the same time by any number of goroutines. It owns no
// goroutine, so one in which nobody waits can simply be dropped.
type Limiter struct {
	control Control
	pacer   Pacer // control, if it is one
	options Options
	order   uint64

	mu        sync.Mutex
	gate      Gate
	quota     quotaPace
	fixed     float64 // what SetRate has said, a second; 0 for none
	inFlight  int
	sent      uint64
	used      time.Time // when something was last given, released or told; zero for never
	batch     []*Permit // let go in the present moment
	queue     queue
	timer     *time.Timer // runs when the gate opens for the first in the queue
	due       time.Time   // when it is set for; zero if it is not
	woken     []*waiter   // out of the queue, to be woken by unlock
	stats     Stats
	changes   changes
	reporting bool // a goroutine is calling Observe
}

var _ penstock.Member = (*Limiter)(nil)

// New returns a Limiter. The error is ErrOptions.
func New(o Options) (*Limiter, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Limiter{options: o, order: penstock.NewOrder(), control: o.Control(o.Min, o.Max, o.Start)}
	l.batch = make([]*Permit, 0, mostTogether)
	l.pacer, _ = l.control.(Pacer)
	l.changes.keep = o.History
	l.mu.Lock()
	l.note(time.Now(), Started)
	l.unlock()
	return l, nil
}

// AcquirePermit waits, first come, first served, until n operations more may be
// under way and may begin, and returns a *Permit for them. One demand of more than
// the present limit, but not of more than Options.Max, waits until it can go
// alone. Else it holds nothing and returns an error that
//   - wraps context.Cause(ctx), when ctx ends first or had ended before;
//   - is [penstock.ErrOverLimit], at once, if n is more than Options.Max;
//   - is [penstock.ErrNegativeWeight], if n is below zero;
//   - is a [*HeldError] and so context.DeadlineExceeded, at once, if the Limiter
//     is held (see Hold) until after ctx's deadline.
//
// A demand of 0 takes nothing and never waits.
func (l *Limiter) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	if err := l.refuse(n); err != nil {
		return nil, err
	}
	l.mu.Lock()
	now := time.Now()
	if n == 0 || l.queue.first == nil && l.room(now, n) == 0 {
		p := l.take(now, n)
		l.unlock()
		return p, nil
	}
	if err := l.held(ctx, now); err != nil {
		l.unlock()
		return nil, err
	}
	w := &waiter{ticket: penstock.NewTicket(), n: n, since: now, ready: make(chan struct{})}
	l.queue.insert(w)
	l.serve(now)
	return l.await(ctx, w)
}

// await waits until w is served or ctx ends.
func (l *Limiter) await(ctx context.Context, w *waiter) (penstock.Permit, error) {
	select {
	case <-w.ready:
		if ctx.Err() == nil {
			return w.permit, nil
		}
		// Whoever sees that ctx has ended must not find itself holding something.
		w.permit.Release(penstock.Unused)
		return nil, ended(ctx)
	case <-ctx.Done():
	}
	l.mu.Lock()
	if !w.queued {
		l.unlock()
		w.permit.Release(penstock.Unused)
		return nil, ended(ctx)
	}
	l.queue.remove(w)
	l.stats.Cancelled++
	l.serve(time.Now())
	return nil, ended(ctx)
}

// TryAcquirePermit takes n units if they are to be had now and nobody waits. It
// never blocks.
func (l *Limiter) TryAcquirePermit(n int) (penstock.Permit, bool) {
	if l.refuse(n) != nil {
		return nil, false
	}
	l.mu.Lock()
	defer l.unlock()
	now := time.Now()
	if n > 0 && l.queue.first != nil || l.room(now, n) != 0 {
		return nil, false
	}
	return l.take(now, n), true
}

// refuse returns why no wait could give n, if so.
func (l *Limiter) refuse(n int) error {
	if n < 0 {
		return fmt.Errorf("adaptive: acquire %d: %w", n, penstock.ErrNegativeWeight)
	}
	if n > l.options.Max {
		return fmt.Errorf("adaptive: acquire %d of at most %d: %w", n, l.options.Max, penstock.ErrOverLimit)
	}
	return nil
}

// room says when n units are to be had, if nobody is before: 0 for now, less than
// 0 for not by the passage of time alone.
func (l *Limiter) room(now time.Time, n int) time.Duration {
	switch {
	case n == 0:
		return 0
	case l.inFlight > 0 && l.inFlight+n > l.control.Limit():
		return -1
	}
	wait := max(0, l.gate.Wait(now, l.perSecond(now)))
	if rest := l.quota.rests(now); rest > 0 {
		wait = min(wait, rest) // another rate is in force after that
	}
	return wait
}

// perSecond returns the least of the rates that are known, or 0 for none.
func (l *Limiter) perSecond(now time.Time) float64 {
	r := l.fixed
	if q := l.quota.rate(now); q > 0 && (r == 0 || q < r) {
		r = q
	}
	if l.pacer == nil {
		return r
	}
	if p := l.pacer.Rate(now); p > 0 && (r == 0 || p < r) {
		r = p
	}
	return r
}

// take lets an operation of n units go.
func (l *Limiter) take(now time.Time, n int) *Permit {
	if n == 0 {
		return &Permit{}
	}
	l.gate.Take(now, l.perSecond(now), n)
	l.inFlight += n
	p := &Permit{limiter: l, n: n, seq: l.sent, sent: now, inFlight: l.inFlight}
	l.together(now, p)
	l.sent += uint64(n)
	l.used = now
	l.stats.Acquired++
	l.stats.MostInFlight = max(l.stats.MostInFlight, l.inFlight)
	return p
}

// moment is how far apart two are let go that may overtake each other on their way.
const (
	moment       = 100 * time.Microsecond
	mostTogether = 16
)

// together notes that p goes at now, beside those let go in the same moment. Where
// each takes the place of one that has ended, none is beside another: what comes
// back together and goes again together is as many as before.
func (l *Limiter) together(now time.Time, p *Permit) {
	if len(l.batch) == cap(l.batch) || len(l.batch) > 0 && now.Sub(l.batch[0].sent) > moment {
		clear(l.batch)
		l.batch = l.batch[:0]
	}
	for _, other := range l.batch {
		other.beside = max(other.beside, l.inFlight-other.inFlight)
	}
	l.batch = append(l.batch, p)
}

// Hold lets nothing go until a time, because the server has asked for it: a
// Retry-After. What is under way is not concerned. The time is taken as at most
// Options.MaxHold from now, and is put off by up to a twentieth of the wait, so
// that many clients that were told the same do not come back at once. An earlier
// time than one given before changes nothing.
//
// Call it before the permit of the operation that was refused is released.
func (l *Limiter) Hold(until time.Time) {
	l.mu.Lock()
	now := time.Now()
	if d := min(until.Sub(now), l.options.MaxHold); d > 0 {
		d = max(d, d+jitter(d)) // unless that is more than there is time
		l.used = now
		l.gate.Hold(now.Add(d))
		if h, ok := l.control.(interface{ Held(time.Duration) }); ok {
			h.Held(d)
		}
		l.stats.Holds++
		l.note(now, Told)
	}
	l.serve(now)
}

// Advise tells what the server has said of its quota, with each answer that says
// it. Limit in each Window is kept from then on as a rate without bursts, and
// Remaining until Reset too where Reset is the end of a fixed window. However
// little a server allows, it makes one unit wait for no longer than Options.MaxHold.
func (l *Limiter) Advise(q Quota) {
	l.mu.Lock()
	now := time.Now()
	before := l.quota.policy
	l.used = now
	l.quota.update(now, q, l.inFlight, l.options.MaxHold)
	if l.quota.policy != before {
		l.note(now, Told)
	}
	l.serve(now)
}

// SetRate keeps a rate besides what the Limiter finds by itself; the zero Rate
// removes it. It counts units, whatever the Rate's Unit is, and has no burst. The
// error is a [*rate.InvalidError]; nothing has then changed.
func (l *Limiter) SetRate(r rate.Rate) error {
	perSecond := 0.0
	if r != (rate.Rate{}) {
		if err := r.Validate(); err != nil {
			return err
		}
		perSecond = r.PerSecond()
	}
	l.mu.Lock()
	now := time.Now()
	l.fixed = perSecond
	l.note(now, Told)
	l.serve(now)
	return nil
}

// Limit returns how many operations may be under way now.
func (l *Limiter) Limit() int {
	l.mu.Lock()
	defer l.unlock()
	return l.control.Limit()
}
