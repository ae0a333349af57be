package redislimit

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"time"
)

// The kinds of a call; see limit.lua.
const (
	callJoin  = "j" // everything, by a process that is new
	callSync  = "s" // everything
	callDelta = "c" // what is new
	callLeave = "l" // nothing any more
)

// run tells Redis what there is to tell, one call at a time, until there has
// been nothing for half a lease. What comes meanwhile goes with the next call:
// so many callers share one, and calls arrive in order.
func (l *shared) run() {
	defer close(l.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		// Those who were just granted something, and those who came with the one
		// that has woken this, say first what they have to say: it goes in one call.
		runtime.Gosched()
		c, wait := l.next(time.Now())
		if c == nil && wait < 0 {
			l.store.quiet(l)
			return
		}
		if c != nil {
			l.carry(c, false)
			continue
		}
		timer.Reset(wait)
		select {
		case <-l.wake:
		case <-timer.C:
		}
	}
}

// A call is what Redis is told at once.
type call struct {
	kind   string
	number uint64
	epoch  uint64
	sent   time.Time
	box    outbox
	args   []string
	server server // as it was known when c was made
}

// next returns the call to make now, or how long to wait for the next one; less
// than 0 where there is nothing to wait for any more, and run is no longer there.
func (l *shared) next(now time.Time) (c *call, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lease := l.store.o.Lease
	if l.calling {
		l.looked = true
		return nil, lease
	}
	if l.store.ctx.Err() != nil {
		l.stop()
		return nil, -1
	}
	if l.away.is && now.Before(l.away.retry) && !l.closed {
		return nil, l.away.retry.Sub(now)
	}
	busy := len(l.waiting)+len(l.held) > 0
	switch {
	case l.closed, !busy && l.out.empty() && !l.idle.IsZero() && now.Sub(l.idle) >= lease/2:
		if !l.joined || l.away.is {
			l.stop()
			return nil, -1
		}
		return l.make(callLeave, now), 0
	case !l.joined:
		if busy || !l.out.empty() {
			return l.make(callJoin, now), 0
		}
	case l.sync || busy && now.Sub(l.synced) >= lease/4:
		return l.make(callSync, now), 0
	case !l.out.empty() || !l.due.IsZero() && !now.Before(l.due):
		return l.make(cmp.Or(l.short(now), callDelta), now), 0
	}
	wait = l.synced.Add(lease / 4).Sub(now)
	if !busy && wait <= 0 {
		wait = lease / 4
	}
	if busy {
		l.idle = time.Time{}
		if !l.due.IsZero() {
			wait = min(wait, l.due.Sub(now))
		}
	} else if l.idle.IsZero() {
		l.idle = now
	}
	return nil, max(wait, 0)
}

// stop ends run. The caller has the lock.
func (l *shared) stop() {
	l.running, l.joined = false, false
	l.idle, l.due = time.Time{}, time.Time{}
	if l.unlisten != nil {
		l.unlisten()
		l.unlisten = nil
	}
	l.away = outage{}
	l.out = outbox{}
}

// make takes what there is to tell. The caller has the lock.
func (l *shared) make(kind string, now time.Time) *call {
	l.number++
	l.calling = true
	l.lone = len(l.waiting) <= 1
	c := &call{kind: kind, number: l.number, epoch: l.epoch, sent: now, box: l.out, server: l.server}
	switch kind {
	case callFast:
		c.args = l.fastArgs(c)
		l.out = outbox{}
		return c
	case callRate:
		c.args = l.rateArgs(c)
		l.out = outbox{}
		return c
	}
	c.args = []string{
		l.store.id, decimal(l.number), kind, decimal(uint64(l.store.o.Lease.Microseconds())),
		"", encode(l.rates), decimal(l.epoch), l.store.label,
	}
	if l.counts {
		c.args[4] = strconv.Itoa(l.limit)
	}
	l.out = outbox{}
	if kind == callDelta {
		c.delta()
		l.due = time.Time{}
		return c
	}
	// Everything: then of the outbox only tries and settles are still to go, and
	// what was used, as of the rest that is not listed the rates are refunded.
	l.out.tries, l.out.settles = c.box.tries, c.box.settles
	c.box = outbox{frees: c.box.frees}
	l.sync = false
	if kind == callLeave {
		c.args = append(c.args, "0", "0")
		c.used()
		return c
	}
	c.args = append(c.args, strconv.Itoa(len(l.held)))
	for _, id := range inOrder(l.held) {
		p := l.held[id]
		force := "0"
		if p.local {
			force = "1"
		}
		c.args = append(c.args, decimal(id), strconv.Itoa(p.n), force)
	}
	count := len(c.args)
	c.args = append(c.args, "")
	n := 0
	for _, id := range inOrder(l.waiting) {
		if w := l.waiting[id]; !w.try {
			n++
			c.args = append(c.args, decimal(id), w.demand(), w.place)
		}
	}
	c.args[count] = strconv.Itoa(n)
	c.used()
	return c
}

