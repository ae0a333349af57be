package penstock

import "time"

// A SemaphoreEvent is one thing that has happened at a semaphore.
type SemaphoreEvent struct {
	Op SemaphoreOp
	// N is how many units it concerns: the new limit for SemaphoreResized.
	N int
	// Waited is for how long a SemaphoreAcquired or SemaphoreCancelled waited.
	Waited time.Duration
}

// A SemaphoreOp is a kind of SemaphoreEvent.
type SemaphoreOp uint8

const (
	// SemaphoreAcquired is an acquire that has succeeded.
	SemaphoreAcquired SemaphoreOp = iota
	// SemaphoreReleased is a release.
	SemaphoreReleased
	// SemaphoreCancelled is a wait that has ended with its context. Of waits
	// in an All there are no such events.
	SemaphoreCancelled
	// SemaphoreResized is a change of the limit by SetLimit.
	SemaphoreResized
)

// String returns the event's name in lower case.
func (o SemaphoreOp) String() string {
	switch o {
	case SemaphoreAcquired:
		return "acquired"
	case SemaphoreReleased:
		return "released"
	case SemaphoreCancelled:
		return "cancelled"
	case SemaphoreResized:
		return "resized"
	}
	return "unknown"
}

// A watch is what is to be noticed at a core beyond its own statistics. While
// there is one, the fast path is barred, and so it costs nothing where there is
// none.
type watch struct {
	observe func(SemaphoreEvent)
	// Who holds and who waits is remembered for SetTracing, and for each
	// LogHeld that runs.
	tracing bool
	loggers int
}

func (w *watch) traces() bool { return w.tracing || w.loggers > 0 }

// setWatch changes what is to be noticed.
func (c *core) setWatch(change func(w *watch)) {
	c.lock()
	defer c.unlock()
	var w watch
	if old := c.watch.Load(); old != nil {
		w = *old
	}
	before := w.traces()
	change(&w)
	switch after := w.traces(); {
	case after && !before:
		traced.Add(1)
	case before && !after:
		traced.Add(-1)
		c.held = holdings{}
	}
	if w.observe == nil && !w.traces() {
		c.watch.Store(nil)
	} else {
		c.watch.Store(&w)
	}
}

// observe is Observe.
func (c *core) observe(f func(SemaphoreEvent)) {
	c.setWatch(func(w *watch) { w.observe = f })
}

// report tells the observer, if there is one. No lock may be held.
func (c *core) report(op SemaphoreOp, n int, waited time.Duration) {
	if w := c.watch.Load(); w != nil && w.observe != nil {
		w.observe(SemaphoreEvent{Op: op, N: n, Waited: waited})
	}
}
