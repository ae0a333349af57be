package queue_test

import (
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/penstock-go/penstock/queue"
)

type pipe interface {
	Put(ctx context.Context, v int) error
	Get(ctx context.Context) (int, error)
}

// triedFirst is a channel that is tried first and then selected with ctx.
type triedFirst chan int

func (c triedFirst) Put(ctx context.Context, v int) error {
	select {
	case c <- v:
		return nil
	default:
	}
	select {
	case c <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c triedFirst) Get(ctx context.Context) (int, error) {
	select {
	case v := <-c:
		return v, nil
	default:
	}
	select {
	case v := <-c:
		return v, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func BenchmarkHandOff(b *testing.B) {
	for _, n := range []int{1, 4, 64} {
		for _, size := range []int{16, 1024} {
			for _, k := range []struct {
				name string
				make func() pipe
			}{
				{"penstock", func() pipe { return queue.New[int](size) }},
				{"channel", func() pipe { return make(triedFirst, size) }},
			} {
				b.Run(fmt.Sprintf("%dP%dC/cap=%d/%s", n, n, size, k.name), func(b *testing.B) {
					b.ReportAllocs()
					ctx, cancel := context.WithCancel(b.Context())
					defer cancel()
					q := k.make()
					var wg sync.WaitGroup
					per := b.N/n + 1
					for range n {
						wg.Go(func() {
							for i := range per {
								q.Put(ctx, i)
							}
						})
						wg.Go(func() {
							for range per {
								q.Get(ctx)
							}
						})
					}
					wg.Wait()
				})
			}
		}
	}
}

func BenchmarkUncontended(b *testing.B) {
	for _, k := range []struct {
		name string
		q    pipe
	}{{"penstock", queue.New[int](16)}, {"channel", make(triedFirst, 16)}} {
		b.Run(k.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			for b.Loop() {
				k.q.Put(ctx, 1)
				k.q.Get(ctx)
			}
		})
	}
}

type ints []int

func (h ints) Len() int           { return len(h) }
func (h ints) Less(i, j int) bool { return h[i] < h[j] }
func (h ints) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *ints) Push(x any)        { *h = append(*h, x.(int)) }
func (h *ints) Pop() any {
	v := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return v
}

type heapq struct {
	mu sync.Mutex
	h  ints
}

func (q *heapq) Put(_ context.Context, v int) error {
	q.mu.Lock()
	heap.Push(&q.h, v)
	q.mu.Unlock()
	return nil
}

func (q *heapq) Get(context.Context) (int, error) {
	q.mu.Lock()
	v := heap.Pop(&q.h).(int)
	q.mu.Unlock()
	return v, nil
}

func BenchmarkPriority(b *testing.B) {
	for _, k := range []struct {
		name string
		q    pipe
	}{{"penstock", queue.NewOrdered[int](0)}, {"less", queue.NewPriority(0, func(a, b int) bool { return a < b })}, {"heap", new(heapq)}} {
		b.Run(k.name, func(b *testing.B) {
			b.ReportAllocs()
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			r := rand.New(rand.NewPCG(1, 2))
			vs := make([]int, 65536)
			for i := range vs {
				vs[i] = r.IntN(1 << 30)
			}
			for i := range 1024 {
				k.q.Put(ctx, vs[i])
			}
			i := 0
			for b.Loop() {
				k.q.Put(ctx, vs[i&65535])
				k.q.Get(ctx)
				i++
			}
		})
	}
}
