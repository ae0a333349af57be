package adaptive_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
)

// fixed is a Control that keeps to a number, for what has nothing to do with how
// the limit is found.
type fixed struct {
	limit int
	seen  []adaptive.Observation
	step  func(f *fixed) adaptive.Reason
}

func (f *fixed) Limit() int { return f.limit }

func (f *fixed) Observe(_ time.Time, o adaptive.Observation) adaptive.Reason {
	f.seen = append(f.seen, o)
	if f.step != nil {
		return f.step(f)
	}
	return ""
}

// limiter returns a Limiter with a fixed limit.
func limiter(tb testing.TB, limit int, o adaptive.Options) (*adaptive.Limiter, *fixed) {
	tb.Helper()
	f := &fixed{limit: limit}
	o.Control = func(_, _, _ int) adaptive.Control { return f }
	l, err := adaptive.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return l, f
}

// must takes n units, which there must be at once.
func must(t *testing.T, l penstock.Limiter, n int) penstock.Permit {
	t.Helper()
	p, ok := l.TryAcquirePermit(n)
	if !ok {
		t.Fatalf("%d units are not to be had", n)
	}
	return p
}

// bubble runs f in virtual time, with the time since its start.
func bubble(t *testing.T, f func(t *testing.T, since func() time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		f(t, func() time.Duration { return time.Since(begin) })
	})
}

// A log notes who was served when.
type log struct {
	mu      sync.Mutex
	entries []string
	since   func() time.Duration
}

// come makes a caller wait for n, keep it for a time, and release it.
func (g *log) come(ctx context.Context, l penstock.Limiter, name string, n int, keep time.Duration) {
	go func() {
		p, err := l.AcquirePermit(ctx, n)
		what := name + " " + g.since().String()
		if err != nil {
			what = name + " failed " + g.since().String()
		}
		g.mu.Lock()
		g.entries = append(g.entries, what)
		g.mu.Unlock()
		if err == nil {
			time.Sleep(keep)
			p.Release(penstock.Success)
		}
	}()
	synctest.Wait()
}

func (g *log) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Equal(g.entries, want) {
		t.Errorf("got  %q\nwant %q", g.entries, want)
	}
}
