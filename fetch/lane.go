package fetch

import (
	"math"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/rate"
)

// A lane is the queue of one bucket, which is a host unless the policy says
// otherwise, and what the bucket is held to. The scheduler's mutex guards it.
type lane struct {
	key       string
	jobs      fifo
	inFlight  int
	sent      int64
	ready     bool      // stands in scheduler.ready
	waiting   bool      // nothing may start
	until     time.Time // before this
	why       Reason    // for this
	dozing    bool      // in scheduler.timed only to be forgotten
	held      time.Time // no request before this, as the server has asked
	heldFor   time.Duration
	late      float64 // by which share of what may be added it is held longer
	quota     remains
	idleSince time.Time // since when nothing has been in flight, if so

	limits  Limits
	version int // of the policy that gave them
	// What is shared with other runs: see asking.go. The limits above are then
	// those that are not.
	share    Share
	declared Limits // by the policy
	asking   int    // jobs for which a permit was asked for
	granted  fifo   // those that have one
	unasked  bool   // stands in scheduler.unasked
	auto     *adaptive.Limiter
	rate     *rate.Limiter
	lines    []penstock.Line // of these two

	// What is kept outside of the look-ahead, behind jobs: see spill.
	chunks    fifoOf[*chunk]
	tail      []byte // items that are no chunk yet
	tailed    int    // how many
	refilling bool
}

// apply sets the limits. What a limit knows that goes on with other numbers is
// kept. The error is that of numbers that make no sense.
func (l *lane) apply(limits Limits, version int) error {
	limits.Rate = Paced(limits.Rate)
	if limits.Retry != nil {
		retry := *limits.Retry
		retry.setDefaults()
		limits.Retry = &retry
	}
	l.version = version
	if err := l.applyRate(limits.Rate); err != nil {
		return err
	}
	switch {
	case !limits.Auto:
		l.auto = nil
	case l.auto == nil || limits.Concurrency != l.limits.Concurrency:
		auto, err := adaptive.New(adaptive.Options{Max: limits.Concurrency})
		if err != nil {
			return err
		}
		l.auto = auto
	}
	l.limits = limits
	l.lines = nil
	if l.auto != nil {
		l.lines = append(l.lines, l.auto.Line())
	}
	if l.rate != nil {
		l.lines = append(l.lines, l.rate.Line())
	}
	return nil
}

func (l *lane) applyRate(rates rate.List) (err error) {
	switch {
	case len(rates) == 0:
		l.rate = nil
	case l.rate != nil && len(rates) == len(l.limits.Rate):
		return l.rate.SetRate(rates...)
	default:
		l.rate, err = rate.New(rates...)
	}
	return err
}

// limit is how many requests may be in flight; 0 means any number.
func (l *lane) limit() int {
	if l.auto != nil {
		return l.auto.Limit()
	}
	return l.limits.Concurrency
}

// blocked says that no request may start now, whatever it costs.
func (l *lane) blocked() bool {
	if l.waiting || l.asking > 0 && l.granted.len() == 0 {
		return true
	}
	limit := l.limit()
	return limit > 0 && l.inFlight >= limit
}

// A grant is what a request holds of its lane's limits while it is in flight.
type grant struct {
	auto penstock.Permit
}

// take asks all limits that concern a request of a cost, total last, and takes
// it of all of them or of none. If of none, wait says how long it will take, and
// why what for: less than 0 is until another request ends, and rate.Never means
// that the cost is more than a rate gives.
func (l *lane) take(now time.Time, cost int, total Pacer) (g grant, wait time.Duration, why Reason) {
	l.lock()
	defer l.unlock()
	for i, line := range l.lines {
		n, why := cost, HostRate
		if i == 0 && l.auto != nil {
			n, why = 1, HostConcurrency
		}
		wait, err := line.Room(math.MaxUint64, n)
		if err != nil {
			return g, rate.Never, why
		}
		if wait != 0 {
			return g, wait, why
		}
	}
	if total != nil {
		if wait, ok := total.At(now, cost); !ok {
			return g, max(wait, 1), TotalRate
		}
	}
	for i, line := range l.lines {
		if i == 0 && l.auto != nil {
			g.auto = line.Take(1)
		} else {
			line.Take(cost)
		}
	}
	return g, 0, ""
}

// lock keeps the lane's limits as they are between the question and the taking.
// Nobody else locks several of them, so that any order will do.
func (l *lane) lock() {
	for _, line := range l.lines {
		line.Lock()
	}
}

func (l *lane) unlock() {
	for _, line := range l.lines {
		line.Unlock()
	}
}

// release tells the limit that finds itself how a request went.
func (g *grant) release(o penstock.Outcome) {
	if g.auto != nil {
		g.auto.Release(o)
		g.auto = nil
	}
}

// front is the queue whose first job is to start next. Those of a share have a
// permit of it.
func (l *lane) front() *fifo {
	if l.share != nil || l.granted.len() > 0 {
		return &l.granted
	}
	return &l.jobs
}

// start counts j in flight.
func (l *lane) start(j *job, g grant) {
	l.front().pop()
	l.inFlight++
	l.sent++
	l.idleSince = time.Time{}
	j.retry = l.limits.Retry
	j.grant, j.sent, j.done = g, l.sent, l.sent-int64(l.inFlight)
}

// keepAuto is how long a limit that was found outlives its last use.
const keepAuto = time.Minute

// remembers is until when l knows something that one made anew would not.
func (l *lane) remembers(now time.Time) (until time.Time) {
	until = later(l.held, l.quota.until)
	if l.rate != nil && !l.rate.Idle(now) {
		again := time.Second
		for _, r := range l.limits.Rate {
			again = max(again, r.Per/time.Duration(r.Count))
		}
		until = later(until, now.Add(again))
	}
	// Fewer requests than that have taught it nothing.
	if l.auto != nil && l.sent >= 16 && (l.idleSince.IsZero() || now.Sub(l.idleSince) < keepAuto) {
		if l.idleSince.IsZero() {
			l.idleSince = now
		}
		until = later(until, l.idleSince.Add(keepAuto))
	}
	return until
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
