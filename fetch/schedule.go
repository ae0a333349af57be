package fetch

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/penstock-go/penstock/rate"
)

// A scheduler hands jobs to workers: hosts take turns, a host at its limit or
// on hold is passed over, a retry comes back when it is due. One mutex guards
// it all; no method but next blocks, and next only on its condition.
type scheduler struct {
	limit     int
	allowed   int       // of limit, since the machine ran out of something
	eased     time.Time // when allowed last changed
	lookAhead int
	span      int64
	policy    Policy
	version   int // of policy
	rate      Pacer
	rateUntil time.Time // when rate lets the next one start, where one waits for it
	shared    *Shared
	starting  context.Context    //nolint:containedctx // ends when nothing new is to start any more
	endStart  context.CancelFunc // ends it
	halt      func(error)        // ends the run because of a shared limit; must not block
	failed    bool               // a shared limit did
	spawn     func()             // starts a worker; must not block
	decode    func([]byte) ([]*job, error)
	fail      func(error) // ends the run

	mu       sync.Mutex
	work     sync.Cond // a job may have become available, or the run ended
	room     sync.Cond // the reader may go on
	ended    sync.Cond // the run ended
	lanes    map[string]*lane
	ready    fifoOf[*lane]
	refills  fifoOf[*lane]
	unasked  fifoOf[*lane]  // have not asked for permits, because
	inHand   int            // so many are there that no job in flight uses yet
	entering int            // of inFlight, wait for the total that is shared
	leaving  int            // of inFlight, have passed their share of that on
	asks     sync.WaitGroup // those who wait for permits
	timed    timedHeap
	timer    *time.Timer
	timerAt  time.Time
	done     window
	pending  int // begun and not finished
	resident int // of these, in memory
	spill    *spill
	backoff  int // of these, waiting for a retry
	inFlight int
	peak     int
	idle     int
	workers  int
	paused   bool
	slowHead bool // the reader waits for the oldest unfinished item
	eof      bool // nothing more comes
	readAll  bool // because there is nothing more
	stopped  bool
}

func newScheduler(o Options) *scheduler {
	s := &scheduler{
		limit: o.Concurrency, allowed: o.Concurrency, lookAhead: o.LookAhead,
		span: o.Window, policy: o.Policy, rate: o.Rate,
		lanes: map[string]*lane{}, done: newWindow(o.Window),
		spill: &spill{max: o.SpillMax, dir: o.TempDir}, shared: o.Shared,
	}
	s.starting, s.endStart = context.WithCancel(context.Background())
	s.work.L, s.room.L, s.ended.L = &s.mu, &s.mu, &s.mu
	return s
}

// enqueue puts a job into its lane. The caller holds mu.
func (s *scheduler) enqueue(j *job, first bool) {
	l := s.lane(j.url)
	j.lane = l
	if first {
		l.jobs.pushFront(j)
	} else {
		l.jobs.push(j)
	}
	s.offer(l)
}

// lane is that of the bucket which the policy names. The caller holds mu.
func (s *scheduler) lane(u *url.URL) *lane {
	b := s.policy.Bucket(u)
	l := s.lanes[b.Key]
	if l == nil {
		l = &lane{key: b.Key, version: -1}
		s.lanes[b.Key] = l
	}
	if l.version != s.version {
		if err := s.applyLimits(l, b); err != nil {
			s.fail(fmt.Errorf("the limits of %s: %w", b.Key, err))
		}
	}
	return l
}

// applyLimits gives l those of b: what is not shared with other runs is kept here.
func (s *scheduler) applyLimits(l *lane, b Bucket) error {
	share, limits, err := s.shared.bucket(b)
	if err != nil {
		return err
	}
	l.share, l.declared = share, b.Limits
	return l.apply(limits, s.version)
}

// offer makes l stand in the ready queue if it has something to do and room
// for it. The caller holds mu.
func (s *scheduler) offer(l *lane) {
	if l.share != nil {
		s.ask(l)
	}
	switch {
	case l.ready || l.blocked():
	case l.front().len() > 0:
		l.ready = true
		s.ready.push(l)
		s.wake()
	case l.spilled() > 0 && !l.refilling && l.share == nil:
		l.refilling = true
		s.refills.push(l)
		s.wake()
	}
}

