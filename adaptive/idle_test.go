package adaptive_test

import (
	"context"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/keyed"
	"github.com/penstock-go/penstock/rate"
)

// TestIdle does something to a Limiter and looks for how long it is not idle.
func TestIdle(t *testing.T) {
	use := func(t *testing.T, l *adaptive.Limiter) { must(t, l, 1).Release(penstock.Success) }
	for _, c := range []struct {
		name string
		do   func(t *testing.T, l *adaptive.Limiter)
		want time.Duration
	}{
		{"new", func(*testing.T, *adaptive.Limiter) {}, 0},
		{"only given a rate", func(_ *testing.T, l *adaptive.Limiter) {
			_ = l.SetRate(rate.Rate{Count: 1, Per: time.Hour})
		}, 0},
		{"a demand of nothing", func(t *testing.T, l *adaptive.Limiter) { must(t, l, 0) }, 0},
		{"used", use, adaptive.IdleAfter},
		{"a permit out for an hour", func(t *testing.T, l *adaptive.Limiter) {
			p := must(t, l, 1)
			go func() { time.Sleep(time.Hour); p.Release(penstock.Ignored) }()
		}, time.Hour + adaptive.IdleAfter},
		{"held, and one who waits gives up", func(t *testing.T, l *adaptive.Limiter) {
			l.Hold(time.Now().Add(20 * time.Minute))
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(15*time.Minute, cancel)
			go func() { _, _ = l.AcquirePermit(ctx, 1) }()
		}, 20 * time.Minute},
		{"told what remains", func(_ *testing.T, l *adaptive.Limiter) {
			l.Advise(adaptive.Quota{Remaining: 1, Reset: 25 * time.Minute})
			l.Advise(adaptive.Quota{Remaining: 1, Reset: 25 * time.Minute})
		}, 25 * time.Minute},
		{"a rate not paid for", func(t *testing.T, l *adaptive.Limiter) {
			_ = l.SetRate(rate.Rate{Count: 1, Per: time.Hour})
			use(t, l)
		}, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, since func() time.Duration) {
				l, _ := limiter(t, 1, adaptive.Options{MaxHold: time.Hour})
				c.do(t, l)
				for !l.Idle(time.Now()) && since() < 24*time.Hour {
					time.Sleep(30 * time.Second)
				}
				if d := since(); d < c.want-time.Second || d > c.want+2*time.Minute {
					t.Errorf("idle after %v, want %v", d, c.want)
				}
			})
		})
	}
}

// TestIdleWhileOneWaits has the first in line of an All, and one alone.
func TestIdleWhileOneWaits(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		l, _ := limiter(t, 1, adaptive.Options{})
		full := penstock.NewSemaphore(1)
		held := must(t, full, 1)
		g := &log{since: since}
		g.come(t.Context(), penstock.All(full, l), "a", 1, 0)
		p := must(t, l, 1) // so that a stands in l's line too
		held.Release(penstock.Success)
		time.Sleep(time.Second)
		if l.Idle(time.Now().Add(time.Hour)) {
			t.Error("idle, with a permit out and one who waits")
		}
		p.Release(penstock.Success)
		g.want(t, "a 1s")
	})
}

// TestKeyedDropsIdle keeps an adaptive limit a host: it goes when nobody has used
// it for long, and not while it is in use or has just learned something.
func TestKeyedDropsIdle(t *testing.T) {
	bubble(t, func(t *testing.T, _ func() time.Duration) {
		hosts := keyed.New(func(string) *adaptive.Limiter {
			l, _ := adaptive.New(adaptive.Options{})
			return l
		}, keyed.Options{})
		p := must(t, hosts.For("busy"), 1)
		must(t, hosts.For("quiet"), 1).Release(penstock.Success)
		time.Sleep(adaptive.IdleAfter - time.Second)
		if n := hosts.DropIdle(); n != 0 {
			t.Errorf("dropped %d while what they learned is fresh", n)
		}
		time.Sleep(time.Second)
		if n := hosts.DropIdle(); n != 1 || hosts.Len() != 1 {
			t.Errorf("dropped %d, %d left", n, hosts.Len())
		}
		p.Release(penstock.Success)
		time.Sleep(adaptive.IdleAfter)
		if n := hosts.DropIdle(); n != 1 {
			t.Errorf("dropped %d", n)
		}
	})
}
