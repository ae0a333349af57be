package penstock

// A ring is a first-in, first-out queue that grows to the most it ever held.
// Its zero value is empty. It is not safe for concurrent use.
type ring[T any] struct {
	items []T // a power of two
	head  int
	count int
}

// push appends v.
func (r *ring[T]) push(v T) {
	if r.count == len(r.items) {
		grown := make([]T, max(8, 2*len(r.items)))
		n := copy(grown, r.items[r.head:])
		copy(grown[n:], r.items[:r.head])
		r.items, r.head = grown, 0
	}
	r.count++
	*r.at(r.count - 1) = v
}

// pop takes the first item of a ring that is not empty.
func (r *ring[T]) pop() T {
	first := r.at(0)
	v := *first
	var none T
	*first = none // lets go of what v points to
	r.head = (r.head + 1) & (len(r.items) - 1)
	r.count--
	return v
}

// at is the item after the first i.
func (r *ring[T]) at(i int) *T { return &r.items[(r.head+i)&(len(r.items)-1)] }
