package redislimit

import (
	"context"
	_ "embed"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/penstock-go/penstock/adaptive"
	"github.com/redis/rueidis"
)

//go:embed adaptive.lua
var adaptiveText string

var adaptiveScript = rueidis.NewLuaScript(adaptiveText)

const (
	leadTick     = 100 * time.Millisecond // between looks at what was freed,
	leadRising   = 20 * time.Millisecond  // while the limit changes,
	leadRefused  = 5 * time.Millisecond   // and where something was refused
	leadSnapshot = 500 * time.Millisecond // between snapshots
	leadLease    = 2 * time.Second        // of the leader, if half a lease is not shorter,
	leastLead    = 200 * time.Millisecond // and at least
)

// A lead is a process's part in finding an adaptive limit: it asks to lead, and
// leads if it may. See adaptive.lua and docs/decisions/0003-shared-adaptive.md.
//
// Its goroutine is there while the process has used the limit of late. All but mu's
// is that goroutine's own.
type lead struct {
	l     *shared
	o     AdaptiveOptions
	wake  chan struct{} // something was refused
	there bool          // the goroutine is; guarded by l.mu

	term   uint64 // 0 while another leads
	after  string // what of the stream was read
	judge  *follower
	saved  time.Time // the latest snapshot
	savedI string    // and the last of the stream in it

	mu      sync.Mutex
	leading bool
	rate    float64
	refuses string
}

func newLead(l *shared, o AdaptiveOptions) *lead {
	return &lead{l: l, o: o, wake: make(chan struct{}, 1), after: "0"}
}

// begin starts the goroutine if it is not there. The caller has l.mu.
func (d *lead) begin() {
	if !d.there && !d.l.closed {
		d.there = true
		d.l.store.wg.Go(d.run)
	}
}

// refused has the leader look at once.
func (d *lead) refused() {
	d.mu.Lock()
	leading := d.leading
	d.mu.Unlock()
	if !leading {
		return
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// lease is for how long a leader that is not heard of is the leader.
func (d *lead) lease() time.Duration {
	return min(leadLease, max(d.l.store.o.Lease/2, leastLead))
}

// run leads, or waits until it may.
func (d *lead) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !d.ended() {
		for d.used() {
			timer.Reset(d.turn())
			select {
			case <-d.l.store.ctx.Done():
			case <-timer.C:
			case <-d.wake:
				sleep(d.l.store.ctx, leadRefused)
			}
		}
		d.resign()
	}
}

// used reports whether the process has a use for the limit.
func (d *lead) used() bool {
	d.l.mu.Lock()
	defer d.l.mu.Unlock()
	return d.l.running && !d.l.closed && d.l.store.ctx.Err() == nil
}

// ended reports whether it has none, and the goroutine is then no longer there. It
// is asked once more after the lead was given up, which takes a while.
func (d *lead) ended() bool {
	d.l.mu.Lock()
	defer d.l.mu.Unlock()
	d.there = d.l.running && !d.l.closed && d.l.store.ctx.Err() == nil
	return !d.there
}

// turn does what there is to do and returns how long there is nothing.
func (d *lead) turn() time.Duration {
	for again := false; ; again = true {
		r, err := d.exchange()
		switch {
		case err != nil:
			return d.lease()/4 + rand.N(d.lease()/4)
		case !r.leads:
			d.follow()
			return r.left + rand.N(d.lease()/4)
		}
		more := d.learn(r)
		d.tell()
		switch {
		case more && !again:
		case more:
			return leadRefused
		case again:
			return leadRising
		default:
			return leadTick
		}
	}
}

// follow ends the lead.
func (d *lead) follow() {
	d.term, d.judge = 0, nil
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leading, d.rate, d.refuses = false, 0, ""
}

// tell notes what the controller knows for Stats.
func (d *lead) tell() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leading, d.rate, d.refuses = true, d.judge.rate, adaptive.Unknown.String()
	if k, ok := d.judge.control.(interface{ Kind() adaptive.Kind }); ok {
		d.refuses = k.Kind().String()
	}
}

// learn takes what the reply says into the controller, and reports whether Redis is
// to be told or asked more at once.
func (d *lead) learn(r *leadReply) (more bool) {
	if d.judge == nil || r.taken {
		d.begins(r)
	}
	d.term = r.term
	j := d.judge
	now := j.clock(r.now)
	if r.foreign && r.limit != j.sent {
		// Somebody has set it: it goes on from there, and waits while it is 0.
		j.written = r.limit
		if r.limit > 0 {
			j.restart(r.limit)
		}
	} else if j.done(now, r.limit) {
		d.serve()
	}
	for _, e := range r.entries {
		j.unseen = append(j.unseen, readSeen(e.seen, d.after)...)
		d.after = e.id
	}
	if j.see(now); len(j.unseen) == 0 {
		j.learned = d.after
	}
	return j.changed(now) || len(j.unseen) > 0 || len(r.entries) == mostEntries
}

