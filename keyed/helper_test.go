package keyed_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/keyed"
	"github.com/penstock-go/penstock/rate"
)

var seedFlag = flag.Uint64("penstock.seed", 0, "seed of the model tests, 0 for one of the clock")

// seeds runs f with several seeds, each a subtest that is named after it.
func seeds(t *testing.T, n int, f func(t *testing.T, seed uint64)) {
	t.Helper()
	if *seedFlag != 0 {
		n = 1
	}
	for range n {
		seed := *seedFlag
		if seed == 0 {
			seed = rand.Uint64()>>1 + 1
		}
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("again with: go test -run '%s' -penstock.seed=%d ./keyed", t.Name(), seed)
				}
			})
			f(t, seed)
		})
	}
}

// newRate returns a limiter of the rates in text.
func newRate(tb testing.TB, text string) *rate.Limiter {
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

// rates returns a Limiter of one rate for each key.
func rates(tb testing.TB, text string, maxIdle int) *keyed.Limiter[string, *rate.Limiter] {
	tb.Helper()
	first := newRate(tb, text)
	return keyed.New(func(string) *rate.Limiter { return first.Fresh() }, keyed.Options{MaxIdle: maxIdle})
}

// semaphores returns a Limiter of so many permits for each key.
func semaphores(limit, maxIdle int) *keyed.Limiter[string, *penstock.Semaphore] {
	return keyed.New(func(string) *penstock.Semaphore { return penstock.NewSemaphore(limit) }, keyed.Options{MaxIdle: maxIdle})
}

// take takes n units now or fails.
func take(tb testing.TB, l penstock.Limiter, n int) penstock.Permit {
	tb.Helper()
	p, ok := l.TryAcquirePermit(n)
	if !ok {
		tb.Fatalf("%d are not to be had", n)
	}
	return p
}

// A plain limiter is one of which nothing is known but its two methods.
type plain struct{ s *penstock.Semaphore }

func (p plain) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	return p.s.AcquirePermit(ctx, n)
}
func (p plain) TryAcquirePermit(n int) (penstock.Permit, bool) { return p.s.TryAcquirePermit(n) }

// has fails unless l has so many keys.
func has(tb testing.TB, l interface{ Len() int }, want int) {
	tb.Helper()
	if l.Len() != want {
		tb.Errorf("%d keys, want %d", l.Len(), want)
	}
}

// semaphoresAre returns a Limiter in which one semaphore is the limit of all keys.
func semaphoresAre(s *penstock.Semaphore) *keyed.Limiter[int, *penstock.Semaphore] {
	return keyed.New(func(int) *penstock.Semaphore { return s }, keyed.Options{MaxIdle: 1 << 30})
}
