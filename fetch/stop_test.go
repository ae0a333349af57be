package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// started is an engine at work in a bubble, which must have ended when the
// bubble does.
type started struct {
	*fetch.Engine
	net  *network
	sink *shelf
	src  *sourced
	sum  fetch.Summary
	err  error
	took time.Duration
	done chan struct{}
}

func start(ctx context.Context, t *testing.T, n *network, src *sourced, o fetch.Options) *started {
	t.Helper()
	o.Transport = n
	e, err := fetch.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := &started{Engine: e, net: n, sink: newShelf(), src: src, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.sum, s.err = e.Run(ctx, src, s.sink)
		s.took = time.Since(s.sink.start)
	}()
	return s
}

// end waits for the run and checks what holds for every one that was stopped.
func (s *started) end(t *testing.T) {
	t.Helper()
	<-s.done
	s.net.settled(t)
	if s.src.closed != 1 {
		t.Errorf("the source was closed %d times", s.src.closed)
	}
	seen := map[int64]bool{}
	for _, r := range s.sink.recs {
		if classOf(r) == fetch.Canceled {
			t.Errorf("item %d, which was not finished, has the record %+v", r.Index, r)
		}
		if seen[r.Index] {
			t.Errorf("item %d has two records", r.Index)
		}
		seen[r.Index] = true
	}
	if s.sum.Records != int64(s.sink.count()) {
		t.Errorf("the summary has %d records, the sink %d", s.sum.Records, s.sink.count())
	}
}

// forever is a source without an end.
func forever() *sourced {
	return from(func(_ context.Context, i int64) (fetch.Item, error) {
		return fetch.Item{URL: fmt.Sprint("http://a/", i)}, nil
	})
}

// patient yields items and then waits for more until its context ends.
func patient(items int) *sourced {
	return from(func(ctx context.Context, i int64) (fetch.Item, error) {
		if i >= int64(items) {
			<-ctx.Done()
			return fetch.Item{}, ctx.Err()
		}
		return fetch.Item{URL: fmt.Sprint("http://a/", i)}, nil
	})
}

// Drain finishes what is in flight and starts nothing new.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(hit) reply { return reply{wait: 600 * ms, read: 400 * ms} })
		s := start(t.Context(), t, n, forever(), fetch.Options{Concurrency: 5})
		time.Sleep(2500 * ms)
		s.Drain()
		s.end(t)
		if !errors.Is(s.err, fetch.ErrDrained) {
			t.Errorf("Run: %v", s.err)
		}
		wantTime(t, "the end", s.took, 3*time.Second)
		if s.sink.count() != 15 || len(n.log()) != 15 || s.sum.OK != 15 || n.most != 5 {
			t.Errorf("%d records of %d requests", s.sink.count(), len(n.log()))
		}
		s.Drain() // does no harm
	})
}

// Whatever a run is waiting for, Drain ends the wait, at once.
func TestDrainEndsEveryWait(t *testing.T) {
	refused := func(hit) reply { return reply{status: 503} }
	long := fetch.Retry{Max: 9, Base: 1000 * time.Hour, Cap: 1000 * time.Hour}
	tests := map[string]struct {
		answer  func(hit) reply
		src     *sourced
		o       fetch.Options
		records int
	}{
		"source":    {nil, patient(3), fetch.Options{}, 3},
		"backoff":   {refused, patient(3), fetch.Options{Retry: long}, 0},
		"backoff 2": {refused, gets("http://a/"), fetch.Options{Retry: long}, 0},
		"hold":      {func(hit) reply { return retryAfter("500") }, gets(many(3, "a")...), fetch.Options{Concurrency: 1}, 1},
		"rate":      {nil, gets(many(3, "a")...), fetch.Options{Rate: &metronome{every: time.Hour}}, 1},
		"room":      {refused, forever(), fetch.Options{LookAhead: 2, Retry: long}, 0},
		"window":    {refused, forever(), fetch.Options{Window: 2, Retry: long}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t.Context(), t, newNetwork(tt.answer), tt.src, tt.o)
				time.Sleep(time.Second)
				s.Drain()
				s.end(t)
				if !errors.Is(s.err, fetch.ErrDrained) || s.sink.count() != tt.records {
					t.Errorf("%d records, want %d; error %v", s.sink.count(), tt.records, s.err)
				}
				wantTime(t, "the end", s.took, time.Second)
			})
		})
	}
}

