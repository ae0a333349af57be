package penstock

import (
	"cmp"
	"slices"
	"time"
)

// A lineSet is the lines of the members of a team, each of them once. It does
// not change: where a member gets another line, the team gets another lineSet.
type lineSet struct {
	listed  []memberLine // in the order in which the members were given to All
	locking []memberLine // in the order in which they are locked
}

type memberLine struct {
	Line
	order   uint64
	perCall bool
}

// cost returns what an operation that costs n costs this limit.
func (l memberLine) cost(n int) int {
	if l.perCall {
		return 1
	}
	return n
}

// permit takes what an operation that costs n costs this limit.
func (l memberLine) permit(n int) Permit {
	if l.perCall {
		return ofCall(l.Take(1))
	}
	return l.Take(n)
}

// linesOf asks the members for their lines.
func linesOf(parts []part) *lineSet {
	s := &lineSet{}
	for _, p := range parts {
		line := p.member.Line()
		l := memberLine{line, line.Order(), p.perCall}
		i := slices.IndexFunc(s.listed, func(m memberLine) bool { return m.order == l.order })
		if i < 0 {
			s.listed = append(s.listed, l)
		} else if s.listed[i].perCall {
			s.listed[i] = l // of the two, the one that takes the units
		}
	}
	s.locking = slices.SortedFunc(slices.Values(s.listed), func(l, m memberLine) int {
		return cmp.Compare(l.order, m.order)
	})
	return s
}

func (s *lineSet) lock() {
	for _, l := range s.locking {
		l.Lock()
	}
}

func (s *lineSet) unlock() {
	for _, l := range slices.Backward(s.locking) {
		l.Unlock()
	}
}

// look returns the line that lacks room for n of one who came with that ticket,
// or nil if none does. Of several it returns one where only a release can make
// room, if there is one, else the one that takes longest: so it is rare that
// another turns out to lack room then. The lines must be locked.
func (s *lineSet) look(ticket uint64, n int) (lacking *memberLine, err error) {
	var longest time.Duration
	for i := range s.listed {
		l := &s.listed[i]
		room, err := l.Room(ticket, l.cost(n))
		if err != nil {
			return nil, err
		}
		if longest >= 0 && room != 0 && (room < 0 || room > longest) {
			lacking, longest = l, room
		}
	}
	return lacking, nil
}

// take takes n of all lines, which are locked and have room for it.
func (s *lineSet) take(n int) Permit {
	switch len(s.listed) {
	case 0:
		return noPermit{}
	case 1:
		return s.listed[0].permit(n)
	}
	all := &allPermit{}
	all.permits = all.few[:0]
	for _, l := range s.listed {
		all.permits = append(all.permits, l.permit(n))
	}
	return all.settler()
}

// acquired tells the lines, which are not locked, that n of each is in use now.
// If last is not nil, it was waited for, and last had room last.
func (s *lineSet) acquired(n int, last Line, waited time.Duration) {
	for _, l := range s.listed {
		if last != nil && last.Order() == l.order {
			l.Acquired(l.cost(n), waited)
		} else {
			l.Acquired(l.cost(n), -1)
		}
	}
}
