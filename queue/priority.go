package queue

import "cmp"

// A Priority hands over the item that is least by its less function; of those
// that are equal, the one that was put first. Make one with NewPriority or
// NewOrdered: the zero value cannot compare and panics at the first put. A
// Priority must not be copied after first use.
//
// A put compares about log2(Len) times, and so does a get that lets a waiting
// putter in; any other get compares nothing. The queue is locked meanwhile: less
// must be quick and must not use the queue. If it panics, the panic goes to the
// caller of that put or get, and the queue stays usable; but the item that such
// a get has taken is lost.
type Priority[T any] struct {
	core[T, sorted[T], *sorted[T]]
}

// NewPriority returns a queue that holds at most maxsize items, or any number
// if maxsize <= 0, and hands over the least by less first. less(a, b) reports
// whether a goes before b; it must be a strict weak ordering, as in package
// sort. NewPriority panics if less is nil.
func NewPriority[T any](maxsize int, less func(a, b T) bool) *Priority[T] {
	if less == nil {
		panic("queue: NewPriority with a nil less function")
	}
	q := new(Priority[T])
	q.max = max(0, maxsize)
	q.items.less = less
	return q
}

// NewOrdered returns NewPriority(maxsize, cmp.Less[T]): the least item first.
func NewOrdered[T cmp.Ordered](maxsize int) *Priority[T] {
	return NewPriority(maxsize, cmp.Less[T])
}
