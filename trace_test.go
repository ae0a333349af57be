package penstock_test

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
)

// tracing is what both semaphores offer to see who holds and who waits.
type tracing interface {
	semaphore
	SetTracing(on bool)
	Trace() penstock.SemaphoreTrace
	LogHeld(ctx context.Context, log *slog.Logger, old time.Duration)
	Observe(f func(penstock.SemaphoreEvent))
}

// entry describes a caller: how many, by which function, since when.
type entry struct {
	n        int
	function string
	age      time.Duration
}

func checkCallers(t *testing.T, what string, callers []penstock.SemaphoreCaller, want ...entry) {
	t.Helper()
	var got []entry
	for _, c := range callers {
		function := c.Function[strings.LastIndexByte(c.Function, '.')+1:]
		got = append(got, entry{c.N, function, time.Since(c.Since)})
		if c.Site() != "unknown" && (!strings.HasSuffix(c.File, "trace_test.go") || !strings.HasPrefix(c.Site(), "trace_test.go:")) {
			t.Errorf("%s at %s", c.Function, c.Site())
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: entry %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// Functions of their own, to be found in traces.

func acquireHere(t *testing.T, s semaphore, n int) {
	if err := s.Acquire(context.Background(), n); err != nil {
		t.Error(err)
	}
}

func tryHere(t *testing.T, s semaphore, n int) {
	if !s.TryAcquire(n) {
		t.Error("TryAcquire failed")
	}
}

func permitHere(t *testing.T, l penstock.Limiter, n int) penstock.Permit {
	p, err := l.AcquirePermit(context.Background(), n)
	if err != nil {
		t.Error(err)
	}
	return p
}

func doHere(s semaphore, n int, f func()) {
	_ = s.Do(context.Background(), n, func(context.Context) error { f(); return nil })
}

func TestSemaphoreTrace(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		s := make(10).(tracing)
		acquireHere(t, s, 1)
		s.SetTracing(true)
		if trace := s.Trace(); len(trace.Held) != 0 || trace.Stats.InUse != 1 {
			t.Errorf("%+v, want nothing known of what was held before", trace)
		}
		s.Release(1)
		acquireHere(t, s, 2)
		time.Sleep(time.Second)
		tryHere(t, s, 3)
		time.Sleep(time.Second)
		p := permitHere(t, s, 1)
		doHere(s, 4, func() {
			var wg sync.WaitGroup
			wg.Go(func() { acquireHere(t, s, 2) })
			synctest.Wait()
			time.Sleep(time.Second)
			wg.Go(func() { permitHere(t, s, 1).Release(penstock.Success) })
			synctest.Wait()
			trace := s.Trace()
			checkCallers(t, "held", trace.Held,
				entry{2, "acquireHere", 3 * time.Second}, entry{3, "tryHere", 2 * time.Second},
				entry{1, "permitHere", time.Second}, entry{4, "doHere", time.Second})
			checkCallers(t, "waiting", trace.Waiting, entry{2, "acquireHere", time.Second}, entry{1, "permitHere", 0})
			text := trace.String()
			if !strings.HasPrefix(text, "10 permits held, oldest 3s by trace_test.go:") ||
				!strings.Contains(text, "; 2 waiting, longest 1s by trace_test.go:") {
				t.Errorf("as text: %s", text)
			}
			p.Release(penstock.Success)
			checkCallers(t, "held", s.Trace().Held,
				entry{2, "acquireHere", 3 * time.Second}, entry{3, "tryHere", 2 * time.Second}, entry{4, "doHere", time.Second})
			s.Release(1) // of the three this goroutine got last
			checkCallers(t, "held", s.Trace().Held, entry{2, "acquireHere", 3 * time.Second},
				entry{3, "tryHere", 2 * time.Second}, entry{3, "doHere", time.Second}, entry{2, "acquireHere", 0})
			s.Release(3)
			wg.Wait()
		})
		s.SetTracing(false)
		s.SetTracing(true)
		if trace := s.Trace(); len(trace.Held) != 0 || len(trace.Waiting) != 0 {
			t.Errorf("%+v, want nothing known", trace)
		}
	})
}

// What one goroutine acquires another may release: then the oldest is taken to
// be the one.
func TestSemaphoreTraceReleasedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := penstock.NewBoundedSemaphore(5)
		s.SetTracing(true)
		acquireHere(t, s, 1)
		time.Sleep(time.Second)
		tryHere(t, s, 1)
		var wg sync.WaitGroup
		wg.Go(func() {
			acquireHere(t, s, 1)
			s.Release(1) // its own, although it is the latest
		})
		wg.Wait()
		checkCallers(t, "held", s.Trace().Held, entry{1, "acquireHere", time.Second}, entry{1, "tryHere", 0})
		wg.Go(func() { s.Release(1) })
		wg.Wait()
		checkCallers(t, "held", s.Trace().Held, entry{1, "tryHere", 0})
	})
}

