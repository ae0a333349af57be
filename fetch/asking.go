package fetch

import (
	"errors"
	"time"

	"github.com/penstock-go/penstock"
)

// What a bucket shares with other runs is asked for without a worker: a job
// leaves its lane's queue, waits for the permit in a goroutine of its own, and
// stands in the lane's granted ones until a worker takes it. So no slot waits
// for a host, and what waits for one host holds nothing of another's. The share
// of the total comes last, when there is a slot: nobody holds it who waits for
// anything else.

// ahead is how far ahead of time a rate's permits may be taken: they are not
// used at once where the total is what limits.
const ahead = 10 * time.Millisecond

// worth is how many permits l can use at once, those in hand included. The
// caller holds mu.
func (s *scheduler) worth(l *lane) int {
	n := max(1, s.allowed-s.inFlight)
	if limit := l.limit(); limit > 0 {
		n = min(n, limit-l.inFlight)
	}
	if limit := limitOf(l.share); limit > 0 {
		n = min(n, limit)
	}
	for _, r := range l.declared.Rate {
		n = min(n, 1+int(r.PerSecond()*ahead.Seconds()))
	}
	return n
}

// ask asks for permits for the first jobs of l. The caller holds mu.
func (s *scheduler) ask(l *lane) {
	if s.paused || s.stopped || s.failed || l.waiting {
		return
	}
	now := time.Now()
	if until := l.hold(now); !until.IsZero() {
		if l.queued() > 0 {
			s.park(l, until, RetryAfter)
		}
		return
	}
	for l.asking+l.granted.len() < s.worth(l) {
		switch {
		case l.jobs.len() == 0:
			if l.spilled() > 0 && !l.refilling {
				l.refilling = true
				s.refills.push(l)
				s.wake()
			}
			return
		case s.inHand >= s.allowed: // enough to fill every slot
			if !l.unasked {
				l.unasked = true
				s.unasked.push(l)
			}
			return
		}
		j, share, version := l.jobs.pop(), l.share, l.version
		l.asking++
		s.asks.Go(func() {
			p, err := s.acquire(share, max(1, j.item.Cost))
			if p = s.answer(l, version, j, p, err); p != nil {
				p.Release(penstock.Unused)
			}
		})
	}
}

// answer does what came of asking for j under a version of the policy. It returns what is to be given back.
func (s *scheduler) answer(l *lane, version int, j *job, p Lease, err error) Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.asking--
	tooDear := errors.Is(err, penstock.ErrOverLimit)
	now := time.Now()
	switch {
	case err != nil && !tooDear,
		s.stopped, s.paused, version != s.version, !l.hold(now).IsZero():
		if err != nil && !tooDear && s.starting.Err() == nil && !s.failed {
			s.failed = true
			s.halt(err)
		}
		s.enqueue(j, true)
		s.offer(l) // whose spilled ones may have waited for this answer, where j is in another lane now
		s.dropIdle(l, now)
		return p
	}
	j.share, j.tooDear = p, tooDear
	l.granted.push(j)
	s.inHand++
	s.offer(l)
	return nil
}

// giveBack takes the permits in hand of l from its jobs, which go back into the
// queue. The caller holds mu.
func (s *scheduler) giveBack(l *lane) {
	n := l.granted.len()
	if n == 0 {
		return
	}
	var back []Lease
	jobs := make([]*job, 0, n)
	for l.granted.len() > 0 {
		jobs = append(jobs, l.granted.pop())
	}
	for i := len(jobs) - 1; i >= 0; i-- {
		j := jobs[i]
		if j.share != nil {
			back = append(back, j.share)
			j.share = nil
		}
		j.tooDear = false // for another share it may not be
		l.jobs.pushFront(j)
	}
	s.inHand -= n
	s.asks.Go(func() {
		for _, p := range back {
			p.Release(penstock.Unused)
		}
	})
	s.askMore()
}

// giveBackAll is giveBack for all lanes. The caller holds mu.
func (s *scheduler) giveBackAll() {
	for _, l := range s.lanes {
		s.giveBack(l)
	}
}

// askMore asks for those who did not because there was enough in hand. The caller
// holds mu.
func (s *scheduler) askMore() {
	for s.unasked.len() > 0 && s.inHand < s.allowed {
		l := s.unasked.pop()
		l.unasked = false
		s.offer(l)
		s.dropIdle(l, time.Now())
	}
}

// entered counts a job out of those that wait for the total. It reports whether
// the job may still start.
func (s *scheduler) entered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entering--
	if s.paused || s.inFlight > s.allowed {
		return false
	}
	s.peak = max(s.peak, s.sending())
	return true
}

// askAgain asks for all that could not while nothing was to start. The caller
// holds mu.
func (s *scheduler) askAgain() {
	for _, l := range s.lanes {
		if l.share != nil {
			s.offer(l)
		}
	}
}

// passOn says that j's request has ended: its share of the total goes to another
// before its record is written.
func (s *scheduler) passOn(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.passed = true
	s.leaving++
}

// sending is how many are in flight, but for those that wait for the total or have
// passed their share of it on. The caller holds mu.
func (s *scheduler) sending() int { return s.inFlight - s.entering - s.leaving }
