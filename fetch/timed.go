package fetch

import (
	"container/heap"
	"time"

	"github.com/penstock-go/penstock/httplimit"
)

// A timed is a job or a lane for which something changes at a moment.
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

// park lets nothing of l start before a time. The caller holds mu.
func (s *scheduler) park(l *lane, until time.Time, why Reason) {
	l.waiting, l.until, l.why = true, until, why
	heap.Push(&s.timed, timed{at: until, lane: l})
}

// wakeDue moves what was waiting for a time back to the queues. An entry that
// is no longer what its lane waits for does nothing.
func (s *scheduler) wakeDue(now time.Time) {
	for len(s.timed) > 0 && !s.timed[0].at.After(now) {
		t := heap.Pop(&s.timed).(timed)
		l := t.lane
		switch {
		case t.job != nil:
			s.backoff--
			s.enqueue(t.job, true)
			continue
		case l.waiting && l.until.After(now):
		case l.waiting:
			l.waiting = false
			s.offer(l)
		}
		l.dozing = false
		s.dropIdle(l, now)
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

// retry lets j wait until due, without a slot.
func (s *scheduler) retry(j *job, due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backoff++
	heap.Push(&s.timed, timed{at: due, job: j})
	s.leave(j)
	s.wake() // somebody has to arm the timer
}

// heed obeys what the answer to j has said of its server's limits.
func (s *scheduler) heed(j *job, hints httplimit.Hints, most time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, now := j.lane, time.Now()
	l.heed(j, hints, now, most)
	if l.ready || l.waiting && l.why != RetryAfter {
		return // it is asked before the next one starts
	}
	until := l.hold(now)
	switch {
	case until.IsZero():
		l.waiting = false
		s.offer(l)
	case !l.waiting || !until.Equal(l.until):
		s.park(l, until, RetryAfter)
	}
}