const mostEntries = 1000 // that adaptive.lua returns at once

// begins makes a controller that goes on from what is in Redis.
func (d *lead) begins(r *leadReply) {
	d.after, d.saved, d.savedI = r.after, time.Time{}, r.after
	start := d.o.Start
	if r.limit > 0 {
		start = r.limit
	}
	d.judge = newFollower(d.o, start)
	d.judge.written, d.judge.learned = -1, r.after
	if r.limit > 0 && !r.foreign {
		d.judge.written = r.limit
	}
	d.judge.rates = r.rates
	d.judge.restore(r.snapshot, r.now)
}

// serve has those who wait get what a new limit allows.
func (d *lead) serve() {
	d.l.mu.Lock()
	defer d.l.mu.Unlock()
	if d.l.joined {
		d.l.due = time.Now()
		d.l.poke()
	}
}

// exchange makes one call.
func (d *lead) exchange() (*leadReply, error) {
	lease := d.l.store.o.Lease
	ctx, stop := context.WithTimeout(d.l.store.ctx, max(lease/4, 50*time.Millisecond))
	defer stop()
	client, err := d.l.store.calls.reach(ctx)
	if err != nil {
		return nil, err
	}
	args := []string{
		d.l.store.id, decimal(d.term), decimal(uint64(d.lease().Microseconds())), decimal(uint64(lease.Microseconds())),
		d.after, "", "-", "", "0", "",
	}
	undo := func() {} // what was not heard to be written is written again
	if d.term != 0 {
		rates, saved, savedI := d.judge.rates, d.saved, d.savedI
		undo = func() { d.judge.rates, d.saved, d.savedI = rates, saved, savedI }
		args[5], args[6], args[9] = d.judge.writes()
		if now := time.Now(); now.Sub(d.saved) >= leadSnapshot && d.judge.learned != d.savedI {
			d.saved, d.savedI = now, d.judge.learned
			args[7], args[8] = d.judge.snapshot(), d.savedI
		}
	}
	r, err := readLead(adaptiveScript.Exec(ctx, client, leadKeys(d.l.name), args))
	if err != nil {
		undo()
	}
	return r, err
}

// resign lets another lead at once.
func (d *lead) resign() {
	term := d.term
	d.follow()
	if term == 0 {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), min(d.l.store.o.Lease/4, time.Second))
	defer stop()
	if client, err := d.l.store.calls.reach(ctx); err == nil {
		adaptiveScript.Exec(ctx, client, leadKeys(d.l.name), []string{d.l.store.id, "resign", decimal(term)})
	}
}

func leadKeys(name string) []string {
	k := keys(name)
	return []string{k[0], k[2], k[0] + ":seen", k[0] + ":lead"}
}

// A leadReply is what adaptive.lua returns.
type leadReply struct {
	leads    bool
	left     time.Duration // of the lease of another
	term     uint64
	taken    bool    // the lead is new
	now      float64 // by the clock of leases, in microseconds; 0 where there is none now
	limit    int     // in force; 0 also for none
	foreign  bool    // somebody else has set it
	snapshot string
	rates    string // in force, that a leader before has found
	after    string
	entries  []leadEntry
}

type leadEntry struct {
	id   string
	seen string
}

func readLead(result rueidis.RedisResult) (*leadReply, error) {
	m, err := result.ToArray()
	if err != nil {
		return nil, err
	}
	word, err := text(m, 0)
	if err != nil {
		return nil, err
	}
	if word == "follow" && len(m) == 2 {
		left, err := text(m, 1)
		return &leadReply{left: micros(int64(id(left)))}, err
	}
	if word != "lead" || len(m) != 11 {
		return nil, badReply(m)
	}
	var words [9]string
	for i := 1; i < 9; i++ {
		if i == 2 || i == 6 {
			n, err := m[i].AsInt64()
			if err != nil {
				return nil, err
			}
			words[i] = strconv.FormatInt(n, 10)
			continue
		}
		if words[i], err = text(m, i); err != nil {
			return nil, err
		}
	}
	entries, err := m[9].AsXRange()
	if err != nil {
		return nil, err
	}
	rates, err := text(m, 10)
	if err != nil {
		return nil, err
	}
	r := &leadReply{
		leads: true, rates: rates, term: id(words[1]), taken: words[2] == "1", now: float64(id(words[4])),
		limit: int(id(words[5])), foreign: words[6] == "1", snapshot: words[7], after: words[8],
	}
	for _, e := range entries {
		r.entries = append(r.entries, leadEntry{e.ID, e.FieldValues["o"]})
	}
	return r, nil
}