// What comes back after Drain and is not done yet (a failure to be retried, a
// redirect to be followed) has no record: its item can be fetched again.
func TestDrainLeavesUnfinishedItemsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(h hit) reply {
			switch h.url {
			case "http://a/0":
				return reply{status: 503, wait: time.Second}
			case "http://a/1":
				return reply{status: 302, wait: time.Second, header: http.Header{"Location": {"/2"}}}
			}
			return reply{wait: time.Second}
		})
		s := start(t.Context(), t, n, gets(many(4, "a")...), fetch.Options{Redirects: 1, Retry: fetch.Retry{Max: 1, Base: 1}})
		time.Sleep(500 * ms)
		s.Drain()
		s.end(t)
		got := s.sink.indexes()
		slices.Sort(got)
		if !slices.Equal(got, []int64{2, 3}) || !errors.Is(s.err, fetch.ErrDrained) || len(n.log()) != 4 {
			t.Errorf("records of %v after %d requests: %v", got, len(n.log()), s.err)
		}
	})
}

// When all items are in flight already Drain takes nothing away.
func TestDrainOfWhatIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t.Context(), t, newNetwork(always(time.Second)), gets(many(5, "a")...), fetch.Options{})
		time.Sleep(500 * ms)
		s.Drain()
		s.end(t)
		if s.err != nil || s.sum.OK != 5 {
			t.Errorf("summary %+v, error %v", s.sum, s.err)
		}
	})
}

func TestDrainBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(nil)
		e, err := fetch.New(fetch.Options{Transport: n})
		if err != nil {
			t.Fatal(err)
		}
		e.Drain()
		sum, err := e.Run(t.Context(), gets(many(100, "a")...), newShelf())
		if !errors.Is(err, fetch.ErrDrained) || len(n.log()) != 0 || sum.Records != 0 {
			t.Errorf("%d requests, summary %+v, error %v", len(n.log()), sum, err)
		}
	})
}

// When Drain has returned nothing new starts, not even in that instant.
func TestDrainTakesEffectAtOnce(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			var e *fetch.Engine
			var drained atomic.Bool
			var late atomic.Int64
			n := newNetwork(func(h hit) reply {
				if drained.Load() {
					late.Add(1)
				}
				if h.url == "http://a/10" {
					e.Drain()
					drained.Store(true)
				}
				return reply{}
			})
			e, _ = fetch.New(fetch.Options{Concurrency: 1, Transport: n})
			if _, err := e.Run(t.Context(), forever(), newShelf()); !errors.Is(err, fetch.ErrDrained) {
				t.Errorf("Run: %v", err)
			}
			if late.Load() > 0 {
				t.Errorf("%d requests began after Drain had returned", late.Load())
			}
		})
		if t.Failed() {
			return
		}
	}
}

// When the context ends Run returns its cause, at once, and what was not
// finished has no record.
func TestCancel(t *testing.T) {
	refused := func(hit) reply { return reply{status: 503} }
	long := fetch.Retry{Max: 9, Base: 1000 * time.Hour, Cap: 1000 * time.Hour}
	tests := map[string]struct {
		answer  func(hit) reply
		src     *sourced
		o       fetch.Options
		records int
	}{
		"in flight": {always(400 * ms), forever(), fetch.Options{Concurrency: 3}, 6},
		"body":      {func(hit) reply { return reply{read: 400 * ms} }, forever(), fetch.Options{Concurrency: 3}, 6},
		"source":    {nil, patient(3), fetch.Options{}, 3},
		"backoff":   {refused, patient(3), fetch.Options{Retry: long}, 0},
		"hold":      {func(hit) reply { return retryAfter("500") }, gets(many(3, "a")...), fetch.Options{Concurrency: 1}, 1},
		"rate":      {nil, gets(many(3, "a")...), fetch.Options{Rate: &metronome{every: time.Hour}}, 1},
		"room":      {refused, forever(), fetch.Options{LookAhead: 2, Retry: long}, 0},
		"window":    {refused, forever(), fetch.Options{Window: 2, Retry: long}, 0},
	}
	why := errors.New("enough")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				s := start(ctx, t, newNetwork(tt.answer), tt.src, tt.o)
				time.Sleep(time.Second)
				cancel(why)
				s.end(t)
				if !errors.Is(s.err, why) || s.sink.count() != tt.records {
					t.Errorf("%d records, want %d; error %v", s.sink.count(), tt.records, s.err)
				}
				wantTime(t, "the end", s.took, time.Second)
			})
		})
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*ms)
		defer cancel()
		s := start(ctx, t, newNetwork(always(time.Second)), forever(), fetch.Options{Concurrency: 3})
		s.end(t)
		if !errors.Is(s.err, context.DeadlineExceeded) || s.sink.count() != 6 {
			t.Errorf("%d records, error %v", s.sink.count(), s.err)
		}
		wantTime(t, "the end", s.took, 2500*ms)
	})
}

func TestCanceledBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		n := newNetwork(nil)
		s := start(ctx, t, n, forever(), fetch.Options{})
		s.end(t)
		if !errors.Is(s.err, context.Canceled) || len(n.log()) != 0 || s.sink.count() != 0 {
			t.Errorf("%d requests, %d records, error %v", len(n.log()), s.sink.count(), s.err)
		}
	})
}

// A context that ends with the last record has interrupted nothing.
func TestCancelOfWhatIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		sink := fetch.SinkFunc(func(r *fetch.Record) error {
			if r.Index == 4 {
				time.Sleep(time.Second) // by then all of the input is read
				cancel()
			}
			return nil
		})
		sum, err := fetch.Run(ctx, gets(many(5, "a")...), sink, fetch.Options{Concurrency: 1, Transport: newNetwork(nil)})
		if err != nil || sum.Records != 5 {
			t.Errorf("%d records of 5, error %v", sum.Records, err)
		}
	})
}

// Stopped at any moment, in any way, a run is over at most as late as what
// was in flight, with no record twice.
func TestStopAtAnyMoment(t *testing.T) {
	seeded(t, 15, func(t *testing.T, r *rand.Rand) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n, o := newNetwork(chaos(r.Uint64())), chaoticOptions(r)
			s := start(ctx, t, n, list(chaotic(r, 300)...), o)
			at := time.Duration(r.IntN(20000)) * ms
			time.Sleep(at)
			drain := r.IntN(2) == 0
			if drain {
				s.Drain()
			} else {
				cancel()
			}
			s.end(t)
			n.within(t, o.Concurrency, o.PerHost)
			late := time.Duration(0)
			if drain {
				late = o.Timeout
			}
			if s.took > at+late {
				t.Errorf("stopped after %v, over after %v", at, s.took)
			}
			switch complete := s.sink.count() == 300; {
			case complete && s.err != nil, !complete && drain && !errors.Is(s.err, fetch.ErrDrained),
				!complete && !drain && !errors.Is(s.err, context.Canceled):
				t.Errorf("%d records of 300, error %v", s.sink.count(), s.err)
			}
			for _, h := range n.log() {
				if h.at > at {
					t.Errorf("%s was requested after %v, the run was stopped after %v", h.url, h.at, at)
				}
			}
		})
	})
}

// A sink that fails ends the run with its error.
func TestSinkError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left")
		n := newNetwork(always(time.Second))
		src := forever()
		var wrote atomic.Int64
		sum, err := fetch.Run(t.Context(), src, fetch.SinkFunc(func(*fetch.Record) error {
			if wrote.Add(1) == 25 {
				return full
			}
			return nil
		}), fetch.Options{Concurrency: 10, Transport: n})
		var sinkErr *fetch.SinkError
		if !errors.As(err, &sinkErr) || !errors.Is(sinkErr.Err, full) || !errors.Is(err, full) {
			t.Errorf("Run: %v", err)
		}
		wantTime(t, "the end", time.Since(n.start), 3*time.Second)
		if n.settled(t); src.closed != 1 || sum.Records >= 30 || sum.Records < 20 {
			t.Errorf("source closed %d times, summary %+v", src.closed, sum)
		}
		if sum.Records >= wrote.Load() {
			t.Errorf("%d records of which one was refused; the summary has %d", wrote.Load(), sum.Records)
		}
	})
}

