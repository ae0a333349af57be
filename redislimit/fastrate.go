package redislimit

import (
	"context"
	_ "embed"
	"strconv"

	"github.com/redis/rueidis"
)

//go:embed fastrate.lua
var fastRateText string

var fastRateScript = rueidis.NewLuaScript(fastRateText)

// callRate is a callDelta by fastrate.lua.
const callRate = "r"

// mostCost is what such a call asks for at most, so that it is exact in Lua.
const mostCost = 1 << 52

// Other than fast.lua, fastrate.lua always asks the server who it is. What a state that is
// out of date has let through can not be taken back when it is found out, as no lease
// ends it; and one call serves so many that it makes no difference. So whatever limit.lua
// keeps holds here by what is in the script, at a Cluster and by a client of the caller's
// too.

// fastRate reports whether what there is to tell may go by fastrate.lua. The caller has
// the lock.
func (l *shared) fastRate() bool {
	box := &l.out
	if l.counts || !l.quick || !l.due.IsZero() || len(box.asks) == 0 ||
		len(box.frees)+len(box.unused)+len(box.drops)+len(box.settles)+len(box.tries) > 0 {
		return false
	}
	left := mostCost
	for _, w := range box.asks {
		if left -= w.cost; left < 0 || w.cost > mostCost {
			return false
		}
	}
	return true
}

// rateArgs writes what there is to ask for.
func (l *shared) rateArgs(c *call) []string {
	all, last, most := 0, 0, 0
	for _, w := range c.box.asks {
		all += w.cost
		most = max(most, w.cost)
		if w.cost > 0 {
			last = w.cost
		}
	}
	return []string{
		l.store.id, decimal(c.number), decimal(c.epoch), decimal(uint64(l.store.o.Lease.Microseconds())),
		strconv.Itoa(len(c.box.asks)), strconv.Itoa(all), strconv.Itoa(last), strconv.Itoa(most),
	}
}

// callRate makes c.
func (l *shared) callRate(ctx context.Context, client rueidis.Client, c *call) (*reply, error) {
	m, err := fastRateScript.Exec(ctx, client, l.keys()[:1], c.args).ToMessage()
	if err != nil {
		return nil, err
	}
	if m.IsInt64() {
		return &reply{status: "slow", due: -1}, nil
	}
	list, err := m.ToArray()
	if err != nil {
		return nil, err
	}
	return c.readRate(list)
}

// A toll is what a rate takes of each of those that one call has let through.
type toll struct {
	paid, interval float64 // microseconds
	each           bool    // it counts requests
}

// readRate reads what fastrate.lua returns.
func (c *call) readRate(m []rueidis.RedisMessage) (*reply, error) {
	if len(m)%3 != 1 {
		return nil, badReply(m)
	}
	before, err := m[0].AsInt64()
	if err != nil {
		return nil, badReply(m)
	}
	var tolls []toll
	for m := m[1:]; len(m) > 0; m = m[3:] {
		paid, err1 := m[0].AsFloat64()
		interval, err2 := m[1].AsFloat64()
		kind, err3 := m[2].ToString()
		if err1 != nil || err2 != nil || err3 != nil {
			return nil, badReply(m)
		}
		tolls = append(tolls, toll{paid: paid, interval: interval, each: kind == "r"})
	}
	r := &reply{status: "fast", epoch: c.epoch, due: -1, grants: make([]grant, 0, len(c.box.asks))}
	var text []byte
	for i, w := range c.box.asks {
		text = text[:0]
		for j := range tolls {
			text = strconv.AppendFloat(append(text, ' '), tolls[j].pay(w.cost), 'f', 3, 64)
		}
		r.grants = append(r.grants, grant{
			id: w.id, counter: uint64(before) + 1 + uint64(i), cost: w.cost, ends: string(text[min(1, len(text)):]),
		})
	}
	return r, nil
}

// pay returns when one more demand, of that cost, is paid for.
func (t *toll) pay(cost int) float64 {
	if t.each {
		cost = 1
	}
	t.paid += t.interval * float64(cost)
	return t.paid
}
