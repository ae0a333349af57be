package queue

// A Queue hands items over in the order in which they were put: first in,
// first out. The zero value is an unbounded queue ready for use. A Queue must
// not be copied after first use.
type Queue[T any] struct {
	core[T, ring[T], *ring[T]]
}

// New returns a queue that holds at most maxsize items, or any number if
// maxsize <= 0. Memory is taken as items come, not for maxsize up front.
func New[T any](maxsize int) *Queue[T] {
	q := new(Queue[T])
	q.max = max(0, maxsize)
	return q
}
