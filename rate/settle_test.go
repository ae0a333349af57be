package rate_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

// A foreign is a Limiter that All knows only by its two methods.
type foreign struct{ l penstock.Limiter }

func (f foreign) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	return f.l.AcquirePermit(ctx, n)
}

func (f foreign) TryAcquirePermit(n int) (penstock.Permit, bool) { return f.l.TryAcquirePermit(n) }

// A composed permit settles what its rate's permit would, however it was composed
// and whether it was waited for or not.
func TestSettleOfAComposedPermit(t *testing.T) {
	tokens := func() *rate.Limiter {
		l, err := rate.New(rate.Rate{Count: 10, Per: time.Second, Burst: 100})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	semaphore := func() penstock.Limiter { return penstock.NewSemaphore(1000) }
	for name, compose := range map[string]func(l *rate.Limiter) penstock.Limiter{
		"alone":       func(l *rate.Limiter) penstock.Limiter { return l },
		"one":         func(l *rate.Limiter) penstock.Limiter { return penstock.All(l) },
		"first":       func(l *rate.Limiter) penstock.Limiter { return penstock.All(l, semaphore()) },
		"last of 4":   func(l *rate.Limiter) penstock.Limiter { return penstock.All(semaphore(), semaphore(), semaphore(), l) },
		"with calls":  func(l *rate.Limiter) penstock.Limiter { return penstock.All(penstock.PerCall(tokens()), l) },
		"All of All":  func(l *rate.Limiter) penstock.Limiter { return penstock.All(penstock.All(semaphore(), l), semaphore()) },
		"foreign":     func(l *rate.Limiter) penstock.Limiter { return penstock.All(semaphore(), foreign{l}) },
		"not foreign": func(l *rate.Limiter) penstock.Limiter { return penstock.All(foreign{semaphore()}, l) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := tokens()
				limit := compose(l)
				start := time.Now()
				for i, want := range []time.Duration{0, 10 * time.Second} {
					// 100 are there; 100 more take 10 s.
					p, err := limit.AcquirePermit(t.Context(), 100)
					if err != nil || time.Since(start) != want {
						t.Fatalf("%d: %v, at %v", i, err, time.Since(start))
					}
					s, ok := p.(penstock.Settler)
					if !ok {
						t.Fatalf("a %T is no Settler", p)
					}
					s.Settle(40)
					if !l.Allow(60) || l.Allow(1) {
						t.Error("60 were not given back")
					}
					s.Settle(50)
					p.Release(penstock.Success)
					start = start.Add(time.Second) // 10 more than were there are a debt
				}
			})
		})
	}
}

// What counts operations, or has nothing to settle, says so.
func TestNothingToSettle(t *testing.T) {
	l, err := rate.New(rate.Rate{Count: 1, Per: time.Hour, Burst: 2})
	if err != nil {
		t.Fatal(err)
	}
	semaphore := penstock.NewSemaphore(9)
	for name, limit := range map[string]penstock.Limiter{
		"calls":             penstock.PerCall(l),
		"All of calls":      penstock.All(penstock.PerCall(l), semaphore),
		"All of one":        penstock.All(penstock.PerCall(l)),
		"foreign calls":     penstock.All(penstock.PerCall(foreign{l}), semaphore),
		"All of semaphores": penstock.All(semaphore, penstock.NewSemaphore(9)),
	} {
		p, ok := limit.TryAcquirePermit(5)
		if !ok {
			t.Errorf("%s: refused", name)
			continue
		}
		if _, ok := p.(penstock.Settler); ok {
			t.Errorf("%s: a %T is a Settler", name, p)
		}
		p.Release(penstock.Unused)
	}
}
