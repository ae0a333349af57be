package fetch

import (
	"cmp"
	"slices"
)

// leastSpan is the smallest free place that is worth writing rows into: there
// may be many, and few are large.
const leastSpan = 64 << 10

// A span is a part of a file, without its end.
type span struct{ at, end int64 }

// A storage says where in a file there is place, so that a file of which parts
// are given back does not grow for ever. Its zero value is an empty file.
type storage struct {
	end  int64  // of the file
	free []span // in order, none touching another
	room span   // where rows are written now
	full bool   // no span of free is large enough
}

// take returns a place for n bytes.
func (s *storage) take(n int64) (at int64) {
	if s.room.end-s.room.at < n && !s.full {
		s.nextRoom(max(n, leastSpan))
	}
	if s.room.end-s.room.at >= n {
		at = s.room.at
		s.room.at += n
		return at
	}
	at = s.end
	s.end += n
	return at
}

// nextRoom makes the largest free span the room, if it is at least n bytes.
func (s *storage) nextRoom(n int64) {
	s.give(nil) // what is left of the room is free as well
	best := -1
	for i, f := range s.free {
		if size := f.end - f.at; size >= n {
			best, n = i, size
		}
	}
	if s.full = best < 0; s.full {
		return
	}
	s.room = s.free[best]
	s.free = slices.Delete(s.free, best, best+1)
}

// give takes back places that nobody wants any more. It reports whether the
// file may be cut to end.
func (s *storage) give(list []span) (shorter bool) {
	s.free = append(s.free, list...)
	if s.room.at < s.room.end {
		s.free = append(s.free, s.room)
	}
	s.room, s.full = span{}, false
	slices.SortFunc(s.free, func(a, b span) int { return cmp.Compare(a.at, b.at) })
	joined := s.free[:0]
	for _, f := range s.free {
		if last := len(joined) - 1; last >= 0 && joined[last].end == f.at {
			joined[last].end = f.end
			continue
		}
		joined = append(joined, f)
	}
	s.free = joined
	if last := len(joined) - 1; last >= 0 && joined[last].end == s.end {
		s.end = joined[last].at
		s.free = joined[:last]
		return true
	}
	return false
}

// taken makes s a file of which only those parts are wanted.
func (s *storage) taken(list []span) {
	slices.SortFunc(list, func(a, b span) int { return cmp.Compare(a.at, b.at) })
	*s = storage{}
	for _, f := range list {
		if f.at > s.end {
			s.free = append(s.free, span{s.end, f.at})
		}
		s.end = max(s.end, f.end)
	}
}
