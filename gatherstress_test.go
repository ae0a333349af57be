package penstock_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
)

// Tasks of every kind, on real goroutines: each runs exactly once, no more
// than the limit run at once, and each result is where it belongs.
func TestGatherStress(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	ping, pong := make(chan struct{}), make(chan struct{})
	var echo sync.WaitGroup
	defer echo.Wait()
	defer close(ping)
	echo.Go(func() {
		for range ping {
			pong <- struct{}{}
		}
	})
	for range 25 {
		limit, n := 1+rng.IntN(40), rng.IntN(2000)
		kinds := make([]int, n)
		for i := range kinds {
			kinds[i] = rng.IntN(100)
		}
		var g gauge
		ran := make([]atomic.Int32, n)
		task := func(_ context.Context, i int) (int, error) {
			g.enter()
			defer g.leave()
			ran[i].Add(1)
			switch k := kinds[i]; {
			case k < 5:
				runtime.Goexit()
			case k < 10:
				return i, errBoom
			case k < 20:
				runtime.Gosched()
			case k < 25: // waits for somebody else
				ping <- struct{}{}
				<-pong
			case k < 26:
				for range 20_000 {
				}
			}
			return i, nil
		}
		check := func(what string, i, v int, err error) {
			var want error
			if k := kinds[i]; k < 5 {
				want = penstock.ErrGoexit
			} else if k < 10 {
				want = errBoom
			}
			if !errors.Is(err, want) || ran[i].Swap(0) != 1 || v != i && want != penstock.ErrGoexit {
				t.Fatalf("%s of %d by %d: result %d is %d, %v", what, n, limit, i, v, err)
			}
		}
		for i, r := range penstock.GatherAll(t.Context(), limit, upTo(n), task) {
			check("GatherAll", i, r.Value, r.Err)
		}
		for i, r := range penstock.GatherAll(t.Context(), penstock.By(newFakeLimiter(limit)), upTo(n), task) {
			check("GatherAll by limiter", i, r.Value, r.Err)
		}
		i := 0
		for v, err := range penstock.Map(t.Context(), limit, slices.Values(upTo(n)), task) {
			check("Map", i, v, err)
			i++
		}
		for c, err := range penstock.AsCompleted(t.Context(), penstock.By(newFakeLimiter(limit)), slices.Values(upTo(n)), task) {
			check("AsCompleted", c.Index, c.In, err)
		}
		if i != n || g.most.Load() > int64(limit) || g.now.Load() != 0 {
			t.Fatalf("%d results of %d, %d at once, limit %d, %d still run", i, n, g.most.Load(), limit, g.now.Load())
		}
	}
}

// The model: with tasks of random lengths, limit workers that each take the
// next index when they are free. Tasks start, end and are yielded at exactly
// the times that it says.
func TestGatherModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 100 {
		limit, n := 1+rng.IntN(12), rng.IntN(200)
		length := make([]time.Duration, n)
		for i := range length {
			length[i] = time.Duration(1+rng.IntN(1000)) * time.Millisecond
		}
		began := make([]time.Duration, n)
		free := make([]time.Duration, limit) // when each worker is
		for i := range began {
			slices.Sort(free)
			began[i] = free[0]
			free[0] += length[i]
		}
		end := slices.Max(free)
		for _, l := range []any{limit, newFakeLimiter(limit)} {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := gather(t.Context(), l, upTo(n), func(ctx context.Context, i int) (int, error) {
					if at := time.Since(start); at != began[i] {
						t.Errorf("limit %d: task %d of %d began after %v, want %v", limit, i, n, at, began[i])
					}
					return i, sleepFor(ctx, length[i])
				})
				if d := time.Since(start); err != nil || d != end {
					t.Errorf("limit %d, %d tasks: %v after %v, want %v", limit, n, err, d, end)
				}
			})
		}
	}
}
