package origin

import (
	"sync"
	"sync/atomic"
)

// gauge counts what is present (requests at work, connections open) and keeps
// the most that were present at one instant.
//
// What a client has walked away from (it closed the connection, it reset the
// stream) is no longer the client's, though the server may need a moment to
// notice. A client that gives up on one request and then sends another holds
// one, not two. So one word holds both counts, present in its low half and
// abandoned in its high half: every change is one atomic step, and a peak never
// mixes two instants.
type gauge struct {
	word atomic.Uint64
	mu   sync.Mutex // orders the raises of peak
	peak atomic.Int64
}

const abandonedOne = 1 << 32

// alive is present minus abandoned. It may be -1 for an instant while something
// that was abandoned leaves.
func alive(word uint64) int64 {
	return int64(int32(uint32(word))) - int64(int32(word>>32))
}

// enter adds delta (one, with or without abandonedOne). When that would make a
// new peak, it first calls settle, which finds out what was abandoned. The
// compare-and-swap keeps a newcomer from raising the peak by the short way.
func (g *gauge) enter(delta uint64, settle func()) {
	for {
		old := g.word.Load()
		if alive(old+delta) > g.peak.Load() {
			break
		}
		if g.word.CompareAndSwap(old, old+delta) {
			return
		}
	}
	settle()
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := alive(g.word.Add(delta)); now > g.peak.Load() {
		g.peak.Store(now)
	}
}

func (g *gauge) add(delta uint64) { g.word.Add(delta) }

func (g *gauge) now() int { return int(max(0, alive(g.word.Load()))) }

// reset makes the present the peak.
func (g *gauge) reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.peak.Store(int64(g.now()))
}

// stay is one thing's presence in a host's gauge and in the gauge of all hosts
// (nil when there is only one host). It is entered once and left once, and may
// be abandoned at any time (by settle, whose lock keeps a half-made abandonment
// from a newcomer's eyes). The order of the steps in each method makes every
// instant between them count one too few and never one too many, and only for
// something that was abandoned.
type stay struct {
	state   atomic.Uint32
	one     *gauge
	overall *gauge
}

const (
	stayIn = 1 << iota
	stayGone
)

// of says which gauges count it.
func (s *stay) of(one, overall *gauge) { s.one, s.overall = one, overall }

func (s *stay) enter(settle func()) {
	delta := uint64(1)
	if s.state.Or(stayIn)&stayGone != 0 {
		delta += abandonedOne
	}
	s.one.enter(delta, settle)
	if s.overall != nil {
		s.overall.enter(delta, settle)
	}
}

// again readies a stay that has been left for another, on a connection that may
// have gone.
func (s *stay) again(gone *atomic.Bool) {
	s.state.Store(0)
	if gone.Load() {
		s.abandon()
	}
}

// abandon says that the client has left.
func (s *stay) abandon() {
	if s.state.Or(stayGone) == stayIn {
		s.add(abandonedOne)
	}
}

func (s *stay) leave() {
	s.add(^uint64(0))
	if s.state.And(^uint32(stayIn)) == stayIn|stayGone {
		s.add(^uint64(abandonedOne) + 1)
	}
}

func (s *stay) add(delta uint64) {
	s.one.add(delta)
	if s.overall != nil {
		s.overall.add(delta)
	}
}
