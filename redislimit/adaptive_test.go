package redislimit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/redislimit"
)

// counter is a Control that goes up by one at every ten successes, and whose whole
// state is its limit: what of it is left shows who has learned from what.
type counter struct{ n, limit, most int }

func (c *counter) Limit() int { return c.limit }

func (c *counter) Observe(_ time.Time, o adaptive.Observation) adaptive.Reason {
	if o.Outcome != penstock.Success {
		c.limit = 1
		return adaptive.Decreased
	}
	if c.n++; c.n%10 == 0 {
		c.limit = min(c.limit+1, c.most)
	}
	return ""
}

func counting(_, most, start int) adaptive.Control { return &counter{limit: start, most: most} }

func adaptiveOf(t testing.TB, s *redislimit.Store, name string, o redislimit.AdaptiveOptions) *redislimit.Adaptive {
	t.Helper()
	a, err := s.Adaptive(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// keepBusy has so many callers take permits and give them back as o, until the test
// or stop ends it.
func keepBusy(t *testing.T, a *redislimit.Adaptive, callers int, o penstock.Outcome) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for ctx.Err() == nil {
				err := a.Do(ctx, 1, func(context.Context) (penstock.Outcome, error) {
					time.Sleep(time.Millisecond) // what is done under the permit
					return o, nil
				})
				if errors.Is(err, redislimit.ErrClosed) {
					return
				}
				if err != nil {
					time.Sleep(10 * time.Millisecond) // Redis is away
				}
			}
		})
	}
	stop = func() {
		cancel()
		all.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// TestAdaptiveIsOneForAll has two stores teach one limit: both obey what one of them
// finds, and one leads.
func TestAdaptiveIsOneForAll(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	o := redislimit.AdaptiveOptions{Start: 2, Max: 6, Control: counting}
	a := adaptiveOf(t, open(t, srv.URL(), quick), "one", o)
	b := adaptiveOf(t, open(t, srv.URL(), quick), "one", o)
	keepBusy(t, a, 8, penstock.Success)
	keepBusy(t, b, 8, penstock.Success)
	eventually(t, 30*time.Second, "both know the limit that was found", func() bool {
		return a.Limit() == 6 && b.Limit() == 6
	})
	eventually(t, 30*time.Second, "one leads", func() bool { return a.Stats().Leading != b.Stats().Leading })
	if n := srv.Must("HGET", "penstock:{one}", "l"); n != "6" {
		t.Errorf("Redis has %s", n)
	}
}

// TestAdaptiveTakeover ends the process that leads: the other goes on from the limit
// that was found, and learns on.
func TestAdaptiveTakeover(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	o := redislimit.AdaptiveOptions{Start: 2, Max: 9, Control: counting}
	first := open(t, srv.URL(), quick)
	a := adaptiveOf(t, first, "over", o)
	keepBusy(t, a, 10, penstock.Success)
	eventually(t, 30*time.Second, "the first leads and has found it", func() bool { return a.Stats().Leading && a.Limit() == 9 })
	b := adaptiveOf(t, open(t, srv.URL(), quick), "over", o)
	stop := keepBusy(t, b, 10, penstock.Success)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the second leads", func() bool { return b.Stats().Leading })
	if n := srv.Must("HGET", "penstock:{over}", "l"); n != "9" {
		t.Errorf("the limit has become %s", n)
	}
	eventually(t, 30*time.Second, "the second knows it", func() bool { return b.Limit() == 9 })
	stop()
	keepBusy(t, b, 2, penstock.Overload)
	eventually(t, 30*time.Second, "it learns", func() bool { return b.Limit() == 1 })
}

// TestAdaptiveIsTold sets the limit by hand: the fleet goes on from there; a limit of
// 0 stops it until it is raised.
func TestAdaptiveIsTold(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	s := open(t, srv.URL(), quick)
	a := adaptiveOf(t, s, "told", redislimit.AdaptiveOptions{Start: 2, Max: 50, Control: func(_, most, start int) adaptive.Control {
		return &counter{limit: start, most: start}
	}})
	keepBusy(t, a, 4, penstock.Success)
	for _, n := range []int{20, 0, 3} {
		eventually(t, 30*time.Second, "it leads", func() bool { return a.Stats().Leading })
		if err := s.SetLimit(t.Context(), "told", n); err != nil {
			t.Fatal(err)
		}
		eventually(t, 30*time.Second, "it obeys", func() bool { return a.Limit() == n })
		// A leader that did not see it would write its own within a tick.
		for range 5 {
			before := a.Stats().Acquired
			if n > 0 {
				eventually(t, 30*time.Second, "it goes on", func() bool { return a.Stats().Acquired > before+50 })
			} else {
				time.Sleep(50 * time.Millisecond) // nothing is to happen
			}
			if got := a.Limit(); got != n {
				t.Fatalf("set to %d, it has become %d", n, got)
			}
		}
	}
}

// TestAdaptiveLargeDemand is for more than the present limit: it goes alone.
func TestAdaptiveLargeDemand(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	a := adaptiveOf(t, open(t, srv.URL(), quick), "large", redislimit.AdaptiveOptions{Start: 2, Max: 10, Control: func(_, _, start int) adaptive.Control {
		return &counter{limit: start, most: start}
	}})
	p, err := a.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() {
		q, err := a.Acquire(t.Context(), 7)
		if err == nil {
			q.Release(penstock.Success)
		}
		got <- err
	}()
	eventually(t, 30*time.Second, "it waits", func() bool { return srv.Must("ZCARD", "penstock:{large}:queue") == "1" })
	if _, ok := a.TryAcquirePermit(1); ok {
		t.Error("a small one has overtaken it")
	}
	p.Release(penstock.Success)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if _, err := a.Acquire(t.Context(), 11); !errors.Is(err, penstock.ErrOverLimit) {
		t.Errorf("more than Max: %v", err)
	}
}

// TestAdaptiveRate has a control that wants a rate: all keep it.
func TestAdaptiveRate(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	a := adaptiveOf(t, open(t, srv.URL(), quick), "paced", redislimit.AdaptiveOptions{Start: 20, Control: func(_, _, start int) adaptive.Control {
		return paced{&counter{limit: start, most: start}}
	}})
	keepBusy(t, a, 20, penstock.Success)
	eventually(t, 30*time.Second, "it paces", func() bool { return a.Stats().Rate == 50 })
	eventually(t, 30*time.Second, "Redis knows", func() bool { return srv.Must("HGET", "penstock:{paced}", "r") != "" })
	from, start := a.Stats().Acquired, time.Now()
	eventually(t, 30*time.Second, "some are had", func() bool { return a.Stats().Acquired >= from+100 })
	// 100 take 2 s; up to 20 of them may have been granted before.
	if took := time.Since(start); took < 1200*time.Millisecond {
		t.Errorf("100 in %v at 50 a second", took)
	}
}

type paced struct{ *counter }

func (paced) Rate(time.Time) float64 { return 50 }

func TestAdaptiveKind(t *testing.T) {
	t.Parallel()
	s := open(t, "redis://127.0.0.1:1", quick)
	semaphore(t, s, "plain", 3)
	adaptiveOf(t, s, "finds", redislimit.AdaptiveOptions{})
	if _, err := s.Adaptive("plain", redislimit.AdaptiveOptions{}); !errors.Is(err, redislimit.ErrKind) {
		t.Errorf("a semaphore as an adaptive limit: %v", err)
	}
	if _, err := s.Semaphore("finds", 3); !errors.Is(err, redislimit.ErrKind) {
		t.Errorf("an adaptive limit as a semaphore: %v", err)
	}
	if _, err := s.Adaptive("", redislimit.AdaptiveOptions{}); !errors.Is(err, redislimit.ErrName) {
		t.Errorf("no name: %v", err)
	}
	if _, err := s.Adaptive("odd", redislimit.AdaptiveOptions{Min: 5, Max: 3}); !errors.Is(err, adaptive.ErrOptions) {
		t.Errorf("a Max below Min: %v", err)
	}
}

// TestAdaptiveClose closes a store that leads, whose Redis has gone: that takes no
// longer than with one that is there.
func TestAdaptiveClose(t *testing.T) {
	t.Parallel()
	srv := aged(t)
	s := open(t, srv.URL(), quick)
	a := adaptiveOf(t, s, "close", redislimit.AdaptiveOptions{})
	stop := keepBusy(t, a, 4, penstock.Success)
	eventually(t, 30*time.Second, "it leads", func() bool { return a.Stats().Leading })
	srv.Kill()
	closed := make(chan struct{})
	go func() {
		_ = s.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(30 * time.Second):
		t.Fatal("Close hangs")
	}
	stop()
}

// TestLookAtAdaptive has two processes share an adaptive limit: people see that it finds
// itself, what it is, and which of the two leads.
func TestLookAtAdaptive(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	o := redislimit.AdaptiveOptions{Start: 5}
	first := adaptiveOf(t, open(t, srv.URL(), quick), "seen", o)
	keepBusy(t, first, 2, penstock.Success)
	eventually(t, patience, "the first leads", func() bool { return first.Stats().Leading })
	store := open(t, srv.URL(), quick)
	keepBusy(t, adaptiveOf(t, store, "seen", o), 2, penstock.Success)
	if err := store.SetLimit(t.Context(), "unled", 3); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "both are seen, and that one leads", func() bool {
		info, err := store.Look(t.Context(), "seen")
		if err != nil {
			t.Fatal(err)
		}
		leaders := 0
		for _, h := range info.Holders {
			if h.Leads {
				leaders++
			}
		}
		return info.Adaptive && info.Limit >= 1 && len(info.Holders) == 2 && leaders == 1
	})
	if info, err := store.Look(t.Context(), "unled"); err != nil || info.Adaptive {
		t.Errorf("a plain one: %+v, %v", info, err)
	}
}
