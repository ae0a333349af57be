// Package semaphore sets the semaphores of penstock beside those of others.
//
// Run each sub-benchmark in a process of its own, in several interleaved
// rounds, and compare medians: see scripts/compare.sh.
package semaphore

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/marusama/semaphore/v2"
	"github.com/penstock-go/penstock"
	xsync "golang.org/x/sync/semaphore"
)

// A sem is what a peer has to offer.
type sem struct {
	acquire func(ctx context.Context, n int) error
	try     func(n int) bool
	release func(n int)
}

// A peer makes semaphores.
type peer struct {
	name     string
	weighted bool
	make     func(limit int) sem
}

// peers are the contestants. Each is called through the same kind of closure,
// so that none is inlined where the others are not.
var peers = []peer{
	{"penstock", true, func(limit int) sem {
		s := penstock.NewSemaphore(limit)
		return sem{s.Acquire, s.TryAcquire, s.Release}
	}},
	{"bounded", true, func(limit int) sem {
		s := penstock.NewBoundedSemaphore(limit)
		return sem{s.Acquire, s.TryAcquire, s.Release}
	}},
	{"xsync", true, func(limit int) sem {
		s := xsync.NewWeighted(int64(limit))
		return sem{
			func(ctx context.Context, n int) error { return s.Acquire(ctx, int64(n)) },
			func(n int) bool { return s.TryAcquire(int64(n)) },
			func(n int) { s.Release(int64(n)) },
		}
	}},
	{"channel", false, func(limit int) sem {
		c := make(chan struct{}, limit)
		return sem{
			func(ctx context.Context, _ int) error {
				select {
				case c <- struct{}{}:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			},
			func(int) bool {
				select {
				case c <- struct{}{}:
					return true
				default:
					return false
				}
			},
			func(int) { <-c },
		}
	}},
	{"failsafe", false, func(limit int) sem {
		s := bulkhead.New[any](uint(limit))
		return sem{
			func(ctx context.Context, _ int) error { return s.AcquirePermit(ctx) },
			func(int) bool { return s.TryAcquirePermit() },
			func(int) { s.ReleasePermit() },
		}
	}},
	{"marusama", true, func(limit int) sem {
		s := semaphore.New(limit)
		return sem{s.Acquire, s.TryAcquire, func(n int) { s.Release(n) }}
	}},
}

// each runs f for every peer, as a sub-benchmark.
func each(b *testing.B, weighted bool, f func(b *testing.B, make func(int) sem)) {
	for _, p := range peers {
		if weighted && !p.weighted {
			continue
		}
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			f(b, p.make)
		})
	}
}

// crowd shares b.N rounds among n goroutines. weight is what the i-th of them
// acquires.
func crowd(b *testing.B, s sem, n int, weight func(i int) int, inside func()) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		rounds, w := b.N/n, weight(i)
		if i < b.N%n {
			rounds++
		}
		wg.Go(func() {
			<-start
			for range rounds {
				if err := s.acquire(ctx, w); err != nil {
					b.Error(err)
					return
				}
				inside()
				s.release(w)
			}
		})
	}
	b.ResetTimer()
	before := cpuTime(b)
	close(start)
	wg.Wait()
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// cpuTime returns what the process has used so far of all processors, in
// nanoseconds. It says more than the clock where the machine is shared.
func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func one(int) int { return 1 }

func nothing() {}

// Nobody waits; the context can be cancelled.
func BenchmarkUncontended(b *testing.B) {
	for _, n := range []int{1, 3} {
		b.Run(fmt.Sprintf("weight=%d", n), func(b *testing.B) {
			each(b, n > 1, func(b *testing.B, make func(int) sem) {
				s := make(10)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				for b.Loop() {
					if err := s.acquire(ctx, n); err != nil {
						b.Fatal(err)
					}
					s.release(n)
				}
			})
		})
	}
}

// Many goroutines on 10 permits: with nothing inside, few of them ever find
// none; where the holder yields, every one queues.
func BenchmarkCrowd(b *testing.B) {
	for _, inside := range []struct {
		name string
		f    func()
	}{{"nothing", nothing}, {"yield", runtime.Gosched}} {
		for _, n := range []int{64, 10_000} {
			b.Run(fmt.Sprintf("inside=%s/goroutines=%d", inside.name, n), func(b *testing.B) {
				each(b, false, func(b *testing.B, make func(int) sem) {
					crowd(b, make(10), n, one, inside.f)
				})
			})
		}
	}
}

// 63 goroutines that want 1 to 9 of 10.
func BenchmarkWeightedQueued(b *testing.B) {
	weight := func(i int) int { return 1 + i%9 }
	for _, inside := range []struct {
		name string
		f    func()
	}{{"nothing", nothing}, {"yield", runtime.Gosched}} {
		b.Run("inside="+inside.name, func(b *testing.B) {
			each(b, true, func(b *testing.B, make func(int) sem) {
				crowd(b, make(10), 63, weight, inside.f)
			})
		})
	}
}

func BenchmarkTryFull(b *testing.B) {
	each(b, false, func(b *testing.B, make func(int) sem) {
		s := make(10)
		for range 10 {
			if !s.try(1) {
				b.Fatal("not free")
			}
		}
		for b.Loop() {
			if s.try(1) {
				b.Fatal("not full")
			}
		}
	})
}

// Some number of waiters are cancelled together; the time is that of one of
// them, from waiting to returned. Linear means that it does not depend on how
// many there are.
func BenchmarkCancel(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("waiters=%d", n), func(b *testing.B) {
			each(b, false, func(b *testing.B, make func(int) sem) {
				s := make(1)
				if !s.try(1) {
					b.Fatal("not free")
				}
				for left := b.N; left > 0; left -= n {
					b.StopTimer()
					ctx, cancel := context.WithCancel(context.Background())
					var wg sync.WaitGroup
					for range min(n, left) {
						wg.Go(func() { _ = s.acquire(ctx, 1) })
					}
					for range 3 {
						runtime.Gosched()
					}
					b.StartTimer()
					cancel()
					wg.Wait()
				}
			})
		})
	}
}

// Two limits for one operation, nobody waiting: taken as one, and one after the
// other by hand, which can hold the first while it waits for the second.
func BenchmarkTwoLimits(b *testing.B) {
	b.Run("penstock.All", func(b *testing.B) {
		b.ReportAllocs()
		all := penstock.All(penstock.NewSemaphore(10), penstock.NewSemaphore(100))
		ctx := b.Context()
		for b.Loop() {
			p, err := all.AcquirePermit(ctx, 1)
			if err != nil {
				b.Fatal(err)
			}
			p.Release(penstock.Success)
		}
	})
	b.Run("xsync-twice", func(b *testing.B) {
		b.ReportAllocs()
		host, total := xsync.NewWeighted(10), xsync.NewWeighted(100)
		ctx := b.Context()
		for b.Loop() {
			if host.Acquire(ctx, 1) != nil || total.Acquire(ctx, 1) != nil {
				b.Fatal("not acquired")
			}
			total.Release(1)
			host.Release(1)
		}
	})
}