// used writes what was given back after use.
func (c *call) used() {
	c.args = append(c.args, strconv.Itoa(len(c.box.frees)))
	for _, f := range c.box.frees {
		c.args = append(c.args, decimal(f.id)+f.note)
	}
}

// delta writes what is new.
func (c *call) delta() {
	c.used()
	a, box := c.args, &c.box
	a = append(a, strconv.Itoa(len(box.unused)))
	for _, id := range box.unused {
		a = append(a, decimal(id))
	}
	for i, list := range [][]*waiter{box.drops, nil, box.asks, box.tries} {
		if i == 1 {
			a = append(a, strconv.Itoa(len(box.settles)))
			for _, s := range box.settles {
				undone := "0"
				if s.undone {
					undone = "1"
				}
				a = append(a, strconv.Itoa(s.old), strconv.Itoa(s.cost), undone, s.ends)
			}
			continue
		}
		a = append(a, strconv.Itoa(len(list)))
		for _, w := range list {
			a = append(a, decimal(w.id), w.demand())
		}
	}
	c.args = a
}

// call makes c, within a quarter lease.
func (l *shared) call(c *call) (*reply, error) {
	ctx, stop := context.WithTimeout(l.store.ctx, l.patience())
	defer stop()
	client, err := l.store.calls.reach(ctx)
	if err != nil {
		return nil, err
	}
	switch c.kind {
	case callFast:
		return l.callFast(ctx, client, c)
	case callRate:
		return l.callRate(ctx, client, c)
	}
	c.server.dials = l.store.dials.n.Load()
	return readReply(limitScript.Exec(ctx, client, l.keys(), c.args))
}

func (l *shared) keys() []string {
	k := keys(l.name)
	if l.lead != nil {
		k = append(k, k[0]+":seen")
	}
	return k
}

func keys(name string) []string {
	state := "penstock:{" + name + "}"
	return []string{state, state + ":queue", state + ":set"}
}

// patience is how long a call may take.
func (l *shared) patience() time.Duration { return max(l.store.o.Lease/4, 50*time.Millisecond) }

// failed notes that what came of c is not known.
func (l *shared) failed(c *call, err error, now time.Time) {
	l.mu.Lock()
	fresh := !l.away.is
	l.sync = true
	l.out.frees = append(c.box.frees, l.out.frees...)
	for _, w := range c.box.tries {
		if l.waiting[w.id] == w {
			l.refuse(w, l.away.error())
		}
	}
	if errors.Is(err, errKind) {
		for _, id := range inOrder(l.waiting) {
			l.refuse(l.waiting[id], ErrKind)
		}
		l.mu.Unlock()
		return
	}
	if fresh {
		// A process that was stopped meanwhile has not tried for as long as that.
		l.away = outage{is: true, since: later(c.sent, now.Add(-l.patience()))}
	}
	l.away.err = err
	l.away.tries++
	pause := min(l.store.o.Lease/16, time.Second, 20*time.Millisecond<<min(l.away.tries, 10))
	l.away.retry = now.Add(pause/2 + rand.N(pause/2+1))
	l.serveAway(now)
	l.mu.Unlock()
	if fresh {
		l.store.went(l, err)
	}
}

