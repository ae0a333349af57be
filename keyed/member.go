package keyed

import (
	"context"
	"sync"
	"time"

	"github.com/penstock-go/penstock"
)

// For returns key's limit as a penstock.Limiter. It does not keep key from being
// dropped: it stands for whatever limit key has when it is used, so it can be
// kept for any time, and made anew as often as is convenient.
//
// If the limits are penstock.Members, so is what For returns, and penstock.All waits
// for it without holding any other. Whether they are is seen from L; where that
// is an interface, from key's limit, which For makes if there is none.
// The function given to New must then return a Member for a key always or never.
func (l *Limiter[K, L]) For(key K) penstock.Limiter {
	v := view[K, L]{l: l, key: key}
	if l.isMember(key) {
		return &memberView[K, L]{v}
	}
	return &v
}

func (l *Limiter[K, L]) isMember(key K) bool {
	var none L
	if any(none) != nil { // L is no interface
		_, ok := any(none).(penstock.Member)
		return ok
	}
	e := l.get(key, calling)
	defer e.use.leave(calling)
	_, ok := any(e.limiter).(penstock.Member)
	return ok
}

// A view is one key of a Limiter.
type view[K comparable, L penstock.Limiter] struct {
	l   *Limiter[K, L]
	key K
}

func (v *view[K, L]) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	return v.l.AcquirePermit(ctx, v.key, n)
}

func (v *view[K, L]) TryAcquirePermit(n int) (penstock.Permit, bool) {
	return v.l.TryAcquirePermit(v.key, n)
}

// A memberView is a view of limits that are Members.
type memberView[K comparable, L penstock.Limiter] struct {
	view[K, L]
}

// Line is part of penstock.Member.
func (v *memberView[K, L]) Line() penstock.Line {
	e := v.l.get(v.key, calling)
	defer e.use.leave(calling)
	m, ok := any(e.limiter).(penstock.Member)
	if !ok {
		panic("keyed: the function given to New returned no penstock.Member for a key for which it did before")
	}
	return &line{Line: m.Line(), use: &e.use, standing: &v.l.standing}
}

// A line is the Line of an entry's limit for one penstock.All. The entry cannot be
// dropped while the line is locked, so what was seen by then holds for what is
// done; nor while somebody stands in it.
type line struct {
	penstock.Line
	use      *use
	standing *standing
	alive    bool // counted in use, from Lock to Unlock
}

func (l *line) Lock() {
	l.Line.Lock()
	l.alive = l.use.enter(calling)
}

func (l *line) Unlock() {
	if l.alive {
		l.use.leave(calling)
	}
	l.Line.Unlock()
}

func (l *line) Room(ticket uint64, n int) (time.Duration, error) {
	if !l.alive {
		return 0, penstock.ErrLineGone
	}
	return l.Line.Room(ticket, n)
}

func (l *line) Take(n int) penstock.Permit {
	p := newPermit(l.use, l.Line.Take(n))
	l.use.enter(held)
	return p
}

func (l *line) Join(w *penstock.Waiter) {
	l.Line.Join(w)
	l.use.enter(calling)
	l.standing.add(w, l.use)
}

func (l *line) Leave(w *penstock.Waiter) {
	l.Line.Leave(w)
	l.standing.remove(w)
	l.use.leave(calling)
}

// standing is which Waiters stand where, for Stats: one counts for all who wait
// in its All.
type standing struct {
	mu sync.Mutex // after any Line's lock
	at map[*penstock.Waiter]*use
}

func (s *standing) add(w *penstock.Waiter, u *use) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = make(map[*penstock.Waiter]*use)
	}
	s.at[w] = u
}

func (s *standing) remove(w *penstock.Waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.at, w)
}

// behind returns how many more wait at each use than it counts calls.
func (s *standing) behind() map[*use]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	behind := make(map[*use]int, len(s.at))
	for w, u := range s.at {
		behind[u] += w.Size() - 1
	}
	return behind
}
