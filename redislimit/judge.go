package redislimit

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/rate"
)

// A follower is the controller that leads, fed with what has happened in all
// processes. It is told of that later, and what it decides is in force later
// still. So the time that it is told is that at which a decision of now will be in
// force. Where that took longer, what was sent meanwhile knew nothing of it, and is
// shown to it as sent before.
type follower struct {
	o       AdaptiveOptions
	control adaptive.Control
	written int    // the limit in Redis; -1 for not known
	sent    int    // the limit that a call on its way writes; 0 for none
	paced   bool   // the rates are written by a call on its way
	rates   string // in Redis
	rate    float64

	offset  float64   // of the controller's clock from that of leases, microseconds
	now     time.Time // by the controller's clock, which only never goes back
	decided time.Time // when the latest decision was made, as the controller was told,
	inForce time.Time // and since when it is in force
	latency time.Duration
	delay   time.Duration // of what is decided, until it is in force, mostly

	unseen  []seen // the controller is yet to see them
	account account
	learned string // what of the stream the controller has learned from
}

const (
	usualDelay = 2 * time.Millisecond  // until a decision is in force, at first,
	mostDelay  = 20 * time.Millisecond // and at most, as far as it is foreseen
)

// stepPart is by what part a limit is raised at once.
const stepPart = 16

func newFollower(o AdaptiveOptions, start int) *follower {
	f := &follower{o: o, delay: usualDelay}
	f.control = o.Control(o.Min, o.Max, f.fit(start))
	return f
}

func (f *follower) fit(limit int) int { return min(max(limit, f.o.Min), f.o.Max) }

// restart begins anew at a limit that was set from outside.
func (f *follower) restart(limit int) {
	f.control = f.o.Control(f.o.Min, f.o.Max, f.fit(limit))
	f.decided, f.inForce = time.Time{}, time.Time{}
}

// clock moves the controller's clock to now by that of leases. Where the state was
// lost, or had expired, that one begins anew; this one goes on.
func (f *follower) clock(now float64) time.Time {
	if now == 0 {
		return f.now // there is no state now
	}
	if behind := f.now.Sub(f.at(now)); behind > 0 {
		f.offset += float64(behind.Microseconds())
	}
	f.now = f.at(now)
	return f.now
}

// at is a time of the controller's. It has nothing to do with the time of day.
func (f *follower) at(micros float64) time.Time {
	return time.Unix(1_000_000_000, 0).Add(time.Duration(micros+f.offset) * time.Microsecond)
}

// restore goes on from a snapshot, if it is one of this version: else from the
// limit alone.
func (f *follower) restore(snapshot string, now float64) {
	at, data, ok := strings.Cut(snapshot, " ")
	c, can := f.control.(snapshotter)
	if !ok || !can || c.UnmarshalBinary([]byte(data)) != nil {
		return
	}
	f.now = f.at(float64(id(at)))
	f.clock(now)
}

// snapshot returns when it is and what the controller has learned. Of one that cannot
// say that the time alone keeps a new leader from learning all once more.
func (f *follower) snapshot() string {
	var data []byte
	if c, ok := f.control.(snapshotter); ok {
		var err error
		if data, err = c.MarshalBinary(); err != nil {
			return ""
		}
	}
	return decimal(uint64(max(f.now.Sub(time.Unix(1_000_000_000, 0)).Microseconds(), 0))) + " " + string(data)
}

// see shows the controller what was freed, until it has raised the limit by a step.
// It raises it by one for each success, as they come; but these come many at once,
// and a volley tells nothing of what the other side takes. Where something was
// refused it goes on up to that.
func (f *follower) see(now time.Time) {
	refused := slices.ContainsFunc(f.unseen, func(s seen) bool { return s.how == 'o' })
	for step := f.control.Limit() + max(1, f.control.Limit()/stepPart); len(f.unseen) > 0 && (refused || f.control.Limit() < step); {
		o := f.account.observation(f.unseen[0], f.at)
		f.learned = f.unseen[0].before
		f.unseen = f.unseen[1:]
		if o.Sent.After(now) {
			continue // of a state that is lost
		}
		if f.latency == 0 {
			f.latency = o.Latency
		}
		f.latency += (o.Latency - f.latency) / 32
		if !f.decided.IsZero() && !o.Sent.Before(f.decided) && o.Sent.Before(f.inForce) {
			o.Sent = o.Sent.Add(f.decided.Sub(f.inForce))
		}
		if f.late() && o.Outcome == penstock.Success && o.Sent.Before(f.inForce) {
			continue // it would be taken for one under the new limit
		}
		before := f.control.Limit()
		f.control.Observe(now.Add(f.delay), o)
		if f.control.Limit() != before {
			f.decided = now.Add(f.delay)
			f.inForce = f.decided
		}
	}
}

// late reports whether a decision came into force so late that what the controller
// waits for a new limit to show has not passed since.
func (f *follower) late() bool { return f.inForce.Sub(f.decided) > f.latency/2 }

// done notes that a call was answered, with the limit in force since now or before.
// It reports whether those who wait may get more by what was written.
func (f *follower) done(now time.Time, limit int) bool {
	news := f.paced
	f.paced = false
	if f.sent > 0 && limit == f.sent {
		news = true
		f.written, f.sent = f.sent, 0
		if f.inForce.Equal(f.decided) && !f.decided.IsZero() {
			took := now.Sub(f.decided.Add(-f.delay))
			f.inForce = later(f.decided, now)
			f.delay = min(max(f.delay+(took-f.delay)/8, time.Millisecond), mostDelay)
		}
	}
	return news
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// changed notes what is to be written, and reports whether that is news.
func (f *follower) changed(now time.Time) bool {
	per := 0.0
	if p, ok := f.control.(adaptive.Pacer); ok {
		per = p.Rate(now.Add(f.delay))
	}
	news := f.written != 0 && f.control.Limit() != f.written
	if math.Abs(per-f.rate) > rateStep*f.rate {
		f.rate = per
		news = true
	}
	return news
}

// rateStep is by what part a rate has to change to be written.
const rateStep = 0.005

// writes returns the limit and the rates to be written, "" and "-" for none, and
// the limit that is in force for all that is known.
func (f *follower) writes() (limit, rates, known string) {
	limit, rates = "", "-"
	if f.written >= 0 {
		known = strconv.Itoa(f.written)
	}
	if n := f.control.Limit(); f.written != 0 && n != f.written {
		limit, f.sent = decimal(uint64(n)), n
	}
	if r := f.spec(); r != f.rates {
		rates, f.rates, f.paced = r, r, true
	}
	return limit, rates, known
}

// spec is the rate as limit.lua has it.
func (f *follower) spec() string {
	if f.rate <= 0 {
		return ""
	}
	r := rate.Rate{Count: 1, Per: time.Duration(float64(time.Second) / f.rate), Unit: rate.Requests, Slack: rateSlack}
	r.Per = min(max(r.Per, 1), rate.MaxDebt)
	return encode(rate.List{r})
}

// rateSlack makes up for timers that are late.
const rateSlack = 5 * time.Millisecond
