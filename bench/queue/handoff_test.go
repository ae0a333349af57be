// Package queue_test compares package queue with what people use in its
// place. Sub-benchmarks are named CASE/IMPLEMENTATION; run each in a process
// of its own, several times in turn: the state of the machine drifts.
package queue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/penstock-go/penstock/queue"
)

// A pipe is a way to hand items over. They are functions rather than an
// interface, so that none pays for the wrappers of promoted methods.
type pipe struct {
	put func(ctx context.Context, v int) error
	get func(ctx context.Context) (int, error)
}

// pipes are the competitors, by name.
var pipes = []struct {
	name string
	make func(size int) pipe
}{
	{"penstock", penstock},
	{"channel-tried-first", triedFirst},
	{"channel-select", selected},
	{"channel-without-context", bare},
	{"mutex-and-cond", condition},
}

func penstock(size int) pipe {
	q := queue.New[int](size)
	return pipe{
		func(ctx context.Context, v int) error { return q.Put(ctx, v) },
		func(ctx context.Context) (int, error) { return q.Get(ctx) },
	}
}

// triedFirst is a channel that is tried first and then selected with the
// context. It takes and puts under a context that has ended, and wakes
// whoever the runtime picks when the context ends in the same instant.
func triedFirst(size int) pipe {
	c := make(chan int, size)
	return pipe{
		func(ctx context.Context, v int) error {
			select {
			case c <- v:
				return nil
			default:
			}
			select {
			case c <- v:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		},
		func(ctx context.Context) (int, error) {
			select {
			case v := <-c:
				return v, nil
			default:
			}
			select {
			case v := <-c:
				return v, nil
			case <-ctx.Done():
				return 0, context.Cause(ctx)
			}
		},
	}
}

// selected is a channel as most write it.
func selected(size int) pipe {
	c := make(chan int, size)
	return pipe{
		func(ctx context.Context, v int) error {
			select {
			case c <- v:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		},
		func(ctx context.Context) (int, error) {
			select {
			case v := <-c:
				return v, nil
			case <-ctx.Done():
				return 0, context.Cause(ctx)
			}
		},
	}
}

// bare is a channel that cannot be interrupted.
func bare(size int) pipe {
	c := make(chan int, size)
	return pipe{
		func(_ context.Context, v int) error {
			c <- v
			return nil
		},
		func(context.Context) (int, error) { return <-c, nil },
	}
}

// condition is a ring under a mutex with two conditions. It cannot be
// interrupted either.
func condition(size int) pipe {
	var mu sync.Mutex
	items, head, n := make([]int, size), 0, 0
	notFull, notEmpty := sync.NewCond(&mu), sync.NewCond(&mu)
	return pipe{
		func(_ context.Context, v int) error {
			mu.Lock()
			for n == size {
				notFull.Wait()
			}
			items[(head+n)%size] = v
			n++
			mu.Unlock()
			notEmpty.Signal()
			return nil
		},
		func(context.Context) (int, error) {
			mu.Lock()
			for n == 0 {
				notEmpty.Wait()
			}
			v := items[head]
			head = (head + 1) % size
			n--
			mu.Unlock()
			notFull.Signal()
			return v, nil
		},
	}
}

// BenchmarkHandOff is the time for an item from n producers to n consumers.
func BenchmarkHandOff(b *testing.B) {
	for _, n := range []int{1, 4, 64} {
		for _, size := range []int{16, 1024} {
			for _, k := range pipes {
				b.Run(fmt.Sprintf("%dP%dC/cap=%d/%s", n, n, size, k.name), func(b *testing.B) {
					handOff(b, k.make(size), n)
				})
			}
		}
	}
}

func handOff(b *testing.B, p pipe, n int) {
	b.ReportAllocs()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var wg sync.WaitGroup
	each := b.N/n + 1
	for range n {
		wg.Go(func() {
			for v := range each {
				if err := p.put(ctx, v); err != nil {
					b.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range each {
				if _, err := p.get(ctx); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkAlone is a put and a get by the same goroutine: nobody waits.
func BenchmarkAlone(b *testing.B) {
	for _, k := range pipes {
		b.Run(k.name, func(b *testing.B) {
			b.ReportAllocs()
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			p := k.make(16)
			for b.Loop() {
				_ = p.put(ctx, 1)
				_, _ = p.get(ctx)
			}
		})
	}
}

// BenchmarkCancel is the time for each of n waiting getters to be cancelled.
func BenchmarkCancel(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		for _, k := range pipes[:3] {
			b.Run(fmt.Sprintf("waiters=%d/%s", n, k.name), func(b *testing.B) {
				cancelAll(b, k.make(16), n)
			})
		}
	}
}

func cancelAll(b *testing.B, p pipe, n int) {
	b.ReportAllocs()
	for done := 0; done < b.N; done += n {
		b.StopTimer()
		ctx, cancel := context.WithCancel(b.Context())
		var about, ended sync.WaitGroup
		about.Add(n)
		for range n {
			ended.Go(func() {
				about.Done()
				if _, err := p.get(ctx); err == nil {
					b.Error("an item from nowhere")
				}
			})
		}
		about.Wait() // all but a few are blocked by now
		b.StartTimer()
		cancel()
		ended.Wait()
	}
}