// wake gets a worker to look for work: one that is idle, else a new one. Who
// wakes it counts it out of the idle ones at once, so that two who wake do not
// both rely on the same worker. The caller holds mu.
func (s *scheduler) wake() {
	switch {
	case s.idle > 0:
		s.idle--
		s.work.Signal()
	case s.workers < s.limit && !s.over():
		s.workers++
		s.spawn()
	}
}

// over says that there is nothing more to do, or shall not be. The caller
// holds mu.
func (s *scheduler) over() bool { return s.stopped || s.eof && s.pending == 0 }

// wakeAll lets every worker see that the run is over. The caller holds mu.
func (s *scheduler) wakeAll() {
	if s.timer != nil && s.over() {
		s.timer.Stop()
	}
	s.idle = 0
	s.work.Broadcast()
	if s.over() {
		s.ended.Broadcast()
	}
}

// awaitEnd waits until there is nothing more to do. There may be no worker
// until then, where all waits for limits that are shared with other runs.
func (s *scheduler) awaitEnd() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.over() {
		s.ended.Wait()
	}
}

// next waits for a job that may start now and counts it in flight. It returns
// nil when the run is over.
func (s *scheduler) next() *job {
	for {
		j, l := s.nextTask()
		if l == nil {
			return j
		}
		s.refill(l)
	}
}

// nextTask waits for a job that may start, or a lane that is to be refilled.
func (s *scheduler) nextTask() (*job, *lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.over() {
			s.workers--
			return nil, nil
		}
		now := time.Now()
		s.wakeDue(now) // first: it may be that a lane can be refilled now
		if s.refills.len() > 0 {
			return nil, s.refills.pop()
		}
		j, wait := s.pick(now)
		if j != nil {
			j.picked = now
			s.inFlight++
			if s.shared.total() != nil && !j.tooDear {
				s.entering++
			}
			s.peak = max(s.peak, s.sending())
			s.letRead()
			return j, nil
		}
		s.arm(now, wait)
		s.letRead()
		s.idle++
		s.work.Wait()
	}
}

// pick takes the next job of the next ready lane; lanes take turns. Where only
// the rate of all stands against it, pick returns how long it will.
func (s *scheduler) pick(now time.Time) (*job, time.Duration) {
	if s.paused || s.inFlight >= s.allowed {
		return nil, 0 // whoever leaves wakes the next
	}
	for s.ready.len() > 0 {
		l := s.ready.pop()
		l.ready = false
		if until := l.hold(now); !until.IsZero() {
			s.giveBack(l)
			s.park(l, until, RetryAfter)
			continue
		}
		if l.front().len() == 0 { // what was there has been given back
			s.offer(l)
			continue
		}
		j := l.front().front()
		if j.tooDear { // for what is shared
			s.begun(l, j, grant{})
			return j, 0
		}
		granted, wait, why := l.take(now, max(1, j.item.Cost), s.rate)
		switch j.tooDear = wait == rate.Never; {
		case wait == 0 || j.tooDear:
			s.begun(l, j, granted)
			return j, 0
		case why == TotalRate:
			l.ready = true
			s.ready.pushFront(l)
			s.rateUntil = now.Add(wait)
			return nil, wait
		case wait > 0:
			s.park(l, now.Add(wait), why)
		case l.inFlight == 0: // nobody will leave
			s.park(l, now.Add(recheck), why)
		}
	}
	return nil, 0
}

// begun counts j in flight, and lets those after it come. The caller holds mu.
func (s *scheduler) begun(l *lane, j *job, g grant) {
	if l.granted.len() > 0 {
		s.inHand--
	}
	l.start(j, g)
	s.offer(l)
	s.askMore()
}

// recheck is when to ask a limit again that has not said when.
const recheck = 100 * time.Millisecond

// leave counts j, and what it holds, out of flight. The caller holds mu.
func (s *scheduler) leave(j *job) {
	l := j.lane
	s.inFlight--
	l.inFlight--
	if j.passed {
		j.passed = false
		s.leaving--
	}
	j.grant.release(j.outcome)
	if l.inFlight > 0 && s.allowed == s.limit {
		s.offer(l)
		return // without a look at the clock
	}
	now := time.Now()
	if l.inFlight == 0 && l.waiting && l.why == RetryAfter && l.hold(now).IsZero() {
		l.waiting = false // nobody is left to tell that there is more of a quota
	}
	s.offer(l)
	if s.allowed < s.limit {
		s.recover(now)
	}
	s.dropIdle(l, now)
}