// answered does what Redis has said.
func (l *shared) answered(c *call, r *reply, now time.Time) {
	l.mu.Lock()
	back := l.away.is
	l.away = outage{}
	switch r.status {
	case "ok":
		l.apply(c, r, now)
	case "fast":
		l.served(r, now)
	case "slow":
		l.slow(c)
	default:
		// It does not know us, or was told something else since: then what is
		// in c has not been done, and everything is told again.
		l.sync = true
		l.out.frees = append(c.box.frees, l.out.frees...)
		l.out.tries = append(c.box.tries, l.out.tries...)
		l.out.settles = append(c.box.settles, l.out.settles...)
		if c.kind == callLeave {
			l.joined = false
		}
	}
	var after []func()
	for _, id := range r.lost {
		if p := l.held[id]; p != nil {
			after = append(after, l.lose(p, ErrLost))
		}
	}
	l.mu.Unlock()
	for _, f := range after {
		f()
	}
	if back {
		l.store.came(l)
	}
	if r.grace > 0 && c.epoch != r.epoch && c.kind != callLeave {
		l.store.o.Logger.Warn("redis may have lost data: nothing new is given out for a while",
			"limit", l.name, "wait", r.grace.Round(time.Millisecond))
	}
}

// apply does what Redis has said to c. The caller has the lock.
func (l *shared) apply(c *call, r *reply, now time.Time) {
	l.heard = c.sent
	l.epoch, l.procs = max(l.epoch, r.epoch), r.procs
	if l.counts {
		l.limit = r.limit
	}
	if c.kind == callLeave {
		l.joined = false
		return
	}
	l.joined = true
	l.quick = r.grace <= 0 && l.plainNow(c, r)
	if c.kind != callDelta {
		l.synced = now
		l.server = server{}
		if c.server.dials == l.store.dials.n.Load() {
			l.server = server{run: r.run, dials: c.server.dials}
		}
		for _, p := range l.held {
			p.local = false
		}
	}
	l.served(r, now)
	for _, id := range r.refused {
		if w := l.waiting[id]; w != nil {
			l.refuse(w, overLimit(w.n))
		}
	}
	for _, id := range r.no {
		if w := l.waiting[id]; w != nil {
			l.refuse(w, errNo)
		}
	}
	if r.due >= 0 {
		l.due = now.Add(r.due)
	}
	if r.grace > 0 && len(l.waiting) > 0 {
		l.due = now.Add(r.grace)
	}
	if l.unlisten == nil {
		l.listen()
	}
}

// served takes what was granted and what has its place in the queue.
func (l *shared) served(r *reply, now time.Time) {
	for _, g := range r.grants {
		l.granted(r.epoch, g, now)
	}
	for _, q := range r.queued {
		if w := l.waiting[q.id]; w != nil {
			w.place = q.place
		}
	}
}

// granted takes a grant. One for an id that is not waiting is given back at
// once; one that comes when its lease may have ended is Redis' to repeat. A grant
// may be heard twice, in a message and in the answer to a sync, and by the second
// time have been used and released: Redis gives back only what it still has.
func (l *shared) granted(epoch uint64, g grant, now time.Time) {
	w := l.waiting[g.id]
	switch {
	case l.held[g.id] != nil:
	case w == nil:
		if l.counts {
			l.out.unused = append(l.out.unused, g.id)
		} else if g.ends != "" {
			l.out.settles = append(l.out.settles, settle{old: g.cost, undone: true, ends: g.ends})
		}
		l.poke()
	case l.counts && now.After(l.deadline()):
		l.sync = true
		l.poke()
	default:
		l.grant(w, Fence{epoch, g.counter}, g.ends, false, now)
	}
}

// close refuses those who wait and gives back what is held, and has run tell
// Redis and end.
func (l *shared) close() {
	l.mu.Lock()
	l.closed = true
	for _, id := range inOrder(l.waiting) {
		l.refuse(l.waiting[id], ErrClosed)
	}
	var after []func()
	for _, id := range inOrder(l.held) {
		after = append(after, l.lose(l.held[id], ErrClosed))
	}
	if l.running {
		l.poke()
	}
	l.mu.Unlock()
	for _, f := range after {
		f()
	}
}

// ended waits for the end of run.
func (l *shared) ended() {
	l.mu.Lock()
	done := l.done
	l.mu.Unlock()
	if done != nil {
		<-done
	}
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// micros is a number of microseconds, as a duration.
func micros(n int64) time.Duration {
	return time.Duration(min(max(n, -1), math.MaxInt64/1000)) * time.Microsecond
}
