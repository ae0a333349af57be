package adaptive_test

import (
	"encoding/json"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
)

// Mistakes that a review found, each with what shows it.

// A demand of nothing waited behind others.
func TestZeroPassesThoseWhoWait(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		l, _ := limiter(t, 1, adaptive.Options{})
		p := must(t, l, 1)
		g := &log{since: since}
		g.come(t.Context(), l, "a", 1, time.Second)
		g.come(t.Context(), l, "nothing", 0, 0)
		g.want(t, "nothing 0s")
		p.Release(penstock.Success)
		time.Sleep(time.Minute)
		g.want(t, "nothing 0s", "a 0s")
	})
}

// A server that refuses the very first operation gave an infinite rate, which no
// JSON can say.
func TestFirstIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, _ func() time.Duration) {
		l, err := adaptive.New(adaptive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []penstock.Outcome{penstock.Overload, penstock.Success, penstock.Success} {
			p, err := l.AcquirePermit(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
			p.Release(o)
		}
		s := l.Stats()
		if _, err := json.Marshal(s); err != nil || math.IsInf(s.Rate, 0) {
			t.Errorf("rate %v: %v", s.Rate, err)
		}
	})
}

// Operations that take no time, by a coarse clock or in a bubble, gave limits that
// are no numbers.
func TestNoLatency(t *testing.T) {
	for name, control := range map[string]func(lo, hi, start int) adaptive.Control{
		"Auto":      func(lo, hi, start int) adaptive.Control { return adaptive.NewAuto(lo, hi, start) },
		"AIMD":      func(lo, hi, start int) adaptive.Control { return adaptive.NewAIMD(lo, hi, start) },
		"Vegas":     func(lo, hi, start int) adaptive.Control { return adaptive.NewVegas(lo, hi, start) },
		"Gradient2": func(lo, hi, start int) adaptive.Control { return adaptive.NewGradient2(lo, hi, start) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, _ func() time.Duration) {
				l, err := adaptive.New(adaptive.Options{Start: 4, Max: 50, Control: control})
				if err != nil {
					t.Fatal(err)
				}
				for range 1000 {
					var permits []penstock.Permit
					for p, ok := l.TryAcquirePermit(1); ok; p, ok = l.TryAcquirePermit(1) {
						permits = append(permits, p)
					}
					for _, p := range permits {
						p.Release(penstock.Success)
					}
					time.Sleep(100 * time.Millisecond)
				}
				if n := l.Limit(); n < 4 || n > 50 {
					t.Errorf("the limit is %d", n)
				}
			})
		})
	}
}

// What remains of a window was obeyed for longer than the window, and of one of a
// year for a year.
func TestRemainingEndsWithItsWindow(t *testing.T) {
	for _, c := range []struct{ reset, least, most time.Duration }{
		{time.Minute, 50 * time.Second, time.Minute + time.Second},
		{365 * 24 * time.Hour, 0, adaptive.DefaultMaxHold + 5*time.Second},
	} {
		bubble(t, func(t *testing.T, since func() time.Duration) {
			l, _ := limiter(t, 5, adaptive.Options{})
			begin := time.Now()
			for range 40 {
				l.Advise(adaptive.Quota{Remaining: 0, Reset: max(0, c.reset-since())})
				time.Sleep(100 * time.Millisecond)
			}
			must(t, l, 1).Release(penstock.Success)
			next(t, l)
			if d := time.Since(begin); d < c.least || d > c.most {
				t.Errorf("reset in %v: went on after %v, want %v to %v", c.reset, d, c.least, c.most)
			}
		})
	}
}

// A policy of one operation in a year stopped everything for that long.
func TestHostilePolicy(t *testing.T) {
	bubble(t, func(t *testing.T, _ func() time.Duration) {
		l, _ := limiter(t, 5, adaptive.Options{MaxHold: time.Minute})
		l.Advise(adaptive.Quota{Limit: 1, Window: 1 << 62, Remaining: math.MaxInt64, Reset: 1 << 62})
		next(t, l)
		if d := next(t, l); d > time.Minute {
			t.Errorf("waited %v", d)
		}
	})
}

// A MaxHold without end overflowed with the jitter, and held nothing.
func TestHoldForAsLongAsThereIsTime(t *testing.T) {
	l, _ := limiter(t, 5, adaptive.Options{MaxHold: math.MaxInt64})
	for range 100 {
		l.Hold(time.Now().Add(math.MaxInt64))
	}
	if s := l.Stats(); s.Held < 100*365*24*time.Hour {
		t.Errorf("held for %v", s.Held)
	}
}

// An Observe that panicked was never called again, and what it should have been
// told piled up.
func TestObservePanics(t *testing.T) {
	var heard []int64
	l := stepping(t, adaptive.Options{Observe: func(c adaptive.Change) {
		heard = append(heard, c.Seq)
		if c.Seq == 2 {
			panic("enough")
		}
	}})
	release := func() (panicked any) {
		defer func() { panicked = recover() }()
		must(t, l, 1).Release(penstock.Success)
		return nil
	}
	if release() != "enough" || release() != nil || release() != nil {
		t.Error("it should have panicked once")
	}
	if len(heard) != 4 || heard[3] != 4 {
		t.Errorf("heard %v", heard)
	}
	if s := l.Stats(); s.InFlight != 0 {
		t.Errorf("%+v", s)
	}
}

// A demand of nothing in an All counted as one that had waited.
func TestZeroInAnAllIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := limiter(t, 1, adaptive.Options{})
		p, err := penstock.All(l, penstock.NewSemaphore(1)).AcquirePermit(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		p.Release(penstock.Success)
		if s := l.Stats(); s.Waited != 0 || s.Acquired != 0 || !l.Idle(time.Now()) {
			t.Errorf("%+v", s)
		}
	})
}

// An option that does not fit a 32-bit int is none below zero.
func TestLongMaxHold(t *testing.T) {
	if _, err := adaptive.New(adaptive.Options{MaxHold: 1 << 31}); err != nil {
		t.Error(err)
	}
}
