package fetch

import (
	"container/heap"
	"math"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// A job is an item on its way: what to send next, and what it has been
// through.
type job struct {
	item   Item
	lane   *lane // the queue it stands in, or was taken from
	method string
	url    *url.URL
	header http.Header
	body   []byte

	tooDear   bool // its cost is more than the rate will ever give
	attempts  int
	shortages int // times it stood back because this machine had run out of something
	redirects int
	admitted  time.Time     // when the reader handed it over
	active    time.Duration // time spent in attempts, redirects included
	spent     time.Duration // time this attempt has used in earlier redirects
	started   time.Time     // start of this attempt
}

// A lane is the queue of one host.
type lane struct {
	key      string
	jobs     fifo
	inFlight int
	ready    bool      // stands in scheduler.ready
	held     time.Time // no request before this
	waiting  bool      // stands in scheduler.timed until held

	// What is kept outside of the look-ahead, behind jobs: see spill.
	chunks    fifoOf[*chunk]
	tail      []byte // items that are no chunk yet
	tailed    int    // how many
	refilling bool
}

// A scheduler hands jobs to workers: hosts take turns, a host at its limit or
// on hold is passed over, a retry comes back when it is due. One mutex guards
// it all; no method but next blocks, and next only on its condition.
type scheduler struct {
	limit     int
	allowed   int       // of limit, since the machine ran out of something
	eased     time.Time // when allowed last changed
	perHost   int
	lookAhead int
	span      int64
	rate      Pacer
	spawn     func() // starts a worker; must not block
	decode    func([]byte) ([]*job, error)
	fail      func(error) // ends the run

	mu       sync.Mutex
	work     sync.Cond // a job may have become available, or the run ended
	room     sync.Cond // the reader may go on
	lanes    map[string]*lane
	ready    fifoOf[*lane]
	refills  fifoOf[*lane]
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
	eof      bool // nothing more comes
	readAll  bool // because there is nothing more
	stopped  bool
}

func newScheduler(o Options) *scheduler {
	s := &scheduler{
		limit: o.Concurrency, allowed: o.Concurrency, perHost: o.PerHost, lookAhead: o.LookAhead,
		span: o.Window, rate: o.Rate,
		lanes: map[string]*lane{}, done: newWindow(o.Window),
		spill: &spill{max: o.SpillMax, dir: o.TempDir},
	}
	s.work.L, s.room.L = &s.mu, &s.mu
	return s
}

// await blocks the reader until the look-ahead has room for one more item. It
// reports false when the run wants no more.
func (s *scheduler) await() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.stopped && !s.mayRead() {
		s.room.Wait()
	}
	return !s.stopped
}

// mayRead says that there is a place for one more item. The caller holds mu.
func (s *scheduler) mayRead() bool {
	if s.spill.live > 0 && s.spill.full() {
		return false // it may have to go there, behind others of its host
	}
	return s.resident < s.lookAhead || s.maySpill()
}

// maySpill says that the look-ahead is full of items of blocked hosts, while
// there are slots for others: it is worth reading on. Items that wait for their
// retry are no such reason, and there may be no more of them than the
// look-ahead holds. The caller holds mu.
func (s *scheduler) maySpill() bool {
	return s.inFlight < s.allowed && s.ready.len() == 0 && !s.spill.full() &&
		s.resident-s.backoff >= s.lookAhead && s.backoff < s.lookAhead
}

// begin counts the item at index as under way, as soon as it is not too far
// ahead of the oldest unfinished one. It reports false when the run wants no
// more.
func (s *scheduler) begin(index int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.stopped && s.pending > 0 && index-s.done.low >= s.span {
		s.room.Wait()
	}
	if s.stopped {
		return false
	}
	s.done.start(index)
	s.pending++
	s.resident++
	return true
}

// admit queues a job that has begun, or puts it aside if the look-ahead is full
// and its host is blocked. The error is why that cannot be done.
func (s *scheduler) admit(j *job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lane(hostKey(j.url))
	if l.spilled() == 0 && !l.refilling && (s.resident <= s.lookAhead || !s.blocked(l)) {
		s.enqueue(j, false)
		return nil
	}
	item, err := encodeSpilled(j)
	if err != nil {
		return err
	}
	s.put(l, item)
	s.offer(l)
	return nil
}

// blocked says that no request to l may start now. The caller holds mu.
func (s *scheduler) blocked(l *lane) bool {
	return l.waiting || s.perHost > 0 && l.inFlight >= s.perHost
}

// enqueue puts a job into its host's queue. The caller holds mu.
func (s *scheduler) enqueue(j *job, first bool) {
	l := s.lane(hostKey(j.url))
	j.lane = l
	if first {
		l.jobs.pushFront(j)
	} else {
		l.jobs.push(j)
	}
	s.offer(l)
}

func (s *scheduler) lane(key string) *lane {
	l := s.lanes[key]
	if l == nil {
		l = &lane{key: key}
		s.lanes[key] = l
	}
	return l
}

