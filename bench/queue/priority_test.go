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

// A job is an item with a priority; equal ones are to leave in order of
// arrival.
type job struct {
	priority int
	arrival  uint64 // for container/heap, which does not keep the order itself
	payload  *int
}

var anything int // what the jobs are about

type jobs []job

func (h jobs) Len() int { return len(h) }
func (h jobs) Less(i, j int) bool {
	if h[i].priority != h[j].priority {
		return h[i].priority < h[j].priority
	}
	return h[i].arrival < h[j].arrival
}
func (h jobs) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *jobs) Push(x any)   { *h = append(*h, x.(job)) }
func (h *jobs) Pop() any {
	v := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = job{}
	*h = (*h)[:len(*h)-1]
	return v
}

// stableHeap is container/heap with a mutex and what our promise needs: equal
// priorities in order of arrival.
func stableHeap() pipe {
	var mu sync.Mutex
	var h jobs
	var arrivals uint64
	return pipe{
		func(_ context.Context, v int) error {
			mu.Lock()
			arrivals++
			heap.Push(&h, job{priority: v, arrival: arrivals, payload: &anything})
			mu.Unlock()
			return nil
		},
		func(context.Context) (int, error) {
			mu.Lock()
			v := heap.Pop(&h).(job)
			mu.Unlock()
			return v.priority, nil
		},
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

// intHeap is container/heap with a mutex for bare integers, as in its own
// documentation: nothing is left to order equals by.
func intHeap() pipe {
	var mu sync.Mutex
	var h ints
	return pipe{
		func(_ context.Context, v int) error {
			mu.Lock()
			heap.Push(&h, v)
			mu.Unlock()
			return nil
		},
		func(context.Context) (int, error) {
			mu.Lock()
			v := heap.Pop(&h).(int)
			mu.Unlock()
			return v, nil
		},
	}
}

var priorities = []struct {
	name string
	make func() pipe
}{
	{"penstock", func() pipe {
		q := queue.NewPriority(0, func(a, b job) bool { return a.priority < b.priority })
		return pipe{
			func(ctx context.Context, v int) error { return q.Put(ctx, job{priority: v, payload: &anything}) },
			func(ctx context.Context) (int, error) {
				v, err := q.Get(ctx)
				return v.priority, err
			},
		}
	}},
	{"penstock-ints", func() pipe {
		q := queue.NewOrdered[int](0)
		return pipe{
			func(ctx context.Context, v int) error { return q.Put(ctx, v) },
			func(ctx context.Context) (int, error) { return q.Get(ctx) },
		}
	}},
	{"container-heap", stableHeap},
	{"container-heap-ints", intHeap},
}

// BenchmarkPriority is a put and a get on a queue that holds n items.
//
// In "random" the priorities are uniformly random, so that the held ones are
// soon the least urgent of all and most newcomers go first. In "later" each
// newcomer is put a random while behind the item just taken, like the
// deadlines of a timer.
func BenchmarkPriority(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]int, 1<<16)
	for i := range random {
		random[i] = r.IntN(1 << 20)
	}
	for _, n := range []int{1024, 1 << 20} {
		for _, pattern := range []string{"random", "later"} {
			for _, k := range priorities {
				b.Run(fmt.Sprintf("%s/n=%d/%s", pattern, n, k.name), func(b *testing.B) {
					b.ReportAllocs()
					ctx, cancel := context.WithCancel(b.Context())
					defer cancel()
					p := k.make()
					for i := range n {
						_ = p.put(ctx, random[i%len(random)])
					}
					i, v := 0, 0
					for b.Loop() {
						_ = p.put(ctx, v+random[i%len(random)])
						got, _ := p.get(ctx)
						if pattern == "later" {
							v = got
						}
						i++
					}
				})
			}
		}
	}
}
