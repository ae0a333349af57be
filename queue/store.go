package queue

// A store keeps the items of a queue and knows which leaves first.
type store[T any] interface {
	// push takes v in. mu is the lock of the queue, held: a store that calls
	// a function of the user's unlocks it if that panics, so that the other
	// kinds need no deferred unlock.
	push(v T, mu *mutex)
	// pop takes out the item that is to leave first. There is one.
	pop() T
	// unpush takes out the item that was pushed last. No pop came since.
	unpush()
	// clear takes out all items.
	clear()
}

// A storePointer is the pointer to S, which is a store: a queue holds the
// store itself, so that a queue's zero value is ready for use.
type storePointer[T, S any] interface {
	*S
	store[T]
}

var (
	_ store[int] = (*ring[int])(nil)
	_ store[int] = (*stack[int])(nil)
	_ store[int] = (*sorted[int])(nil)
)

// slotsKept is how many slots a store keeps although they are free. A queue
// that fills and drains all the time would otherwise spend its time with the
// allocator.
const slotsKept = 1024

// mostlyFree reports whether a store of n items should give back half of its
// slots.
func mostlyFree(n, slots int) bool { return slots > slotsKept && n <= slots/4 }

// shrunk returns s, in an array of half the size if most of it is free.
func shrunk[E any](s []E) []E {
	if !mostlyFree(len(s), cap(s)) {
		return s
	}
	return append(make([]E, 0, cap(s)/2), s...)
}
