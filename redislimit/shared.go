package redislimit

import (
	"context"
	"crypto/sha1" //nolint:gosec // it is what Redis names scripts by
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

// A shared is one limit as this process sees it: who waits here, what is held
// here, and what Redis has to be told. One goroutine talks to Redis (see run), or who is alone
// (see own); one at a time.
type shared struct {
	store             *Store
	name              string
	counts            bool  // a Semaphore: permits are held under the lease
	code              int   // the limit that the program gave
	lead              *lead // of an Adaptive; set before it is used
	plain             bool  // a Semaphore; set before it is used
	rates             rate.List
	wake              chan struct{} // pokes run
	fastText, fastSHA string

	mu       sync.Mutex
	last     uint64 // id of the latest waiter or permit
	waiting  map[uint64]*waiter
	held     map[uint64]*Permit
	out      outbox
	running  bool          // run is there
	done     chan struct{} // closed when run has ended
	closed   bool
	number   uint64    // of the latest call
	calling  bool      // it is being made: there is one at a time
	looked   bool      // run has found that another is making it
	lone     bool      // no more than one waited when it was made
	epoch    uint64    // the latest that is known
	server   server    // that keeps it
	quick    bool      // a short script may do, by what limit.lua last answered, and has not declined since
	joined   bool      // Redis has this process on its list
	sync     bool      // Redis is to be told everything
	heard    time.Time // when the latest call that was answered was sent
	synced   time.Time // when everything was told last
	due      time.Time // when the first of the queue, who is ours, can be had; zero for none
	idle     time.Time // since when there has been nothing to do; zero for not
	limit    int
	procs    int
	watching bool // the watchdog's timer runs
	unlisten func()
	away     outage
	stats    Stats
}

// A waiter waits for a permit, or for the answer to a try.
type waiter struct {
	id    uint64
	n     int
	cost  int // of the rates
	try   bool
	place string // in Redis' queue; "" for none yet
	since time.Time
	ready chan struct{} // closed when permit or err is set
	got   *Permit
	err   error
}

// An outbox is what Redis has to be told next.
type outbox struct {
	frees   []freed
	unused  []uint64 // to be freed, with what was paid for it
	drops   []*waiter
	settles []settle
	asks    []*waiter
	tries   []*waiter
}

// A freed is a permit that is given back, and what an adaptive limit learns from it.
type freed struct {
	id   uint64
	note string
}

// A settle changes what a permit has cost.
type settle struct {
	old, cost int
	undone    bool
	ends      string
}

func (o *outbox) empty() bool {
	return len(o.frees)+len(o.unused)+len(o.drops)+len(o.settles)+len(o.asks)+len(o.tries) == 0
}

func newShared(s *Store, name string, limit *int, rates rate.List) *shared {
	l := &shared{
		store:   s,
		name:    name,
		counts:  limit != nil,
		rates:   slices.Clone(rates),
		wake:    make(chan struct{}, 1),
		waiting: make(map[uint64]*waiter),
		held:    make(map[uint64]*Permit),
	}
	l.fastText = fastText + "-- " + name + "\n"
	sum := sha1.Sum([]byte(l.fastText))
	l.fastSHA = hex.EncodeToString(sum[:])
	if limit != nil {
		l.code, l.limit = *limit, *limit
	}
	return l
}

// demand is what w wants, as limit.lua reads it.
func (w *waiter) demand() string {
	if w.cost == w.n {
		return strconv.Itoa(w.n)
	}
	return strconv.Itoa(w.n) + "/" + strconv.Itoa(w.cost)
}

// acquire waits for n units, and cost of the rates. With try it waits for Redis'
// answer only.
func (l *shared) acquire(ctx context.Context, n, cost int, try bool) (*Permit, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	if n < 0 || cost < 0 {
		return nil, negative("acquire", min(n, cost))
	}
	if n == 0 && (l.counts || !slices.ContainsFunc(l.rates, perRequest)) {
		return &Permit{shared: l, ctx: ctx}, nil
	}
	w := &waiter{n: n, cost: cost, try: try, ready: make(chan struct{})}
	own, err := l.come(w, ctx.Done() == nil)
	if err != nil {
		return nil, err
	}
	if own != nil {
		l.carry(own, true)
	}
	select {
	case <-w.ready:
	case <-ctx.Done():
		if l.leave(w) {
			return nil, ended(ctx)
		}
	}
	if w.err != nil {
		return nil, w.err
	}
	if ctx.Err() != nil {
		w.got.Release(penstock.Unused)
		return nil, ended(ctx)
	}
	w.got.bind(ctx)
	return w.got, nil
}

func perRequest(r rate.Rate) bool { return r.Unit == rate.Requests }

// come puts w among those who wait. With patient it may return a call that is w's to carry.
func (l *shared) come(w *waiter, patient bool) (*call, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	if w.try && l.away.is || l.away.over {
		if l.store.o.Away != Local {
			return nil, l.away.error()
		}
	}
	if l.lead != nil {
		defer l.lead.begin()
	}
	l.last++
	w.id, w.since = l.last, time.Now()
	l.waiting[w.id] = w
	if w.try {
		l.out.tries = append(l.out.tries, w)
	} else {
		l.out.asks = append(l.out.asks, w)
	}
	if l.away.is {
		l.serveAway(w.since)
	}
	if patient {
		if c := l.own(w); c != nil {
			return c, nil
		}
	}
	l.poke()
	return nil, nil
}

// leave takes w, whose context has ended, out of those who wait. It reports
// false if it is too late.
func (l *shared) leave(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting[w.id] != w {
		return false
	}
	delete(l.waiting, w.id)
	l.stats.Cancelled++
	if i := slices.Index(l.out.asks, w); i >= 0 {
		l.out.asks = slices.Delete(l.out.asks, i, i+1)
		return true
	}
	if i := slices.Index(l.out.tries, w); i >= 0 {
		l.out.tries = slices.Delete(l.out.tries, i, i+1)
		return true
	}
	l.out.drops = append(l.out.drops, w)
	l.poke()
	return true
}

// poke lets run look again. It is called under the lock, and starts run if it
// is not there.
func (l *shared) poke() {
	if !l.running {
		l.running = true
		l.done = make(chan struct{})
		l.store.wg.Go(l.run)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// grant gives w what it waits for. From waiting to held is one step under the
// lock, so that no list that is sent to Redis has it in both or in neither.
func (l *shared) grant(w *waiter, f Fence, ends string, local bool, now time.Time) {
	delete(l.waiting, w.id)
	w.got = &Permit{shared: l, id: w.id, n: w.n, cost: w.cost, fence: f, ends: ends, local: local, begun: now}
	if l.counts {
		l.held[w.id] = w.got
		l.stats.InUse += w.n
		l.watch(now)
	}
	l.stats.Acquired++
	if waited := now.Sub(w.since); waited > l.stats.LongestWait {
		l.stats.LongestWait = waited
	}
	close(w.ready)
}

// refuse ends w's wait with err.
func (l *shared) refuse(w *waiter, err error) {
	delete(l.waiting, w.id)
	w.err = err
	close(w.ready)
}

// inOrder returns the ids of m, those who came first, first.
func inOrder[V any](m map[uint64]V) []uint64 { return slices.Sorted(maps.Keys(m)) }

// ended is the error of a wait that the end of ctx has ended.
func ended(ctx context.Context) error {
	cause, err := context.Cause(ctx), ctx.Err()
	if errors.Is(cause, err) {
		return fmt.Errorf("redislimit: acquire: %w", cause)
	}
	return fmt.Errorf("redislimit: acquire: %w (%w)", cause, err)
}

func negative(what string, n int) error {
	if what == "limit" {
		return fmt.Errorf("redislimit: %s %d: %w", what, n, penstock.ErrNegativeLimit)
	}
	return fmt.Errorf("redislimit: %s %d: %w", what, n, penstock.ErrNegativeWeight)
}
