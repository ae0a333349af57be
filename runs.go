package penstock

import (
	"sync"
	"sync/atomic"
	"time"
)

// A worker claims indices in runs, so that it touches what is shared once a
// run and not once a task, and so that two workers seldom write results into
// the same cache line. A run stuck behind a slow task is no loss: an idle
// worker steals from it.
//
// Runs are for tasks so short that the claiming would show. A longer task is
// claimed by itself, so that slow tasks start in the order of the input.
const (
	runGrowth    = 16
	longestRun   = 128                   // at most runMask
	shortTask    = 50 * time.Microsecond // a task below this is worth a run
	claimsUntold = 63                    // single claims between two looks at the clock

	runBits = 8
	runMask = 1<<runBits - 1
)

// runs deals the indices 0 to n-1 out to at most limit workers. Every worker
// starts the next one when it finds its first index, before it runs a task:
// tiny inputs are done before a second worker is awake, and tasks that block
// find the full number of workers beside them.
type runs struct {
	n     int64
	limit int
	// do runs the task of index i and says whether to go on.
	do func(i int) bool
	// lost takes the index of a task that ended its worker's goroutine.
	lost  func(i int)
	began time.Time

	_    [cacheLine]byte
	next atomic.Int64 // the first index that no worker has claimed
	_    [cacheLine]byte

	wg     sync.WaitGroup
	mu     sync.Mutex // held by claims of more than one index, and by thieves
	claims []*claim   // of the workers started
	dry    bool       // nothing left to claim or steal, nor will there be

	// What claims begins with: most calls never start a third worker.
	first claim
	few   [2]*claim
}

// cacheLine keeps what everybody writes apart from what everybody reads.
const cacheLine = 64

// A claim is the run of indices that a worker has claimed and not begun. It is
// one word, so that the worker takes from the front and a thief from the back
// by a single compare-and-swap: the first index above runBits, the number of
// them below. The same word never comes back, for no index is at the front of
// a run twice.
type claim struct {
	atomic.Uint64
	_ [cacheLine - 8]byte
}

// A worker runs tasks until there are none. It lives on its goroutine's stack:
// with a thousand workers, what it touches for a task decides what the cache
// can hold.
type worker struct {
	r       *runs
	claim   *claim
	holds   bool          // the claim may not be empty
	hasWork bool          // an index was found, so the next worker has been started
	length  int64         // of the next run
	untold  int           // single claims until the clock is read again
	since   time.Duration // when the run was claimed, after r.began; or untimed
}

const untimed = -1

// dealRuns calls do for each of the indices below n from at most limit
// goroutines at once, until it returns false everywhere or has had them all.
// It returns when all of them have ended.
func dealRuns(limit, n int, do func(i int) bool, lost func(i int)) {
	r := &runs{n: int64(n), limit: min(limit, n), do: do, lost: lost, began: time.Now()}
	r.claims = r.few[:0]
	r.start()
	r.wg.Wait()
}

// start starts one more worker, if the limit allows. It is called by one
// goroutine at a time: the caller, then the latest worker.
func (r *runs) start() {
	r.mu.Lock()
	if len(r.claims) >= r.limit {
		r.mu.Unlock()
		return
	}
	c := &r.first
	if len(r.claims) > 0 {
		c = new(claim)
	}
	r.claims = append(r.claims, c)
	r.mu.Unlock()
	r.wg.Add(1)
	go r.work(c, false)
}

// work runs tasks until there are none. A task that calls runtime.Goexit costs
// its goroutine, and another goes on with the claim.
func (r *runs) work(c *claim, hasWork bool) {
	w := worker{r: r, claim: c, holds: true, hasWork: hasWork, length: 1, since: untimed}
	current, ended := 0, false
	defer leave(&ended, func() {
		r.lost(current)
		r.wg.Add(1)
		go r.work(c, true)
	}, r.wg.Done)
	for {
		i, ok := w.take()
		if !ok {
			break
		}
		current = i
		if !r.do(i) {
			break
		}
	}
	ended = true
}

// take gives the next index of the worker's claim, or makes or steals another.
func (w *worker) take() (int, bool) {
	for w.holds {
		run := w.claim.Load()
		if run&runMask == 0 {
			w.holds = false
			break
		}
		if w.claim.CompareAndSwap(run, run+1<<runBits-1) {
			return int(run >> runBits), true
		}
	}
	if w.untold > 1 {
		w.untold--
		if i := w.r.next.Add(1) - 1; i < w.r.n {
			return int(i), true
		}
	}
	return w.refill()
}

func (w *worker) refill() (i int, ok bool) {
	if w.r.next.Load() < w.r.n {
		w.measure()
		i, ok = w.claimNext()
	}
	if !ok {
		i, ok = w.steal()
	}
	if ok && !w.hasWork {
		w.hasWork = true
		w.r.start()
	}
	return i, ok
}

// measure sets the length of the next run by how long the tasks of this one
// took. The clock costs more than a tiny task, so that it is read once a run,
// and where tasks are claimed one by one only now and then.
func (w *worker) measure() {
	now := time.Since(w.r.began)
	switch {
	case w.since == untimed: // the first claim, or the first after a pause
		w.since = now
	case now-w.since < shortTask*time.Duration(w.length):
		w.length = min(w.length*runGrowth, longestRun)
		w.since = now
	default:
		w.length, w.untold, w.since = 1, claimsUntold, untimed
	}
}

// claimNext takes a run of indices that nobody has claimed.
func (w *worker) claimNext() (int, bool) {
	r := w.r
	if w.length == 1 {
		i := r.next.Add(1) - 1
		return int(i), i < r.n
	}
	// Under the lock, so that a thief that finds nothing has missed nothing:
	// what is no longer unclaimed is already in a worker's run.
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.next.Add(w.length) - w.length
	if i >= r.n {
		return 0, false
	}
	w.keep(i, min(w.length, r.n-i))
	return int(i), true
}

// keep makes the worker's claim of the indices after the first of count from i.
func (w *worker) keep(i, count int64) {
	w.claim.Store(uint64(i+1)<<runBits | uint64(count-1))
	w.holds = true
}

// steal takes the back half of the longest run that some worker has claimed
// and not got to yet. It finds nothing only when every index has been begun.
func (w *worker) steal() (int, bool) {
	r := w.r
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.dry {
		victim, run := r.longest()
		have := run & runMask
		if have == 0 {
			r.dry = true
			break
		}
		loot := have - have/2
		if victim.CompareAndSwap(run, run-loot) {
			i := int64(run>>runBits + have - loot)
			w.keep(i, int64(loot))
			return int(i), true
		}
	}
	return 0, false
}

func (r *runs) longest() (victim *claim, run uint64) {
	for _, c := range r.claims {
		if have := c.Load(); have&runMask > run&runMask {
			victim, run = c, have
		}
	}
	return victim, run
}