// Traced or not, a cancelled or an over-released semaphore stays what it is.
func TestSemaphoreTraceCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := penstock.NewSemaphore(1)
		s.SetTracing(true)
		var j journal
		acquireHere(t, s, 1)
		gone := call(t, &j, "gone", of(s, 1))
		granted := call(t, &j, "granted", of(s, 1))
		gone.cancel(errGone)
		gone.ended(errGone)
		s.Release(1)
		granted.cancel(errGone)
		granted.raced(func() { s.Release(1) })
		if trace := s.Trace(); len(trace.Held)+len(trace.Waiting) != 0 || trace.Stats.InUse != 0 {
			t.Errorf("%+v, want nobody", trace)
		}
		s.Release(3)
		counts(t, s, 4, 0, 0)
	})
}

func TestAllTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := penstock.NewSemaphore(2), penstock.NewSemaphore(3)
		all := penstock.All(a, b)
		a.SetTracing(true)
		first := permitHere(t, all, 2)
		checkCallers(t, "held of a", a.Trace().Held, entry{2, "permitHere", 0})
		if trace := b.Trace(); len(trace.Held) != 0 {
			t.Errorf("b, which is not traced, knows %+v", trace.Held)
		}
		time.Sleep(time.Second)
		var second penstock.Permit
		var wg sync.WaitGroup
		wg.Go(func() { second = permitHere(t, all, 1) })
		synctest.Wait()
		wg.Go(func() { acquireHere(t, a, 1) })
		synctest.Wait()
		time.Sleep(time.Second)
		checkCallers(t, "waiting for a", a.Trace().Waiting,
			entry{1, "permitHere", time.Second}, entry{1, "acquireHere", time.Second})
		first.Release(penstock.Success)
		wg.Wait()
		checkCallers(t, "held of a", a.Trace().Held, entry{1, "permitHere", 0}, entry{1, "acquireHere", 0})
		a.Release(1) // not this goroutine's, and so the oldest
		second.Release(penstock.Success)
		if held := a.Trace().Held; len(held) > 1 {
			t.Errorf("held: %+v, want one at most", held)
		}
	})
}

func TestSemaphoreLogHeld(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		s := make(2).(tracing)
		var out buffer
		log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Duration("at", time.Since(start))
				}
				return a
			},
		}))
		start = time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { s.LogHeld(ctx, log, time.Minute) })
		synctest.Wait()
		lines := func(want ...string) {
			t.Helper()
			synctest.Wait()
			got := slices.Collect(strings.Lines(out.take()))
			if len(got) != len(want) {
				t.Errorf("logged %q, want %d lines", got, len(want))
				return
			}
			for i := range want {
				for part := range strings.SplitSeq(want[i], "|") {
					if !strings.Contains(got[i], part) {
						t.Errorf("logged %q, want it to have %q", got[i], part)
					}
				}
			}
		}
		time.Sleep(90 * time.Second)
		acquireHere(t, s, 1)
		time.Sleep(59 * time.Second)
		acquireHere(t, s, 1)
		lines()
		time.Sleep(time.Second) // 2m30s: the first is a minute old
		lines(`level=WARN|msg="penstock: 2 permits held, oldest 1m0s by trace_test.go:|at=2m30s|held=2 limit=2 waiting=0 oldest=1m0s by=trace_test.go:|acquireHere`)
		time.Sleep(time.Minute)
		lines("at=3m30s|held=2|oldest=2m0s")
		wg.Go(func() { acquireHere(t, s, 1) })
		synctest.Wait()
		s.Release(1)
		s.Release(1)
		time.Sleep(2 * time.Minute)
		lines("at=4m30s|msg=\"penstock: 1 permit held|oldest=1m0s", // it waited; it holds since 3m30s
			"at=5m30s|oldest=2m0s")
		cancel()
		wg.Wait()
		time.Sleep(time.Hour)
		lines()
		if len(s.Trace().Held) != 0 {
			t.Error("tracing goes on after LogHeld has returned")
		}
		defer func() {
			if recover() == nil {
				t.Error("LogHeld after no time does not panic")
			}
		}()
		s.LogHeld(ctx, log, 0)
	})
}

