package redislimit

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/rate"
)

// A follower is the controller that leads, fed with what has happened in all
// processes. It is told of that later, and what it decides is in force later
// still: what was sent in between knew nothing of the decision, and is shown to it
// as sent before.
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
	decided time.Time // when the latest decision was made,
	inForce time.Time // and since when it is in force
	latency time.Duration
}

func newFollower(o AdaptiveOptions, start int) *follower {
	f := &follower{o: o}
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

// snapshot returns what the controller has learned and when, or "".
func (f *follower) snapshot() string {
	c, ok := f.control.(snapshotter)
	if !ok {
		return ""
	}
	data, err := c.MarshalBinary()
	if err != nil {
		return ""
	}
	return decimal(uint64(max(f.now.Sub(time.Unix(1_000_000_000, 0)).Microseconds(), 0))) + " " + string(data)
}

// see shows the controller an entry of the stream.
func (f *follower) see(now time.Time, entry string) {
	for _, o := range f.observations(entry) {
		if o.Sent.After(now) {
			continue // of a state that is lost
		}
		if f.latency == 0 {
			f.latency = o.Latency
		}
		f.latency += (o.Latency - f.latency) / 32
		if !f.decided.IsZero() && !o.Sent.Before(f.decided) && o.Sent.Before(f.inForce) {
			o.Sent = f.decided.Add(-time.Microsecond)
		}
		if f.late() && o.Outcome == penstock.Success && o.Sent.Before(f.inForce) {
			continue // it would be taken for one under the new limit
		}
		before := f.control.Limit()
		f.control.Observe(now, o)
		if f.control.Limit() != before {
			f.decided, f.inForce = now, now
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
		if f.inForce.Equal(f.decided) {
			f.inForce = now
		}
	}
	return news
}

// changed notes what is to be written, and reports whether that is news.
func (f *follower) changed(now time.Time) bool {
	per := 0.0
	if p, ok := f.control.(adaptive.Pacer); ok {
		per = p.Rate(now)
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

// seenSize is the length of what limit.lua writes of one permit that was freed.
const seenSize = 7*8 + 1

// observations reads an entry of the stream.
func (f *follower) observations(entry string) []adaptive.Observation {
	var list []adaptive.Observation
	for ; len(entry) >= seenSize; entry = entry[seenSize:] {
		var x [7]float64
		for i := range x {
			x[i] = math.Float64frombits(binary.LittleEndian.Uint64([]byte(entry[i*8 : i*8+8])))
		}
		o := adaptive.Observation{
			Seq: uint64(x[0]), Sent: f.at(x[1]), InFlight: int(x[4]), Beside: int(x[5]), AtEnd: int(x[6]),
			Latency: time.Duration(x[3]) * time.Microsecond,
		}
		switch entry[seenSize-1] {
		case 'o':
			// For how long it has been in use, as all others that were sent
			// meanwhile have been counted with it.
			o.Outcome, o.Latency = penstock.Overload, max(f.at(x[2]).Sub(o.Sent), 1)
		case 'f':
			o.Outcome = penstock.Failure
		}
		list = append(list, o)
	}
	return list
}
