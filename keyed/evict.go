package keyed

import (
	"time"

	"github.com/penstock-go/penstock"
)

// An Idler is a limit that can tell when it remembers nothing at now, a reading
// of time.Now: nobody waits, and one made anew would treat everybody as it
// does. It is asked only while no permit of it is out, and must not use the
// Limiter that it belongs to. It must not block.
type Idler interface {
	Idle(now time.Time) bool
}

// idle says whether nobody could tell limiter from one made anew.
func idle(limiter any, now time.Time) bool {
	switch l := limiter.(type) {
	case Idler:
		return l.Idle(now)
	case *penstock.Semaphore:
		return unused(l.Stats())
	case *penstock.BoundedSemaphore:
		return unused(l.Stats())
	}
	return false
}

// unused also sees what was acquired of the semaphore past the Limiter.
func unused(s penstock.SemaphoreStats) bool { return s.InUse == 0 && s.Waiting == 0 }

// sweepSize is how many keys a newcomer looks at, at the most, to find idle
// ones. Dropping any share of them above one in eight keeps up with the
// newcomers, so that no larger share of all keys is idle for long.
const sweepSize = 8

// sweep drops idle keys while there are more than maxIdle, as far as it finds
// any among sweepSize keys.
func (l *Limiter[K, L]) sweep() {
	now := time.Now()
	left := sweepSize
	for range shards {
		s := &l.shards[l.hand.Add(1)%shards]
		if left -= l.sweepShard(s, now, left); left <= 0 || !l.tooMany() {
			return
		}
	}
}

func (l *Limiter[K, L]) tooMany() bool { return l.keys.Load() > int64(l.maxIdle) }

// sweepShard looks at up to most keys of s, and returns how many. Where another
// is at it already it looks at none.
func (l *Limiter[K, L]) sweepShard(s *shard[K, L], now time.Time, most int) (looked int) {
	if !s.sweeping.CompareAndSwap(false, true) {
		return 0
	}
	defer s.sweeping.Store(false)
	t := s.table.Load()
	// A slot is empty now and then, but a table is rehashed before most are.
	for range min(len(t.groups)*groupSize, 4*sweepSize) {
		if looked == most || !l.tooMany() {
			break
		}
		if s.hand >= len(t.groups)*groupSize {
			s.hand = 0
		}
		e := t.groups[s.hand/groupSize].slots[s.hand%groupSize].Load()
		s.hand++
		if e != nil {
			looked++
			l.drop(s, e, now)
		}
	}
	return looked
}

// drop drops e if it is idle. Its caller sweeps s.
func (l *Limiter[K, L]) drop(s *shard[K, L], e *entry[K, L], now time.Time) bool {
	// With no lock held: the limit's own code runs.
	if !e.use.drop(func() bool { return idle(e.limiter, now) }) {
		return false
	}
	l.keys.Add(-1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone++
	s.remove(l.hash(e.key), e)
	if len(s.table.Load().groups)*groupLoad > 4*(s.full+groupLoad) {
		l.rehash(s)
	}
	return true
}

// DropIdle drops all keys that are idle now, however few there are, and returns
// how many. It looks at every key, but holds up nobody who uses one.
func (l *Limiter[K, L]) DropIdle() int {
	now, n := time.Now(), 0
	for i := range l.shards {
		n += l.dropIdle(&l.shards[i], now)
	}
	return n
}

func (l *Limiter[K, L]) dropIdle(s *shard[K, L], now time.Time) (n int) {
	if !s.sweeping.CompareAndSwap(false, true) {
		return 0 // others drop idle keys here
	}
	defer s.sweeping.Store(false)
	for e := range s.table.Load().all {
		if l.drop(s, e, now) {
			n++
		}
	}
	return n
}
