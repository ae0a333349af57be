package queue

// A LIFO hands over the item that was put last: last in, first out. The zero
// value is an unbounded queue ready for use. A LIFO must not be copied after
// first use.
type LIFO[T any] struct {
	core[T, stack[T], *stack[T]]
}

// NewLIFO returns a last-in, first-out queue that holds at most maxsize
// items, or any number if maxsize <= 0. Memory is taken as items come.
func NewLIFO[T any](maxsize int) *LIFO[T] {
	q := new(LIFO[T])
	q.max = max(0, maxsize)
	return q
}

// A stack is the store of a LIFO.
type stack[T any] struct{ items []T }

func (s *stack[T]) push(v T, _ *mutex) { s.items = append(s.items, v) }

func (s *stack[T]) pop() T {
	v := s.items[len(s.items)-1]
	s.unpush()
	return v
}

func (s *stack[T]) unpush() {
	var none T
	last := len(s.items) - 1
	s.items[last] = none
	s.items = shrunk(s.items[:last])
}

func (s *stack[T]) clear() { s.items = nil }
