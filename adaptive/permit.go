package adaptive

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/penstock-go/penstock"
)

// A Permit is the right to have an operation under way, from acquire until
// Release.
type Permit struct {
	limiter  *Limiter // nil for a permit of nothing
	n        int
	seq      uint64
	sent     time.Time
	inFlight int
	beside   int // guarded by limiter.mu
	released atomic.Bool
}

// Release ends the operation and says how it went: the Limiter learns from the
// outcome and from the time since the permit was given. Ignored teaches it
// nothing; Unused also gives back what was taken of a rate. It never blocks for
// long, and panics with an error that is [penstock.ErrOverRelease] when called a
// second time.
func (p *Permit) Release(o penstock.Outcome) {
	if p.released.Swap(true) {
		panic(fmt.Errorf("adaptive: a permit was released twice: %w", penstock.ErrOverRelease))
	}
	if p.limiter != nil {
		p.limiter.release(time.Now(), p, o)
	}
}

// release takes back what p took.
func (l *Limiter) release(now time.Time, p *Permit, o penstock.Outcome) {
	l.mu.Lock()
	l.inFlight -= p.n
	l.used = now
	l.stats.count(o)
	switch o {
	case penstock.Unused:
		l.gate.Untake(p.n)
	case penstock.Ignored:
	default:
		// None takes no time at all, but a clock may say so, and nobody could
		// reckon with that.
		latency := max(now.Sub(p.sent), 1)
		reason := l.control.Observe(now, Observation{
			Seq: p.seq, Sent: p.sent, Latency: latency, InFlight: p.inFlight, AtEnd: l.inFlight + p.n, Beside: p.beside, Outcome: o,
		})
		if o == penstock.Success {
			l.stats.learn(latency)
		}
		if reason != "" {
			l.note(now, reason)
		}
	}
	l.serve(now)
}