// A source that fails loses nothing of what it gave before.
func TestSourceError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("disk is gone")
		src := from(func(_ context.Context, i int64) (fetch.Item, error) {
			if i == 7 {
				return fetch.Item{}, broken
			}
			return fetch.Item{URL: "http://a/"}, nil
		})
		n := newNetwork(func(h hit) reply {
			if h.nth < 2 {
				return reply{status: 503}
			}
			return reply{wait: time.Second}
		})
		out := run(t, n, src, fetch.Options{Concurrency: 2, Retry: fetch.Retry{Max: 2}})
		if !errors.Is(out.err, broken) || errors.Is(out.err, fetch.ErrDrained) || src.closed != 1 {
			t.Errorf("closed %d times, error %v", src.closed, out.err)
		}
		for _, r := range out.each(t, 7) {
			if !r.OK {
				t.Errorf("record %+v", r)
			}
		}
	})
}

// A drained source may come to its end; it has then not been read to it.
func TestSourceErrorAfterDrainIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := from(func(ctx context.Context, _ int64) (fetch.Item, error) {
			<-ctx.Done()
			return fetch.Item{}, fmt.Errorf("read: %w", io.ErrClosedPipe)
		})
		s := start(t.Context(), t, newNetwork(nil), src, fetch.Options{})
		time.Sleep(time.Second)
		s.Drain()
		s.end(t)
		if !errors.Is(s.err, fetch.ErrDrained) || errors.Is(s.err, io.ErrClosedPipe) {
			t.Errorf("Run: %v", s.err)
		}
	})
}

func TestEmptySource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := gets()
		out := mustRun(t, newNetwork(nil), src, fetch.Options{})
		if out.sum.Items != 0 || src.closed != 1 {
			t.Errorf("summary %+v, closed %d times", out.sum, src.closed)
		}
	})
}

func TestEngineRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := fetch.New(fetch.Options{Transport: newNetwork(nil)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Run(t.Context(), gets("http://a/"), newShelf()); err != nil {
			t.Error(err)
		}
		again := newShelf()
		if _, err := e.Run(t.Context(), gets("http://a/"), again); err == nil || again.count() != 0 {
			t.Errorf("the second run: %d records, %v", again.count(), err)
		}
	})
}

// An advancer checks what it is told against what it was given.
type advancer struct {
	t    *testing.T
	mu   sync.Mutex
	has  map[int64]bool
	low  int64 // every item below has a record
	told int64 // the highest but the last
	last int64
	fail error
}

func (a *advancer) Write(r *fetch.Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.has[r.Index] = true
	for a.has[a.low] {
		delete(a.has, a.low)
		a.low++
	}
	return nil
}

func (a *advancer) Advance(low int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last == math.MaxInt64 {
		a.t.Error("Advance after the last one")
	}
	if low != math.MaxInt64 && low > a.low {
		a.t.Errorf("all below %d are said to have a record, %d has none", low, a.low)
	}
	if a.last = low; low != math.MaxInt64 {
		a.told = max(a.told, low)
	}
	return a.fail
}

func TestAdvance(t *testing.T) {
	seeded(t, 6, func(t *testing.T, r *rand.Rand) {
		synctest.Test(t, func(t *testing.T) {
			a := &advancer{t: t, has: map[int64]bool{}}
			o := chaoticOptions(r)
			o.Transport = newNetwork(chaos(r.Uint64()))
			if _, err := fetch.Run(t.Context(), list(chaotic(r, 300)...), a, o); err != nil {
				t.Error(err)
			}
			if a.last != math.MaxInt64 || a.told != 300 || a.low != 300 {
				t.Errorf("told up to %d of 300, %d at last", a.told, a.last)
			}
		})
	})
}

// Where items are left undone nobody says that they are done.
func TestAdvanceOfStoppedRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		a := &advancer{t: t, has: map[int64]bool{}}
		n := newNetwork(func(h hit) reply {
			if h.url == "http://a/5" {
				return reply{wait: time.Hour}
			}
			return reply{}
		})
		_, err := fetch.Run(ctx, forever(), a, fetch.Options{Transport: n, Window: 100, Timeout: -1})
		if !errors.Is(err, context.DeadlineExceeded) || a.last != 5 || a.told != 5 {
			t.Errorf("told up to %d, %d at last: %v", a.told, a.last, err)
		}
	})
}

func TestAdvanceError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &advancer{t: t, has: map[int64]bool{}, fail: errors.New("disk full")}
		_, err := fetch.Run(t.Context(), forever(), a, fetch.Options{Transport: newNetwork(always(time.Second))})
		var sinkErr *fetch.SinkError
		if !errors.As(err, &sinkErr) || !errors.Is(err, a.fail) {
			t.Errorf("Run: %v", err)
		}
	})
}
