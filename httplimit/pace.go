package httplimit

import (
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

// paceSlack makes up for late timers; see rate.Rate. It is 0.2 of a request
// where 100 a second are allowed.
const paceSlack = 2 * time.Millisecond

// A pace is a rate that a host asked for by its RateLimit-Policy. It is kept
// as long as the host goes on being used.
type pace struct {
	limiter *rate.Limiter
	line    penstock.Line
	rate    rate.Rate
	until   time.Time // one window after the last hint
}

// set keeps r until a time. A nil Limiter is none yet.
func (p *pace) set(r rate.Rate, until time.Time) {
	p.until = until
	switch {
	case p.limiter == nil:
		l, err := rate.New(r)
		if err != nil {
			return // the hint has said nothing that could be kept
		}
		*p = pace{l, l.Line(), r, until}
	case p.rate != r && p.limiter.SetRate(r) == nil:
		p.rate = r
	}
}

func (p *pace) wait() (time.Duration, error) {
	if !time.Now().Before(p.until) {
		*p = pace{}
		return 0, nil
	}
	return hostRate{p.limiter, p.line}.wait(1)
}

func (p *pace) take() penstock.Permit { return hostRate{p.limiter, p.line}.take(1) }
