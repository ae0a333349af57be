package adaptive_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/rate"
)

// next returns how long it takes to get one more.
func next(t *testing.T, l penstock.Limiter) time.Duration {
	t.Helper()
	begin := time.Now()
	p, err := l.AcquirePermit(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	p.Release(penstock.Success)
	return time.Since(begin)
}

// within reports whether d is from least on, and at most a twentieth more: the
// jitter.
func within(d, least time.Duration) bool { return d >= least && d <= least+least/20 }

func TestHold(t *testing.T) {
	for _, c := range []struct {
		name       string
		for1, for2 time.Duration // Hold is called with
		want       time.Duration
	}{
		{"for a while", 10 * time.Second, 0, 10 * time.Second},
		{"a later time replaces it", 10 * time.Second, 20 * time.Second, 20 * time.Second},
		{"an earlier one does not", 20 * time.Second, 10 * time.Second, 20 * time.Second},
		{"the past is no hold", -time.Hour, 0, 0},
		{"no longer than MaxHold", 1000 * time.Hour, 0, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, _ func() time.Duration) {
				l, _ := limiter(t, 5, adaptive.Options{MaxHold: time.Minute})
				l.Hold(time.Now().Add(c.for1))
				if c.for2 != 0 {
					l.Hold(time.Now().Add(c.for2))
				}
				if _, ok := l.TryAcquirePermit(1); ok != (c.want == 0) {
					t.Error("TryAcquirePermit does not mind the hold")
				}
				if d := next(t, l); !within(d, c.want) && c.want != 0 {
					t.Errorf("waited %v, want %v", d, c.want)
				}
			})
		})
	}
}

// TestHoldWhileWaiting holds those who wait already, and lets them go in order.
func TestHoldWhileWaiting(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		l, _ := limiter(t, 1, adaptive.Options{})
		p := must(t, l, 1)
		g := &log{since: func() time.Duration { return since().Truncate(2 * time.Second) }}
		g.come(t.Context(), l, "a", 1, 0)
		g.come(t.Context(), l, "b", 1, 0)
		l.Hold(time.Now().Add(10 * time.Second))
		p.Release(penstock.Overload)
		g.want(t)
		time.Sleep(time.Minute)
		g.want(t, "a 10s", "b 10s")
		if s := l.Stats(); s.Holds != 1 || s.Held != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestHeldPastTheDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		l, _ := limiter(t, 1, adaptive.Options{})
		l.Hold(time.Now().Add(time.Minute))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err := l.AcquirePermit(ctx, 1)
		held, ok := errors.AsType[*adaptive.HeldError](err)
		if !ok || !errors.Is(err, context.DeadlineExceeded) || !within(held.Wait, time.Minute) || held.Left != 30*time.Second {
			t.Errorf("error %v", err)
		}
		if since() != 0 {
			t.Errorf("it took %v to say so", since())
		}
	})
}

func TestSetRate(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		l, _ := limiter(t, 5, adaptive.Options{})
		if err := l.SetRate(rate.Rate{Count: 10, Per: time.Second}); err != nil {
			t.Fatal(err)
		}
		g := &log{since: since}
		for _, name := range []string{"a", "b", "c"} {
			g.come(t.Context(), l, name, 1, 0)
		}
		time.Sleep(time.Second)
		// Up to 2 ms of lateness are made up for.
		g.want(t, "a 0s", "b 98ms", "c 198ms")
		if err := l.SetRate(rate.Rate{Count: -1, Per: time.Second}); err == nil {
			t.Error("a negative rate is no error")
		}
		if s := l.Stats(); s.Rate != 10 {
			t.Errorf("%+v", s)
		}
		if err := l.SetRate(rate.Rate{}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			must(t, l, 1)
		}
	})
}

// TestSetRateWhileWaiting makes those who wait go by the new rate at once.
func TestSetRateWhileWaiting(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		l, _ := limiter(t, 5, adaptive.Options{})
		if err := l.SetRate(rate.Rate{Count: 1, Per: time.Hour}); err != nil {
			t.Fatal(err)
		}
		must(t, l, 1)
		g := &log{since: since}
		g.come(t.Context(), l, "a", 1, 0)
		time.Sleep(time.Second)
		if err := l.SetRate(rate.Rate{Count: 1, Per: 10 * time.Second}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		g.want(t, "a 9.998s")
	})
}

// TestUnusedGivesTheRateBack has an operation that never began.
func TestUnusedGivesTheRateBack(t *testing.T) {
	bubble(t, func(t *testing.T, _ func() time.Duration) {
		l, _ := limiter(t, 5, adaptive.Options{})
		if err := l.SetRate(rate.Rate{Count: 1, Per: time.Hour}); err != nil {
			t.Fatal(err)
		}
		must(t, l, 1).Release(penstock.Unused)
		must(t, l, 1)
		if _, ok := l.TryAcquirePermit(1); ok {
			t.Error("the rate is not kept")
		}
	})
}

// TestAdvise says the same quota each 100 ms, as two kinds of servers would, and
// looks at the rate in force.
func TestAdvise(t *testing.T) {
	const limit, window = 1000, 10 * time.Second
	for _, c := range []struct {
		name string
		at   time.Duration
		say  func(age time.Duration) adaptive.Quota
		want float64
	}{
		{
			"the policy is a rate", 0,
			func(time.Duration) adaptive.Quota {
				return adaptive.Quota{Limit: limit, Window: window, Remaining: -1}
			}, 99,
		},
		{
			"what is left of a fixed window is obeyed", 6 * time.Second,
			func(age time.Duration) adaptive.Quota {
				return adaptive.Quota{Limit: limit, Window: window, Remaining: 40, Reset: window - age}
			}, 10,
		},
		{
			"and where the reset is in whole seconds", 6 * time.Second,
			func(age time.Duration) adaptive.Quota {
				reset := (window - age + time.Second - 1).Truncate(time.Second)
				return adaptive.Quota{Limit: limit, Window: window, Remaining: 40, Reset: reset}
			}, 10,
		},
		{
			"what is left suffices, as far as whole seconds tell", 7900 * time.Millisecond,
			func(age time.Duration) adaptive.Quota {
				reset := (window - age + time.Second - 1).Truncate(time.Second)
				left := int64(limit - 99*age.Seconds())
				return adaptive.Quota{Limit: limit, Window: window, Remaining: left, Reset: reset}
			}, 99,
		},
		{
			"a bucket's reset is when it is full", 6 * time.Second,
			func(time.Duration) adaptive.Quota {
				return adaptive.Quota{Limit: limit, Window: window, Remaining: 40, Reset: 9600 * time.Millisecond}
			}, 99,
		},
		{
			"a window that is left with plenty", 6 * time.Second,
			func(age time.Duration) adaptive.Quota {
				return adaptive.Quota{Limit: limit, Window: window, Remaining: 900, Reset: window - age}
			}, 99,
		},
		{
			"nothing is known", 0,
			func(time.Duration) adaptive.Quota { return adaptive.Quota{Remaining: -1} }, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, since func() time.Duration) {
				l, _ := limiter(t, 5, adaptive.Options{})
				for since() <= c.at {
					l.Advise(c.say(since()))
					time.Sleep(100 * time.Millisecond)
				}
				if got := l.Stats().Rate; got < c.want*0.97 || got > c.want*1.03 {
					t.Errorf("%v a second, want %v", got, c.want)
				}
			})
		})
	}
}