var start time.Time // of TestSemaphoreLogHeld

// A buffer is written to by one goroutine and read by another.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// take returns what has been written since the last take.
func (b *buffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.b.Reset()
	return b.b.String()
}

func event(op penstock.SemaphoreOp, n int, waited time.Duration) penstock.SemaphoreEvent {
	return penstock.SemaphoreEvent{Op: op, N: n, Waited: waited}
}

func TestSemaphoreObserve(t *testing.T) {
	bothKinds(t, func(t *testing.T, make func(int) semaphore) {
		s := make(3).(tracing)
		var mu sync.Mutex
		var events []penstock.SemaphoreEvent
		s.Observe(func(e penstock.SemaphoreEvent) {
			s.Stats() // may be used
			mu.Lock()
			defer mu.Unlock()
			events = append(events, e)
		})
		want := func(want ...penstock.SemaphoreEvent) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(events) != len(want) {
				t.Fatalf("events %v, want %v", events, want)
			}
			for i := range want {
				if events[i] != want[i] {
					t.Errorf("event %d: %v, want %v", i, events[i], want[i])
				}
			}
			events = nil
		}
		const second = time.Second
		var j journal
		take(t, s, 2)
		tryHere(t, s, 1)
		want(event(penstock.SemaphoreAcquired, 2, 0), event(penstock.SemaphoreAcquired, 1, 0))
		if s.TryAcquire(1) {
			t.Error("TryAcquire took more than there is")
		}
		call(t, &j, "a", of(s, 1))
		b := call(t, &j, "b", of(s, 2))
		time.Sleep(second)
		b.cancel(errGone)
		want(event(penstock.SemaphoreCancelled, 2, second))
		s.Release(2)
		synctest.Wait()
		s.Release(0)
		want(event(penstock.SemaphoreReleased, 2, 0), event(penstock.SemaphoreAcquired, 1, second),
			event(penstock.SemaphoreReleased, 0, 0))
		set(t, s, 7)
		want(event(penstock.SemaphoreResized, 7, 0))
		permitHere(t, penstock.All(s, newSemaphore(1)), 1).Release(penstock.Success)
		want(event(penstock.SemaphoreAcquired, 1, 0), event(penstock.SemaphoreReleased, 1, 0))
		s.Observe(nil)
		take(t, s, 1)
		want()
	})
	for op, name := range []string{"acquired", "released", "cancelled", "resized", "unknown"} {
		if got := penstock.SemaphoreOp(op).String(); got != name {
			t.Errorf("op %d is %q, want %q", op, got, name)
		}
	}
}

// Many at once, with tracing and an observer going on and off: for the race
// detector, and to see that nothing is lost.
func TestSemaphoreTracedUnderLoad(t *testing.T) {
	s := penstock.NewBoundedSemaphore(3)
	all := penstock.All(s, penstock.NewBoundedSemaphore(2))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				if i%2 == 0 {
					doHere(s, 1+i%3, func() { _ = s.Trace().String() })
				} else {
					permitHere(t, all, 1).Release(penstock.Success)
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 200 {
			s.SetTracing(i%3 == 0)
			if i%4 == 0 {
				s.Observe(func(penstock.SemaphoreEvent) {})
			} else {
				s.Observe(nil)
			}
			runtime.Gosched()
		}
		s.SetTracing(true)
	})
	wg.Wait()
	if got := s.Trace(); got.Stats.InUse != 0 || len(got.Waiting) != 0 || got.Stats.Acquired != 1600 {
		t.Errorf("at the end: %+v", got)
	}
}
