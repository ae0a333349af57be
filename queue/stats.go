package queue

// Stats is a snapshot of a queue, taken at one instant.
type Stats struct {
	Len        int // items in the queue
	Cap        int // the most it may hold, 0 if unbounded
	Longest    int // the most it ever held
	Unfinished int // items for which TaskDone is still to come
	Getters    int // calls of Get that wait for an item
	Putters    int // calls of Put that wait for room

	// Counts since the queue was made. Put = Got + Dropped + Len.
	Put        int // items taken in
	Got        int // items taken out
	Dropped    int // items dropped by ShutdownNow
	GetsWaited int // calls of Get that had to wait
	PutsWaited int // calls of Put that had to wait

	Shutdown bool // Shutdown or ShutdownNow was called
}

// counters are the parts of Stats that are kept for it alone.
type counters struct {
	dropped, getsWaited, putsWaited int
}

// Stats returns a snapshot.
func (q *core[T, S, P]) Stats() Stats {
	q.mu.lock()
	defer q.mu.Unlock()
	return Stats{
		Len:        q.n,
		Cap:        q.max,
		Longest:    q.longest,
		Unfinished: q.unfinished(),
		Getters:    q.getters.n,
		Putters:    q.putters.n,
		Put:        q.got + q.counters.dropped + q.n,
		Got:        q.got,
		Dropped:    q.counters.dropped,
		GetsWaited: q.counters.getsWaited,
		PutsWaited: q.counters.putsWaited,
		Shutdown:   q.shut,
	}
}

// Len returns how many items are in the queue. Other goroutines may have
// changed it by the time the caller looks.
func (q *core[T, S, P]) Len() int {
	q.mu.lock()
	defer q.mu.Unlock()
	return q.n
}

// Cap returns the most items that the queue may hold, 0 if it is unbounded.
func (q *core[T, S, P]) Cap() int { return q.max }

// Empty reports whether Len is 0.
func (q *core[T, S, P]) Empty() bool { return q.Len() == 0 }

// Full reports whether Len is Cap. An unbounded queue is never full.
func (q *core[T, S, P]) Full() bool { return q.max > 0 && q.Len() == q.max }
