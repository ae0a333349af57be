package httplimit

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

// learn takes from a response, or from its lack, what it says of its host. The
// permit of x is still held.
func (l *limits) learn(x *exchange, resp *http.Response, err error) {
	now := time.Now()
	var hints Hints
	if resp != nil {
		x.status = resp.StatusCode
		hints = ParseHints(resp.Header, x.status, now)
		if hints.forbids(x.status) {
			x.status = http.StatusTooManyRequests
		}
		if l.opts.IgnoreQuotas {
			hints.Quotas = nil
		}
	}
	x.outcome = outcomeOf(x.req, x.status, err)
	if l.opts.Breaker.Failures > 0 && x.outcome != penstock.Ignored {
		l.trip(x, broke(x.status) || err != nil)
	}
	if !hints.Told && len(hints.Quotas) == 0 {
		return
	}
	x.told = hints.Wait()
	until := l.heed(x, hints, now)
	for _, given := range []penstock.Limiter{x.grant.h.given, l.opts.Limiter} {
		if hinted, ok := given.(Hinted); ok {
			hinted.Hint(hints)
		}
	}
	// The total's Limiter is not told: it would stop all hosts for one.
	if holder, ok := x.grant.h.given.(Holder); ok && !until.IsZero() {
		holder.Hold(until)
	}
}

// forbids reports whether a status of 403 is GitHub's for too many requests.
func (h Hints) forbids(status int) bool {
	return status == http.StatusForbidden && (h.Told || h.tightest().Remaining == 0)
}

// trip tells the breaker of x's host how it went.
func (l *limits) trip(x *exchange, failed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := x.grant.h
	if h.breaker.note(l.opts.Breaker, x.grant.number, failed, time.Now()) {
		if h.isReady {
			l.ready.remove(h)
		}
		l.refuse(h)
	}
}

// heed holds x's host, or slows it down, as the response asks for. It returns
// until when it is held, or zero.
func (l *limits) heed(x *exchange, hints Hints, now time.Time) (until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := x.grant.h
	if wait := hints.Wait(); wait > 0 {
		wait = min(wait, l.opts.MaxRetryAfter) // first, for it may be as long as a Duration can be
		if !h.held.After(now) {
			h.late = rand.Float64()
		}
		until = now.Add(min(wait+spread(wait, h.late), l.opts.MaxRetryAfter))
		h.held = later(h.held, until)
		l.count.hints++
	}
	if q := hints.tightest(); q.Remaining > 0 {
		lasts := cmp.Or(max(q.Reset, 0), q.Window, time.Second)
		h.quota.learn(x, q.Remaining, now.Add(min(lasts, l.opts.MaxRetryAfter)), now)
	}
	if r, window, ok := hints.pace(l.opts.MaxRetryAfter, h.pace.limiter != nil); ok {
		h.pace.set(r, later(now, h.held).Add(min(window, l.opts.MaxRetryAfter)))
	}
	return until
}

// A remains is how many requests a quota lets a host be sent until it is renewed:
// no more than most since the host's entry was made.
//
// What a response says remains was so when the server had its request. Which
// of the others it had seen by then nobody knows, but for those that had ended
// before that request was sent. So all the others count as not seen.
type remains struct {
	most  int64
	until time.Time
	since int64 // host.sent when that was learned
}

// learn takes from the response to x that so many remain. Of responses to
// requests that were under way at the same time each is right, so the one that
// allows most counts; but one that was asked for when that was known is news.
func (q *remains) learn(x *exchange, left int64, until, now time.Time) {
	most := x.grant.done + 1 + min(left, 1<<62)
	if x.grant.number > q.since || !now.Before(q.until) || most > q.most {
		*q = remains{most, until, x.grant.h.sent}
	}
}

// spread is added to a wait, so that the processes that were told to wait for the same
// moment do not come back in the same instant. Share is from 0 to 1, and one number
// for a hold: many responses ask for the same one, and the longest of their waits
// counts.
func spread(wait time.Duration, share float64) time.Duration {
	return time.Duration(share * float64(min(wait/50, time.Second)))
}

// tightest is the quota of requests of which least remains.
func (h Hints) tightest() Quota {
	least := Quota{Remaining: -1}
	for _, q := range h.Quotas {
		if q.Unit == Requests && q.Remaining >= 0 && (least.Remaining < 0 || q.Remaining < least.Remaining) {
			least = q
		}
	}
	return least
}

// pace is the rate that the quotas allow for good, once they matter: where less
// than half of one remains, or nobody knows how much, or the host is paced
// already. Light use is not slowed down, and heavy use comes to run evenly
// instead of from stop to stop.
//
// It is tempting to pace by what remains until the reset. But where the server
// has a token bucket, whose reset is when it will be full again, that is a small
// part of what it allows (19 % in a trial).
func (h Hints) pace(most time.Duration, paced bool) (rate.Rate, time.Duration, bool) {
	var slowest rate.Rate
	var window time.Duration
	for _, q := range h.Quotas {
		if q.Unit != Requests || q.Limit <= 0 || q.Window <= 0 || !paced && q.Remaining >= (q.Limit+1)/2 {
			continue
		}
		r := rate.Rate{Count: q.Limit, Per: q.Window, Unit: rate.Requests, Slack: paceSlack}
		if q.Window/time.Duration(q.Limit) > most {
			r.Count, r.Per = 1, most
		}
		if r.Validate() == nil && (window == 0 || r.PerSecond() < slowest.PerSecond()) {
			slowest, window = r, q.Window
		}
	}
	return slowest, window, window > 0
}
