package limitertest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/internal/limitertest"
	"github.com/penstock-go/penstock/rate"
)

func TestLocal(t *testing.T) {
	for name, f := range map[string]func(t *testing.T) limitertest.Fixture{
		"Semaphore": func(*testing.T) limitertest.Fixture {
			return limitertest.Fixture{Limiter: penstock.NewSemaphore(5), Over: 6}
		},
		"BoundedSemaphore": func(*testing.T) limitertest.Fixture {
			return limitertest.Fixture{Limiter: penstock.NewBoundedSemaphore(5), Over: 6}
		},
		"All": func(*testing.T) limitertest.Fixture {
			return limitertest.Fixture{Limiter: penstock.All(penstock.NewSemaphore(5), penstock.NewSemaphore(7)), Over: 6}
		},
		"Rate": func(t *testing.T) limitertest.Fixture {
			l, err := rate.New(rate.Rate{Count: 1, Per: 24 * time.Hour, Burst: 5})
			if err != nil {
				t.Fatal(err)
			}
			return limitertest.Fixture{Limiter: l, Over: 6}
		},
		"Adaptive": func(t *testing.T) limitertest.Fixture {
			l, err := adaptive.New(adaptive.Options{Min: 5, Max: 5, Start: 5})
			if err != nil {
				t.Fatal(err)
			}
			return limitertest.Fixture{Limiter: l, Over: 6}
		},
	} {
		t.Run(name, func(t *testing.T) {
			limitertest.Test(t, limitertest.Kind{
				Run: synctest.Test,
				New: func(t *testing.T) limitertest.Fixture {
					fixture := f(t)
					fixture.Room = 5
					fixture.Settle = func(int) { synctest.Wait() }
					return fixture
				},
			})
		})
	}
}
