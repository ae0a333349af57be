package rate

import (
	"time"

	"github.com/penstock-go/penstock"
)

// Line returns the line in which those wait who need l and other limits, for
// [penstock.All].
func (l *Limiter) Line() penstock.Line {
	s := l.lock()
	defer l.unlock(s)
	return s
}

// Order is part of penstock.Line.
func (s *state) Order() uint64 { return s.order }

// Lock is part of penstock.Line.
func (s *state) Lock() { s.limiter.lock() }

// Unlock is part of penstock.Line.
func (s *state) Unlock() { s.limiter.unlock(s) }

// Room is part of penstock.Line. To one who is behind others it says how long it
// would take without them, which is the least.
func (s *state) Room(ticket uint64, n int) (time.Duration, error) {
	p := s.limiter.gen.Load().plan
	if err := p.refuse(n); err != nil {
		return 0, err
	}
	if p.free(n) {
		return 0, nil
	}
	wait := nanos(s.tats.wait(p, p.now(), n))
	if first := s.queue.first; first != nil && first.ticket < ticket {
		wait = max(wait, 1)
	}
	return wait, nil
}

// Take is part of penstock.Line.
func (s *state) Take(n int) penstock.Permit {
	gen := s.limiter.gen.Load()
	p := &Permit{limiter: s.limiter, cost: n}
	s.take(gen, gen.now(), n, &p.grant)
	return p
}

// Join is part of penstock.Line. If w is first it is also for it that the timer
// runs; it may be due already.
func (s *state) Join(w *penstock.Waiter) {
	place := &waiter{ticket: w.Ticket(), cost: w.Units(), stand: w}
	w.Place = place
	s.queue.insert(place)
	if s.queue.first == place {
		p := s.limiter.gen.Load().plan
		now := p.now()
		s.arm(s.limiter, now, s.tats.wait(p, now, place.cost))
	}
}

// Leave is part of penstock.Line.
func (s *state) Leave(w *penstock.Waiter) {
	s.queue.remove(w.Place.(*waiter))
	w.Place = nil
}

// Serve is part of penstock.Line.
func (s *state) Serve() {
	s.limiter.lock()
	s.limiter.serve(s)
}

// Acquired is part of penstock.Line. It counts one who has waited in an All
// and was served when it stood here; what was had at once is not counted.
func (s *state) Acquired(_ int, waited time.Duration) {
	if waited < 0 {
		return
	}
	s.limiter.lock()
	defer s.limiter.unlock(s)
	s.stats.Waits++
	s.stats.Served++
	s.stats.TotalWait += waited
}
