package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/penstock-go/penstock/queue"
)

func Example_queue() {
	ctx := context.Background()
	var mu sync.Mutex
	var done []string
	work := func(url string) {
		mu.Lock()
		defer mu.Unlock()
		done = append(done, url)
	}
	urls := []string{"a.example", "b.example", "c.example"}

	q := queue.New[string](100)

	var workers sync.WaitGroup
	for range 10 {
		workers.Go(func() {
			for url := range q.All(ctx) {
				work(url)
				_ = q.TaskDone() // cannot fail: once for each item
			}
		})
	}
	for _, url := range urls {
		if err := q.Put(ctx, url); err != nil {
			break
		}
	}
	err := q.Join(ctx)
	q.Shutdown() // ends the workers' loops
	workers.Wait()

	slices.Sort(done)
	fmt.Println(done, err)
	// Output: [a.example b.example c.example] <nil>
}

func Example_getNowait() {
	q := queue.New[string](0)

	item, err := q.TryGet()
	if errors.Is(err, queue.ErrEmpty) {
		item = "nothing"
	}

	fmt.Println(item)
	// Output: nothing
}

func Example_priorityQueue() {
	ctx := context.Background()

	type job struct {
		priority int
		url      string
	}
	q := queue.NewPriority(0, func(a, b job) bool { return a.priority < b.priority })
	_ = q.Put(ctx, job{2, "later.example"})
	_ = q.Put(ctx, job{1, "now.example"})
	next, err := q.Get(ctx)

	fmt.Println(next.url, err)

	stack := queue.NewLIFO[string](0)
	_ = stack.TryPut("first")
	_ = stack.TryPut("last")
	fmt.Println(stack.TryGet())
	// Output:
	// now.example <nil>
	// last <nil>
}

func Example_shutdown() {
	ctx := context.Background()
	q := queue.New[int](0)
	_ = q.TryPut(1)

	q.Shutdown()
	if err := q.Put(ctx, 2); errors.Is(err, queue.ErrShutdown) {
		fmt.Println("no more items")
	}
	item, err := q.Get(ctx) // what is left may still be taken

	fmt.Println(item, err)
	// Output:
	// no more items
	// 1 <nil>
}

func Example_joinTimeout() {
	ctx := context.Background()
	q := queue.New[int](0)
	_ = q.TryPut(1)

	join := func() error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		return q.Join(ctx)
	}

	err := join()
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}
