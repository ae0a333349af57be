package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-go/penstock/queue"
)

// Producers put, consumers get, and Join waits until all is done.
func Example() {
	ctx := context.Background()
	q := queue.New[int](16) // a producer that is 16 ahead waits

	var sum atomic.Int64
	var consumers sync.WaitGroup
	for range 3 {
		consumers.Go(func() {
			for v := range q.All(ctx) {
				sum.Add(int64(v))
				_ = q.TaskDone() // cannot fail: once for each item
			}
		})
	}

	var producers sync.WaitGroup
	for p := range 4 {
		producers.Go(func() {
			for i := range 25 {
				if err := q.Put(ctx, 25*p+i); err != nil {
					fmt.Println(err)
				}
			}
		})
	}
	producers.Wait()

	if err := q.Join(ctx); err != nil { // every item is summed up
		fmt.Println(err)
	}
	fmt.Println(sum.Load())
	q.Shutdown() // ends the loops of the consumers
	consumers.Wait()
	// Output: 4950
}

func ExampleNew() {
	q := queue.New[string](2)
	fmt.Println(q.TryPut("first"), q.TryPut("second"), q.TryPut("third"))
	v, err := q.TryGet()
	fmt.Println(v, err)
	// Output:
	// <nil> <nil> queue: full
	// first <nil>
}

func ExampleNewLIFO() {
	q := queue.NewLIFO[string](0)
	_ = q.TryPut("first")
	_ = q.TryPut("second")
	v, err := q.TryGet()
	fmt.Println(v, err)
	// Output: second <nil>
}

func ExampleNewPriority() {
	type job struct {
		urgency int
		name    string
	}
	q := queue.NewPriority(0, func(a, b job) bool { return a.urgency > b.urgency })
	for _, j := range []job{{1, "tidy up"}, {5, "put out the fire"}, {1, "water the plants"}} {
		_ = q.TryPut(j)
	}
	q.Shutdown()
	for j := range q.All(context.Background()) {
		fmt.Println(j.name)
	}
	// Output:
	// put out the fire
	// tidy up
	// water the plants
}

func ExampleNewOrdered() {
	q := queue.NewOrdered[time.Duration](0)
	for _, d := range []time.Duration{time.Hour, time.Second, time.Minute} {
		_ = q.TryPut(d)
	}
	q.Shutdown()
	for d := range q.All(context.Background()) {
		fmt.Println(d)
	}
	// Output:
	// 1s
	// 1m0s
	// 1h0m0s
}

// A get under a context with a deadline waits no longer than that.
func ExampleQueue_Get() {
	q := queue.New[int](0)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := q.Get(ctx)
	fmt.Println(err, errors.Is(err, context.DeadlineExceeded))
	// Output: queue: get: context deadline exceeded true
}

// Leaving the loop loses no item.
func ExampleQueue_All() {
	ctx := context.Background()
	q := queue.New[int](0)
	for v := range 5 {
		_ = q.TryPut(v)
	}
	for v := range q.All(ctx) {
		if fmt.Println(v); v == 1 {
			break
		}
	}
	fmt.Println(q.Len(), "left")
	// Output:
	// 0
	// 1
	// 3 left
}

// After Shutdown the rest may be taken, but nothing be put.
func ExampleQueue_Shutdown() {
	q := queue.New[int](0)
	_ = q.TryPut(1)
	q.Shutdown()
	fmt.Println(q.TryPut(2))
	fmt.Println(q.TryGet())
	fmt.Println(q.TryGet())
	// Output:
	// queue: shut down
	// 1 <nil>
	// 0 queue: shut down
}

// ShutdownNow drops what nobody has taken.
func ExampleQueue_ShutdownNow() {
	q := queue.New[int](0)
	_ = q.TryPut(1)
	q.ShutdownNow()
	fmt.Println(q.TryGet())
	fmt.Println(q.Join(context.Background()), q.Stats().Dropped)
	// Output:
	// 0 queue: shut down
	// <nil> 1
}

func ExampleQueue_Join() {
	ctx := context.Background()
	q := queue.New[string](0)
	var consumer sync.WaitGroup
	consumer.Go(func() {
		for v := range q.All(ctx) {
			fmt.Println("done with", v)
			_ = q.TaskDone()
		}
	})
	_ = q.Put(ctx, "this")
	_ = q.Put(ctx, "that")
	fmt.Println(q.Join(ctx))
	q.Shutdown()
	consumer.Wait()
	// Output:
	// done with this
	// done with that
	// <nil>
}
