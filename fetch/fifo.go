package fetch

// A fifoOf is a queue on a ring that grows by doubling and forgets what it
// gave out.
type fifoOf[T any] struct {
	ring []T
	head int
	n    int
}

type fifo = fifoOf[*job]

func (q *fifoOf[T]) len() int { return q.n }

func (q *fifoOf[T]) front() T { return q.ring[q.head] }

func (q *fifoOf[T]) push(v T) {
	q.grow()
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = v
	q.n++
}

func (q *fifoOf[T]) pushFront(v T) {
	q.grow()
	q.head = (q.head - 1) & (len(q.ring) - 1)
	q.ring[q.head] = v
	q.n++
}

func (q *fifoOf[T]) pop() T {
	var zero T
	v := q.ring[q.head]
	q.ring[q.head] = zero
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	return v
}

// grow makes room for one more; the ring's length stays a power of two.
func (q *fifoOf[T]) grow() {
	if q.n < len(q.ring) {
		return
	}
	ring := make([]T, max(4, 2*len(q.ring)))
	for i := range q.n {
		ring[i] = q.ring[(q.head+i)&(len(q.ring)-1)]
	}
	q.ring, q.head = ring, 0
}
