package redislimit

import (
	"context"
	"crypto/tls"
	_ "embed"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

//go:embed fast.lua
var fastText string

// callFast is a callDelta by fast.lua.
const callFast = "f"

const mostFast = 256 // permits that one such call frees, and asks for

// Why fast.lua need not ask the server who it is, as limit.lua does, where nobody waits:
// that would be most of its time. What it grants then goes to the process that calls it,
// and to nobody else; so it is enough that this process finds out, before it believes an
// answer, that it came from the server whose run id it has learned. Two things tell it:
//
//   - Another server, or one that was started again, has another connection. Those are
//     counted, and an answer is believed only if there was none since the answer to the
//     sync that told the run id.
//   - Behind something that keeps the connection while the server changes: each limit has
//     a script of its own, by a comment with its name, and a server that was started again
//     knows none. Then it is sent in full, and asks who the server is.
//
// A state of another server is found by the run id in it as ever, and the heartbeat asks
// anyway.
//
// Where somebody waits it grants to other processes, too, and they believe what they hear:
// whose connection for messages is an old one does not know that the calls of others are
// answered by another server by now. There it asks before it grants (a tenth of its time),
// and what is granted holds as what limit.lua grants.
//
// What neither tells is a proxy that keeps the connection while it goes over to a server that
// was the primary before, and knows the script: until the next heartbeat, or until somebody
// waits, what was granted by its latest, lost writes may be granted again.
//
// Of a Cluster neither holds: a client keeps connections to several nodes, and one that was
// the primary before, and has become so again, knows the script. There fast.lua is not used.

// dials counts the connections that were made.
type dials struct{ n atomic.Uint64 }

// count has o count them.
func (d *dials) count(o *rueidis.ClientOption) {
	dial := o.DialCtxFn
	if dial == nil {
		dial = func(ctx context.Context, addr string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
			if config != nil {
				secure := tls.Dialer{NetDialer: dialer, Config: config}
				return secure.DialContext(ctx, "tcp", addr)
			}
			return dialer.DialContext(ctx, "tcp", addr)
		}
	}
	o.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
		d.n.Add(1)
		return dial(ctx, addr, dialer, config)
	}
}

// A server is one as the latest sync met it.
type server struct {
	run   string // its run id; "" for not known
	dials uint64 // connections made until then
}

// fast reports whether what there is to tell may go by fast.lua. The caller has the
// lock.
func (l *shared) fast(now time.Time) bool {
	box := &l.out
	return l.store.owned && !l.store.cluster.Load() && l.quick && l.counts && l.lead == nil && len(l.rates) == 0 && l.due.IsZero() &&
		l.server.run != "" && l.server.dials == l.store.dials.n.Load() &&
		now.Sub(l.synced) < l.store.o.Lease/4 &&
		len(box.unused)+len(box.drops)+len(box.settles)+len(box.tries) == 0 &&
		len(box.frees) <= mostFast && len(box.asks) <= mostFast
}

// plainNow reports whether a short script may do next, by r, what limit.lua has
// answered to c. The caller has the lock.
func (l *shared) plainNow(c *call, r *reply) bool {
	switch {
	case l.counts:
		return r.limit > 0 && r.spec == ""
	case r.waiting > 0:
		return false
	}
	// Of a rate, where somebody has just had what he asked for at once. One who uses it
	// up and has to wait each time would ask in vain first.
	return l.quick || len(c.box.asks) > 0
}

// fastArgs writes what there is to tell. The caller has the lock.
func (l *shared) fastArgs(c *call) []string {
	args := []string{
		l.store.id, decimal(c.number), decimal(l.epoch), l.server.run, "0", strconv.Itoa(len(c.box.frees)),
	}
	for _, f := range c.box.frees {
		args = append(args, decimal(f.id))
	}
	for _, w := range c.box.asks {
		args = append(args, decimal(w.id), strconv.Itoa(w.n))
	}
	return args
}

// callFast makes c. A reply that is "moved" may be another server's.
func (l *shared) callFast(ctx context.Context, client rueidis.Client, c *call) (*reply, error) {
	k := l.keys()
	result := client.Do(ctx, client.B().Evalsha().Sha1(l.fastSHA).Numkeys(2).Key(k[:2]...).Arg(c.args...).Build())
	if refused, ok := rueidis.IsRedisErr(result.Error()); ok && refused.IsNoScript() {
		c.args[4] = "1"
		result = client.Do(ctx, client.B().Eval().Script(l.fastText).Numkeys(2).Key(k[:2]...).Arg(c.args...).Build())
	}
	m, err := result.ToMessage()
	switch {
	case err != nil:
		return nil, err
	case l.store.dials.n.Load() != c.server.dials:
		return &reply{status: "moved"}, nil
	}
	return c.readFast(&m)
}

// readFast reads what fast.lua returns.
func (c *call) readFast(m *rueidis.RedisMessage) (*reply, error) {
	r := &reply{status: "fast", epoch: c.epoch, due: -1}
	if m.IsInt64() {
		before, err := m.AsInt64()
		if before < 0 {
			r.status = "slow"
		} else {
			for i, w := range c.box.asks {
				r.grants = append(r.grants, grant{id: w.id, counter: uint64(before) + 1 + uint64(i), cost: w.cost})
			}
		}
		return r, err
	}
	list, err := m.ToArray()
	if err != nil {
		return nil, err
	}
	if len(list) < 2 || len(list)%2 != 0 {
		return nil, badReply(list)
	}
	words := make([]string, len(list)-2)
	for i := range words {
		if words[i], err = list[2+i].ToString(); err != nil {
			return nil, err
		}
	}
	placed, err := list[0].AsInt64()
	if err != nil {
		return nil, err
	}
	granted := make(map[uint64]bool)
	for ; len(words) > 0; words = words[2:] {
		g := grant{id: id(words[0]), counter: id(words[1])}
		granted[g.id] = true
		r.grants = append(r.grants, g)
	}
	for _, w := range c.box.asks {
		if !granted[w.id] {
			placed++
			r.queued = append(r.queued, place{w.id, strconv.FormatInt(placed, 10)})
		}
	}
	return r, nil
}

// slow tells what fast.lua would not do again, to limit.lua. The caller has the lock.
func (l *shared) slow(c *call) {
	l.quick = false
	l.out.frees = append(c.box.frees, l.out.frees...)
	asks := make([]*waiter, 0, len(c.box.asks)+len(l.out.asks))
	for _, w := range c.box.asks {
		if l.waiting[w.id] == w { // else it has left meanwhile
			asks = append(asks, w)
		}
	}
	l.out.asks = append(asks, l.out.asks...)
}
