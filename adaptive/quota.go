package adaptive

import "time"

// A Quota is what a server says of its limit: the fields RateLimit-Policy and
// RateLimit (draft-ietf-httpapi-ratelimit-headers), or X-RateLimit-*. What is not
// known is zero, except Remaining, which is below zero.
type Quota struct {
	// Limit is how many operations are allowed in each Window.
	Limit  int64
	Window time.Duration
	// Remaining is how many are left, or less than 0 if that is not known, and
	// Reset how long it will take until more are.
	Remaining int64
	Reset     time.Duration
}

// A quotaPace turns Quotas into a rate. The policy's Limit a Window is a rate that
// can always be sustained. Remaining in Reset may be less, and is obeyed where
// Reset is the end of a fixed window. For a token bucket Reset means "until full",
// and to go by it would be to send next to nothing; the two are told apart by
// whether the end of Reset stays where it is while time passes.
type quotaPace struct {
	policy float64   // a second; 0 for none
	rest   float64   // a second, for what remains; 0 for none
	end    time.Time // of the window, as first seen
	first  time.Time // when that was
}

const (
	// policyUse keeps a fixed window's worth in any window, with some jitter.
	policyUse = 0.99
	// fixedAfter is how long an end has to stay, since it is in whole seconds.
	fixedAfter = 2500 * time.Millisecond
	resetStep  = 1100 * time.Millisecond
)

// update learns from q, said at now, and how many operations are under way of
// which it may not know. It makes no unit wait for longer than most.
func (p *quotaPace) update(now time.Time, q Quota, inFlight int, most time.Duration) {
	q.Reset = min(q.Reset, most)
	if q.Limit > 0 && q.Window > 0 {
		p.policy = policyUse * float64(q.Limit) / q.Window.Seconds()
		p.policy = max(p.policy, 1/most.Seconds())
	}
	if q.Remaining < 0 || q.Reset <= 0 {
		return
	}
	end := now.Add(q.Reset)
	moved, age := end.Sub(p.end).Abs(), now.Sub(p.first)
	if moved > resetStep && moved > age*2/5 || p.end.IsZero() {
		p.first, p.end, p.rest = now, end, 0
		return
	}
	if age < fixedAfter || q.Reset < 2*resetStep {
		return
	}
	left := max(float64(q.Remaining)-float64(inFlight), 0.5)
	if p.rest == 0 && p.policy > 0 && left/(q.Reset-resetStep).Seconds() > p.policy {
		return // enough for all that the policy allows
	}
	p.rest = left / q.Reset.Seconds()
}

// rests returns for how long what remains is what counts, or 0 if it does not.
func (p *quotaPace) rests(now time.Time) time.Duration {
	if p.rest == 0 {
		return 0
	}
	return max(0, p.end.Sub(now))
}

// rate returns the rate at now, or 0 for any.
func (p *quotaPace) rate(now time.Time) float64 {
	if p.rest > 0 && now.Before(p.end) && (p.policy == 0 || p.rest < p.policy) {
		return p.rest
	}
	return p.policy
}
