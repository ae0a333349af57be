package fetch

import (
	"cmp"
	"math/rand/v2"
	"time"

	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/httplimit"
)

// A remains is how many requests a quota lets a host be sent until it is
// renewed: no more than most since its lane was made.
type remains struct {
	most  int64
	until time.Time
	since int64 // lane.sent when that was learned
}

// learn takes from the answer to j that so many remain. The server had seen those
// of l's requests that had ended when j was sent, and of the others nobody knows:
// all count as not seen. Of what requests that were under way together are told
// each is right, so that which allows most counts; but what was asked for when
// that was known is news.
func (q *remains) learn(l *lane, j *job, left int64, now, until time.Time) {
	most := j.done + 1 + min(left, 1<<62)
	if j.sent > q.since || !now.Before(q.until) || most > q.most {
		*q = remains{most, until, l.sent}
	}
}

// heed obeys what a server has said of its limits in the answer to j: no request
// to it before a time, or only so many. No hint counts for longer than most.
func (l *lane) heed(j *job, hints httplimit.Hints, now time.Time, most time.Duration) {
	if wait := hints.Wait(); wait > 0 {
		l.holdFor(min(wait, most), now)
	}
	for _, q := range hints.Quotas {
		if q.Unit != httplimit.Requests {
			continue
		}
		if q.Remaining > 0 {
			lasts := min(cmp.Or(max(q.Reset, 0), q.Window, time.Second), most)
			l.quota.learn(l, j, q.Remaining, now, now.Add(lasts))
		}
		if l.auto != nil && q.Limit > 0 {
			l.auto.Advise(adaptive.Quota{Limit: q.Limit, Window: q.Window, Remaining: q.Remaining, Reset: max(q.Reset, 0)})
		}
	}
}

func (l *lane) holdFor(wait time.Duration, now time.Time) {
	if !l.held.After(now) {
		l.late = rand.Float64()
	}
	until := now.Add(wait + spread(wait, l.late))
	if until.After(l.held) {
		l.heldFor += until.Sub(later(l.held, now))
		l.held = until
	}
	if l.auto != nil {
		l.auto.Hold(until)
	}
}

// hold is until when hints let no request start, if later than now.
func (l *lane) hold(now time.Time) (until time.Time) {
	if l.inFlight > 0 && l.sent >= l.quota.most && l.quota.until.After(now) {
		until = l.quota.until
	}
	if l.held.After(now) {
		until = later(until, l.held)
	}
	return until
}
