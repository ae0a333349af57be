// Package rate_test compares penstock's rate with golang.org/x/time/rate.
//
// Admitted and refused calls are measured apart: a limiter that mostly refuses is
// another thing than one that mostly admits. The rates of the former are so high
// that all calls are admitted.
package rate_test

import (
	"context"
	"testing"
	"time"

	"github.com/penstock-go/penstock/rate"
	xrate "golang.org/x/time/rate"
)

func ours(tb testing.TB, text string) *rate.Limiter {
	tb.Helper()
	list, err := rate.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	l, err := rate.New(list...)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// An allower is one call of each limiter, and whether it is to be admitted.
type allower struct {
	name  string
	allow func() bool
	want  bool
}

func allowers(tb testing.TB) []allower {
	tb.Helper()
	const fast, slow = "1000000000/s burst 1000000000", "1/d"
	admits, refuses := ours(tb, fast), ours(tb, slow)
	two, twoRefuse := ours(tb, fast+", "+fast), ours(tb, fast+", "+slow)
	xAdmits, xRefuses := xrate.NewLimiter(1e9, 1e9), xrate.NewLimiter(xrate.Every(24*time.Hour), 1)
	xAdmits2 := xrate.NewLimiter(1e9, 1e9)
	refuses.Allow(1)
	twoRefuse.Allow(1)
	xRefuses.Allow()
	return []allower{
		{"budgets=1/admits/by=penstock", func() bool { return admits.Allow(1) }, true},
		{"budgets=1/admits/by=xtime", xAdmits.Allow, true},
		{"budgets=1/refuses/by=penstock", func() bool { return refuses.Allow(1) }, false},
		{"budgets=1/refuses/by=xtime", xRefuses.Allow, false},
		{"budgets=2/admits/by=penstock", func() bool { return two.Allow(1) }, true},
		// x/time has no two at once: this is one after the other, which takes of
		// the first what the second then refuses.
		{"budgets=2/admits/by=xtime", func() bool { return xAdmits.Allow() && xAdmits2.Allow() }, true},
		{"budgets=2/refuses/by=penstock", func() bool { return twoRefuse.Allow(1) }, false},
	}
}

func BenchmarkAllow(b *testing.B) {
	for _, a := range allowers(b) {
		b.Run(a.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if a.allow() != a.want {
					b.Fatal("not what it is to be")
				}
			}
		})
	}
}

func BenchmarkAllowParallel(b *testing.B) {
	for _, a := range allowers(b) {
		b.Run(a.name, func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if a.allow() != a.want {
						b.Error("not what it is to be")
						return
					}
				}
			})
		})
	}
}

// BenchmarkWait waits for what is there at once.
func BenchmarkWait(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	l := ours(b, "1000000000/s burst 1000000000")
	x := xrate.NewLimiter(1e9, 1e9)
	for _, w := range []struct {
		name string
		wait func() error
	}{
		{"by=penstock", func() error { return l.Wait(ctx, 1) }},
		{"by=xtime", func() error { return x.Wait(ctx) }},
	} {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := w.wait(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPermit takes a permit and releases it.
func BenchmarkPermit(b *testing.B) {
	l := ours(b, "1000000000/s burst 1000000000")
	b.ReportAllocs()
	for b.Loop() {
		p, ok := l.TryAcquirePermit(1)
		if !ok {
			b.Fatal("refused")
		}
		p.Release(0)
	}
}

// BenchmarkClock is the share of all of the above that reads the clock.
func BenchmarkClock(b *testing.B) {
	start := time.Now()
	for b.Loop() {
		_ = time.Since(start)
	}
}
