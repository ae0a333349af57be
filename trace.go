package penstock

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// A SemaphoreTrace is who holds permits of a semaphore and who waits for them,
// at one moment.
type SemaphoreTrace struct {
	Stats SemaphoreStats `json:"stats"`
	// Held has one entry for each acquire that has not been released, the
	// longest held first. What was acquired before tracing was turned on is
	// not in it.
	Held []SemaphoreCaller `json:"held"`
	// Waiting has one entry for each acquire that waits, in the order in which
	// they came, those in an All that this limit holds up included.
	Waiting []SemaphoreCaller `json:"waiting"`
}

// A SemaphoreCaller is a call of acquire that holds permits or waits for them.
type SemaphoreCaller struct {
	// N is how many permits it holds still, or wants.
	N int `json:"n"`
	// Since is when it got the permits, or began to wait.
	Since time.Time `json:"since"`
	// Function, File and Line are where it was called outside of this package.
	// They are empty for one who waits and came before tracing was turned on.
	Function string `json:"function,omitempty"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
}

// Site returns where the call was made, as "fetch.go:120".
func (c SemaphoreCaller) Site() string {
	if c.File == "" {
		return "unknown"
	}
	return fmt.Sprintf("%s:%d", base(c.File), c.Line)
}

// String returns the trace in a line: "10 permits held, oldest 2m0s by
// fetch.go:120; 3 waiting, longest 5s by main.go:33".
func (t SemaphoreTrace) String() string {
	s := fmt.Sprintf("%d permits held", t.Stats.InUse)
	if t.Stats.InUse == 1 {
		s = "1 permit held"
	}
	if len(t.Held) > 0 {
		s += fmt.Sprintf(", oldest %v by %s", age(t.Held[0]), t.Held[0].Site())
	}
	if t.Stats.Waiting > 0 {
		s += fmt.Sprintf("; %d waiting", t.Stats.Waiting)
	}
	if len(t.Waiting) > 0 {
		s += fmt.Sprintf(", longest %v by %s", age(t.Waiting[0]), t.Waiting[0].Site())
	}
	return s
}

// age is how long ago it was that c got or began, for people.
func age(c SemaphoreCaller) time.Duration {
	d := time.Since(c.Since)
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= 10*unit {
			return d.Round(unit)
		}
	}
	return d
}

// setTracing is SetTracing.
func (c *core) setTracing(on bool) {
	c.setWatch(func(w *watch) { w.tracing = on })
}

// trace is Trace.
func (c *core) trace() SemaphoreTrace {
	var t SemaphoreTrace
	var teams []*team
	var plain []ticketed
	c.mu.Lock()
	for h := c.held.oldest; h != nil; h = h.newer {
		t.Held = append(t.Held, h.caller(h.since))
	}
	for w := c.line.head; w != nil; w = w.next {
		if stand := w.stand(); stand != nil {
			teams = append(teams, stand.team)
		} else {
			plain = append(plain, ticketed{w.ticket, w.caller()})
		}
	}
	t.Stats = c.stats()
	c.mu.Unlock()

	// A team's lock comes before that of a line. By now it may stand elsewhere.
	var waiting []ticketed
	for _, team := range teams {
		waiting = append(waiting, team.callers(c)...)
	}
	// One without a ticket of its own came after the one that has the same.
	waiting = append(waiting, plain...)
	slices.SortStableFunc(waiting, func(a, b ticketed) int { return cmp.Compare(a.ticket, b.ticket) })
	for _, w := range waiting {
		t.Waiting = append(t.Waiting, w.SemaphoreCaller)
	}
	return t
}

type ticketed struct {
	ticket uint64
	SemaphoreCaller
}

// callers returns who waits in t, if that is for c.
func (t *team) callers(c *core) (callers []ticketed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at == nil || t.at.Order() != c.Order() {
		return nil
	}
	for w := t.queue.head; w != nil; w = w.next {
		callers = append(callers, ticketed{w.ticket, w.caller()})
	}
	return callers
}

// logHeld is LogHeld.
func (c *core) logHeld(ctx context.Context, log *slog.Logger, old time.Duration) {
	if old <= 0 {
		panic(fmt.Sprintf("penstock: LogHeld after %v", old))
	}
	c.setWatch(func(w *watch) { w.loggers++ })
	defer c.setWatch(func(w *watch) { w.loggers-- })
	timer := time.NewTimer(old)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(c.logOnce(ctx, log, old))
	}
}

// logOnce logs if a permit is held for too long, and returns after how long to look
// again: before that none can have become too old, or one line is enough.
func (c *core) logOnce(ctx context.Context, log *slog.Logger, old time.Duration) time.Duration {
	t := c.trace()
	if len(t.Held) == 0 {
		return old
	}
	oldest := time.Since(t.Held[0].Since)
	if oldest < old {
		return old - oldest
	}
	log.LogAttrs(ctx, slog.LevelWarn, "penstock: "+t.String(),
		slog.Int("held", t.Stats.InUse), slog.Int("limit", t.Stats.Limit), slog.Int("waiting", t.Stats.Waiting),
		slog.Duration("oldest", oldest),
		slog.String("by", t.Held[0].Site()), slog.String("function", t.Held[0].Function))
	return old
}
