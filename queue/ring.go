package queue

// A ring is the store of a Queue: slots in a circle.
type ring[T any] struct {
	slots []T // a power of two, or none
	head  int // of the first item
	n     int
}

func (r *ring[T]) push(v T, _ *mutex) {
	if r.n == len(r.slots) {
		r.resize(max(8, 2*r.n))
	}
	r.n++
	*r.at(r.n - 1) = v
}

func (r *ring[T]) pop() T {
	first := r.at(0)
	v := *first
	var none T
	*first = none // lets go of what v points to
	r.head = (r.head + 1) & (len(r.slots) - 1)
	r.n--
	if mostlyFree(r.n, len(r.slots)) {
		r.resize(len(r.slots) / 2)
	}
	return v
}

func (r *ring[T]) unpush() {
	var none T
	*r.at(r.n - 1) = none
	r.n--
}

func (r *ring[T]) clear() { *r = ring[T]{} }

// at is the slot of the item after the first i.
func (r *ring[T]) at(i int) *T { return &r.slots[(r.head+i)&(len(r.slots)-1)] }

// resize moves the items to n slots.
func (r *ring[T]) resize(n int) {
	slots := make([]T, n)
	moved := copy(slots[:r.n], r.slots[r.head:])
	copy(slots[moved:r.n], r.slots)
	r.slots, r.head = slots, 0
}