// offer makes l stand in the ready queue if it has something to do and room
// for it. The caller holds mu.
func (s *scheduler) offer(l *lane) {
	switch {
	case l.ready || s.blocked(l):
	case l.jobs.len() > 0:
		l.ready = true
		s.ready.push(l)
		s.wake()
	case l.spilled() > 0 && !l.refilling:
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
		if s.refills.len() > 0 {
			return nil, s.refills.pop()
		}
		now := time.Now()
		s.wakeDue(now)
		j, wait := s.pick(now)
		if j != nil {
			s.inFlight++
			s.peak = max(s.peak, s.inFlight)
			if s.mayRead() {
				s.room.Signal()
			}
			return j, nil
		}
		s.arm(now, wait)
		if s.mayRead() {
			s.room.Signal()
		}
		s.idle++
		s.work.Wait()
	}
}

// pick takes the next job of the next ready host; hosts take turns. Where
// only the rate stands against it, pick returns how long it will.
func (s *scheduler) pick(now time.Time) (*job, time.Duration) {
	if s.inFlight >= s.allowed {
		return nil, 0 // whoever leaves wakes the next
	}
	for s.ready.len() > 0 {
		l := s.ready.pop()
		l.ready = false
		if l.held.After(now) {
			l.waiting = true
			heap.Push(&s.timed, timed{at: l.held, lane: l})
			continue
		}
		if s.rate != nil {
			front := l.jobs.front()
			wait, ok := s.rate.At(now, max(1, front.item.Cost))
			if front.tooDear = !ok && wait == math.MaxInt64; !ok && !front.tooDear {
				l.ready = true
				s.ready.pushFront(l)
				return nil, wait
			}
		}
		j := l.jobs.pop()
		l.inFlight++
		s.offer(l)
		return j, 0
	}
	return nil, 0
}

// wakeDue moves what was waiting for a time back to the queues.
func (s *scheduler) wakeDue(now time.Time) {
	for len(s.timed) > 0 && !s.timed[0].at.After(now) {
		t := heap.Pop(&s.timed).(timed)
		if t.job != nil {
			s.backoff--
			s.enqueue(t.job, true)
			continue
		}
		if t.lane.held.After(now) { // held on meanwhile
			heap.Push(&s.timed, timed{at: t.lane.held, lane: t.lane})
			continue
		}
		t.lane.waiting = false
		s.offer(t.lane)
		s.dropIdle(t.lane)
	}
}

// arm sets the one timer to the earliest moment at which something changes by
// itself. The caller holds mu.
func (s *scheduler) arm(now time.Time, wait time.Duration) {
	var at time.Time
	if wait > 0 {
		at = now.Add(wait)
	}
	if len(s.timed) > 0 && (at.IsZero() || s.timed[0].at.Before(at)) {
		at = s.timed[0].at
	}
	if at.IsZero() || (s.timerAt.After(now) && !at.Before(s.timerAt)) {
		return
	}
	s.timerAt = at
	if s.timer == nil {
		s.timer = time.AfterFunc(at.Sub(now), s.tick)
		return
	}
	s.timer.Reset(at.Sub(now))
}

func (s *scheduler) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timerAt = time.Time{}
	s.wake()
}

// leave counts a request to l out of flight. The caller holds mu.
func (s *scheduler) leave(l *lane) {
	s.inFlight--
	l.inFlight--
	s.offer(l)
	if s.allowed < s.limit {
		s.recover(time.Now())
	}
	s.dropIdle(l)
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

// dropIdle forgets a host that has nothing to say any more. The caller holds
// mu.
func (s *scheduler) dropIdle(l *lane) {
	if l.inFlight == 0 && l.jobs.len() == 0 && !l.ready && !l.waiting && l.spilled() == 0 && !l.refilling {
		delete(s.lanes, l.key)
	}
}

// finish says that j has its record, and returns the index below which all
// have.
func (s *scheduler) finish(j *job) (low int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(j.lane)
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
	s.room.Signal()
	if s.over() {
		s.wakeAll()
	}
	return s.done.low
}

// again puts j first in the queue of the host that a redirect named.
func (s *scheduler) again(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := j.lane
	s.enqueue(j, true)
	s.leave(from)
}

// retry lets j wait until due, without a slot.
func (s *scheduler) retry(j *job, due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backoff++
	heap.Push(&s.timed, timed{at: due, job: j})
	s.leave(j.lane)
	s.wake() // somebody has to arm the timer
}

// hold lets no request go to j's host before until.
func (s *scheduler) hold(j *job, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := j.lane
	if !until.After(l.held) {
		return
	}
	l.held = until
	if !l.ready && !l.waiting {
		l.waiting = true
		heap.Push(&s.timed, timed{at: until, lane: l})
	}
}

// abandon counts j out of flight without a record: the run was stopped.
func (s *scheduler) abandon(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(j.lane)
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
	s.wakeAll()
	s.room.Broadcast()
}

// A timed is a job or a host that waits for a moment.
type timed struct {
	at   time.Time
	job  *job
	lane *lane
}

type timedHeap []timed

func (h timedHeap) Len() int           { return len(h) }
func (h timedHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h timedHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *timedHeap) Push(x any)        { *h = append(*h, x.(timed)) }
func (h *timedHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = timed{}
	*h = old[:len(old)-1]
	return t
}
