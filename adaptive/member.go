package adaptive

import (
	"time"

	"github.com/penstock-go/penstock"
)

// Line returns the line in which those wait who need l and other limits, for
// [penstock.All].
func (l *Limiter) Line() penstock.Line { return line{l} }

// A line is a Limiter as penstock.All sees it.
type line struct{ l *Limiter }

// Order is part of penstock.Line.
func (s line) Order() uint64 { return s.l.order }

// Lock is part of penstock.Line.
func (s line) Lock() { s.l.mu.Lock() }

// Unlock is part of penstock.Line. It reports no changes: All may hold the locks
// of other limits.
func (s line) Unlock() { s.l.mu.Unlock() }

// Room is part of penstock.Line.
func (s line) Room(ticket uint64, n int) (time.Duration, error) {
	if err := s.l.refuse(n); err != nil {
		return 0, err
	}
	wait := s.l.room(time.Now(), n)
	if first := s.l.queue.first; n > 0 && first != nil && first.ticket < ticket && wait == 0 {
		return -1, nil
	}
	return wait, nil
}

// Take is part of penstock.Line.
func (s line) Take(n int) penstock.Permit { return s.l.take(time.Now(), n) }

// Join is part of penstock.Line. If w is first the timer runs for it too.
func (s line) Join(w *penstock.Waiter) {
	place := &waiter{ticket: w.Ticket(), n: w.Units(), stand: w}
	w.Place = place
	s.l.queue.insert(place)
	if s.l.queue.first == place {
		now := time.Now()
		s.l.arm(now, s.l.room(now, place.n))
	}
}

// Leave is part of penstock.Line.
func (s line) Leave(w *penstock.Waiter) {
	s.l.queue.remove(w.Place.(*waiter))
	w.Place = nil
}

// Serve is part of penstock.Line.
func (s line) Serve() {
	s.l.mu.Lock()
	s.l.serve(time.Now())
}

// Acquired is part of penstock.Line. The permit counts as sent since Take; what is
// left is to count the wait.
func (s line) Acquired(n int, waited time.Duration) {
	if n == 0 || waited < 0 {
		return
	}
	s.l.mu.Lock()
	s.l.stats.served(waited)
	s.l.mu.Unlock()
}
