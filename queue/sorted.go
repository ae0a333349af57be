package queue

import (
	"math"
	"slices"
)

// A sorted is the store of a Priority: runs of items in the order in which
// they are to leave, like the leaves of a B-tree. Everything in one run goes
// before everything in the next.
//
// It is tempting to use a binary heap. But a heap compares about twice as
// often, has to number the items to tell equal ones apart, and moves them
// while it compares: a less function that panics then loses some. Here an item goes
// behind its equals by itself, pop compares nothing at all, and push first
// searches and then moves. What is moved is at most one run, which stays
// short: 64 items, or about three times the cube root of all.
type sorted[T any] struct {
	less func(a, b T) bool
	runs []run[T]
	head int // runs[:head] are used up
	gap  int // items[:gap] of the first run are free
	n    int
	// The place of the item pushed last.
	lastRun, lastItem int
}

type run[T any] struct {
	// first is a copy of items[0], to search without looking into the items.
	// The first run, from which items leave, has none.
	first T
	items []T
}

const shortestRun = 64

func (s *sorted[T]) push(v T, mu *mutex) {
	compared := false
	defer func() {
		if !compared { // less has panicked
			mu.Unlock()
		}
	}()
	if s.less == nil {
		panic("queue: a Priority that was not made by NewPriority or NewOrdered")
	}
	if s.n == 0 || s.less(v, s.runs[s.head].items[s.gap]) {
		compared = true
		s.pushFirst(v)
	} else {
		at, i := s.search(v)
		compared = true
		s.insert(v, at, i)
	}
	s.n++
}

func (s *sorted[T]) pop() T {
	var none T
	r := &s.runs[s.head]
	v := r.items[s.gap]
	r.items[s.gap] = none // lets go of what v points to
	s.gap++
	s.n--
	if s.gap == len(r.items) && s.n > 0 {
		*r = run[T]{}
		s.head++
		s.gap = 0
		s.runs[s.head].first = none
		if s.head > len(s.runs)/2 {
			s.runs = shrunk(slices.Delete(s.runs, 0, s.head))
			s.head = 0
		}
	}
	return v
}

func (s *sorted[T]) unpush() {
	if s.lastRun == s.head && s.lastItem == s.gap {
		s.pop()
		return
	}
	r := &s.runs[s.lastRun]
	r.items = slices.Delete(r.items, s.lastItem, s.lastItem+1)
	if len(r.items) == 0 {
		s.runs = slices.Delete(s.runs, s.lastRun, s.lastRun+1)
	}
	s.n--
}

func (s *sorted[T]) clear() { s.runs, s.head, s.gap, s.n = nil, 0, 0, 0 }

// search returns the place that v, which does not go first, is to take: it
// goes before that item of that run.
func (s *sorted[T]) search(v T) (r, i int) {
	// Among n candidates, half less one are dropped at each step. There is no
	// branch on the outcome: it would be mispredicted every other time.
	r = s.head
	for n := len(s.runs) - r; n > 1; n -= n / 2 {
		r += n / 2 &^ -bit(s.less(v, s.runs[r+n/2].first))
	}
	items := s.runs[r].items
	i = s.start(r)
	for n := len(items) - i; n > 1; n -= n / 2 {
		i += n / 2 &^ -bit(s.less(v, items[i+n/2]))
	}
	return r, i + 1
}

// pushFirst puts v before all others.
func (s *sorted[T]) pushFirst(v T) {
	if s.gap == 0 {
		items := make([]T, s.runSize())
		if s.n > 0 {
			old := &s.runs[s.head]
			old.first = old.items[0]
		}
		if s.head == 0 {
			s.runs = slices.Insert(s.runs, 0, run[T]{})
			s.head = 1
		}
		s.head--
		s.runs[s.head].items = items
		s.gap = len(items)
	}
	s.gap--
	s.runs[s.head].items[s.gap] = v
	s.lastRun, s.lastItem = s.head, s.gap
}

// insert puts v in the place that search has found for it.
func (s *sorted[T]) insert(v T, at, i int) {
	items := s.runs[at].items
	switch {
	case s.start(at) > 0:
		// Move up those before it, into the gap.
		copy(items[s.gap-1:], items[s.gap:i])
		s.gap--
		i--
		items[i] = v
	case len(items) < cap(items):
		s.runs[at].insert(i, v)
	case i == len(items):
		// No need to split: items that come in order fill run after run.
		at, i = at+1, 0
		next := append(make([]T, 0, s.runSize()), v)
		s.runs = slices.Insert(s.runs, at, run[T]{v, next})
	default:
		s.split(at)
		if half := len(s.runs[at].items); i > half {
			at, i = at+1, i-half
		}
		s.runs[at].insert(i, v)
	}
	s.lastRun, s.lastItem = at, i
}

// insert puts v before item i of a run that has room. It is slices.Insert for
// one item in half the time.
func (r *run[T]) insert(i int, v T) {
	r.items = r.items[:len(r.items)+1]
	copy(r.items[i+1:], r.items[i:])
	r.items[i] = v
}

// split moves half of a run's items to a new one behind it.
func (s *sorted[T]) split(at int) {
	items := s.runs[at].items
	half := len(items) / 2
	next := append(make([]T, 0, s.runSize()), items[half:]...)
	clear(items[half:])
	s.runs[at].items = items[:half]
	s.runs = slices.Insert(s.runs, at+1, run[T]{next[0], next})
}

// start is the index of a run's first item.
func (s *sorted[T]) start(r int) int {
	if r == s.head {
		return s.gap
	}
	return 0
}

// runSize is the size of a new run. In a longer run it takes longer to make
// room for an item; of shorter ones there are more, among which room is made
// at every split. The two cost about the same where a run has four times as
// many items as the square root of the number of runs.
func (s *sorted[T]) runSize() int {
	runs := float64(len(s.runs) - s.head)
	return max(shortestRun, int(4*math.Sqrt(runs)))
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
