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
	longest, dropped, getsWaited, putsWaited int
}

// Stats returns a snapshot.
func (c *core[T, S, P]) Stats() Stats {
	c.mu.lock()
	defer c.mu.Unlock()
	return Stats{
		Len:        c.n,
		Cap:        c.max,
		Longest:    c.counters.longest,
		Unfinished: c.unfinished(),
		Getters:    c.getters.n,
		Putters:    c.putters.n,
		Put:        c.got + c.counters.dropped + c.n,
		Got:        c.got,
		Dropped:    c.counters.dropped,
		GetsWaited: c.counters.getsWaited,
		PutsWaited: c.counters.putsWaited,
		Shutdown:   c.shut,
	}
}

// Len returns how many items are in the queue. Other goroutines may have
// changed it by the time the caller looks.
func (c *core[T, S, P]) Len() int {
	c.mu.lock()
	defer c.mu.Unlock()
	return c.n
}

// Cap returns the most items that the queue may hold, 0 if it is unbounded.
func (c *core[T, S, P]) Cap() int { return c.max }

// Empty reports whether Len is 0.
func (c *core[T, S, P]) Empty() bool { return c.Len() == 0 }

// Full reports whether Len is Cap. An unbounded queue is never full.
func (c *core[T, S, P]) Full() bool { return c.max > 0 && c.Len() == c.max }