// ease lets one less be in flight than were when the machine ran out of
// something: as each of those that failed does so and leaves, what is allowed
// comes down to what there was room for.
func (s *scheduler) ease(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allowed = max(1, min(s.allowed, s.inFlight-1))
	s.eased = now
}

// recoverEvery is how often one more may be in flight after a shortage.
const recoverEvery = time.Second

// recover lets one more be in flight, every now and then. The caller holds mu.
func (s *scheduler) recover(now time.Time) {
	if now.Sub(s.eased) >= recoverEvery {
		s.allowed++
		s.eased = now
	}
	if s.ready.len() > 0 {
		s.wake()
	}
}

// dropIdle forgets a lane that has nothing to say any more, at once or when its
// limits do not remember anything. The caller holds mu.
func (s *scheduler) dropIdle(l *lane, now time.Time) {
	switch {
	case l.asking > 0 || l.granted.len() > 0 || l.unasked:
		return
	case l.inFlight > 0 || l.jobs.len() > 0 || l.ready || l.waiting || l.dozing || l.spilled() > 0 || l.refilling:
		return
	case s.lanes[l.key] != l: // it was dropped, and what was due for it is of no use
		return
	}
	if until := l.remembers(now); until.After(now) {
		l.dozing = true
		heap.Push(&s.timed, timed{at: until, lane: l})
		return
	}
	delete(s.lanes, l.key)
}

// finish says that j has its record, and returns the index below which all
// have.
func (s *scheduler) finish(j *job) (low int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(j)
	return s.settle(j.item.Index)
}

// reject does the same for an item that never became a job.
func (s *scheduler) reject(index int64) (low int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settle(index)
}

// settle counts the item at index as finished. The caller holds mu.
func (s *scheduler) settle(index int64) (low int64) {
	s.pending--
	s.resident--
	s.done.finish(index)
	s.letRead()
	if s.over() {
		s.wakeAll()
	}
	return s.done.low
}

// again puts j first in the queue of the host that a redirect named.
func (s *scheduler) again(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(j)
	s.enqueue(j, true)
}

// abandon counts j out of flight without a record: the run was stopped.
func (s *scheduler) abandon(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(j)
}

// end says that no more items will come: all were read, or reading stopped.
func (s *scheduler) end(all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eof, s.readAll = true, all
	s.wakeAll()
}

// stop lets nothing new start.
func (s *scheduler) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	s.endStart()
	s.giveBackAll()
	s.wakeAll()
	s.room.Broadcast()
}

// setPolicy lets another policy say what each job falls under.
func (s *scheduler) setPolicy(p Policy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policy = p
	s.version++
	var jobs []*job
	for _, l := range s.lanes {
		s.giveBack(l)
		for l.jobs.len() > 0 {
			jobs = append(jobs, l.jobs.pop())
		}
		l.ready = false
		if l.why != RetryAfter {
			l.waiting = false // for a limit that may be another now
		}
	}
	for s.ready.len() > 0 {
		s.ready.pop()
	}
	slices.SortFunc(jobs, func(a, b *job) int { return cmp.Compare(a.item.Index, b.item.Index) })
	for _, j := range jobs {
		s.enqueue(j, false)
	}
	for _, l := range s.lanes {
		s.offer(l)
	}
}

// setLimit changes how many requests may be in flight.
func (s *scheduler) setLimit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit, s.allowed = n, n
	s.lookAhead = max(s.lookAhead, min(10*n, int(s.span))) // or there would not be enough to do
	s.wakeForReady()
	s.room.Signal()
}

// pause lets nothing new start, or lets it again.
func (s *scheduler) pause(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = on
	if on {
		s.giveBackAll()
		return
	}
	s.askAgain()
	s.wakeForReady()
}

// wakeForReady gets workers to look at the lanes that stand ready: when each came
// to stand there somebody was woken, but may have found that it must not start.
// The caller holds mu.
func (s *scheduler) wakeForReady() {
	for range min(s.ready.len(), s.allowed-s.inFlight) {
		s.wake()
	}
}
