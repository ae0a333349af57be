package rate_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/rate"
)

// limiter returns a new Limiter of the rates in text.
func limiter(tb testing.TB, text string) *rate.Limiter {
	tb.Helper()
	l, err := rate.New(rates(tb, text)...)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func rates(tb testing.TB, text string) rate.List {
	tb.Helper()
	list, err := rate.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

// bubble runs f in virtual time, with the time since its start.
func bubble(t *testing.T, f func(t *testing.T, since func() time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		f(t, func() time.Duration { return time.Since(start) })
	})
}

// seeded runs f for several seeds, each named in the test's name, so that one
// can be run again by itself.
func seeded(t *testing.T, f func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	for seed := range uint64(30) {
		t.Run("seed="+string(rune('A'+seed%26))+string(rune('0'+seed/26)), func(t *testing.T) {
			f(t, rand.New(rand.NewPCG(seed, 4)))
		})
	}
}
