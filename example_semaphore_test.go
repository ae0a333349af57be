package penstock_test

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-go/penstock"
)

// At most two run at a time.
func ExampleSemaphore() {
	downloads := penstock.NewSemaphore(2)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if err := downloads.Acquire(context.Background(), 1); err != nil {
				fmt.Println(err)
				return
			}
			defer downloads.Release(1)
			time.Sleep(time.Millisecond) // download something
		})
	}
	wg.Wait()
	stats := downloads.Stats()
	fmt.Println(stats.Acquired, "done, at most", stats.MostInUse, "at a time")
	// Output: 5 done, at most 2 at a time
}

// The limit comes from a flag, and can change while in use.
func ExampleSemaphore_SetLimit() {
	var workers penstock.Semaphore
	if err := workers.SetLimit(-1); errors.Is(err, penstock.ErrNegativeLimit) {
		fmt.Println(err)
	}
	_ = workers.SetLimit(4)
	fmt.Println(workers.Limit(), workers.TryAcquire(3), workers.TryAcquire(3))
	_ = workers.SetLimit(6)
	fmt.Println(workers.Limit(), workers.TryAcquire(3))
	// Output:
	// penstock: limit -1: penstock: limit is negative
	// 4 true false
	// 6 true
}

// Do is asyncio's "async with": it releases however f ends.
func ExampleSemaphore_Do() {
	memory := penstock.NewSemaphore(64) // MB
	err := memory.Do(context.Background(), 48, func(context.Context) error {
		fmt.Println("in use:", memory.Stats().InUse)
		return errors.New("no such file")
	})
	fmt.Println(err)
	fmt.Println("in use:", memory.Stats().InUse)
	// Output:
	// in use: 48
	// no such file
	// in use: 0
}

func ExampleSemaphore_Acquire_overLimit() {
	s := penstock.NewSemaphore(4)
	err := s.Acquire(context.Background(), 5)
	fmt.Println(err, errors.Is(err, penstock.ErrOverLimit))
	// Output: penstock: acquire 5 of 4: penstock: demand exceeds the limit true
}

func ExampleBoundedSemaphore() {
	connections := penstock.NewBoundedSemaphore(2)
	connections.TryAcquire(1)
	connections.Release(1)
	defer func() {
		err := recover().(error)
		fmt.Println(err, errors.Is(err, penstock.ErrOverRelease))
	}()
	connections.Release(1)
	// Output: penstock: release 1 of 0: penstock: released more than was acquired true
}

var uploads = penstock.NewSemaphore(3)

func init() {
	expvar.Publish("uploads", expvar.Func(func() any { return uploads.Stats() }))
}

// The statistics of a semaphore at /debug/vars: the semaphore is a variable of the
// package, published in its init function:
//
//	var uploads = penstock.NewSemaphore(3)
//
//	func init() {
//		expvar.Publish("uploads", expvar.Func(func() any { return uploads.Stats() }))
//	}
func ExampleSemaphoreStats() {
	uploads.TryAcquire(2)
	fmt.Println(expvar.Get("uploads"))
	// Output: {"limit":3,"in_use":2,"waiting":0,"most_in_use":2,"acquired":1,"waited":0,"total_wait_ns":0,"longest_wait_ns":0,"cancelled":0}
}

// Counters for a metrics library, without depending on one.
func ExampleSemaphore_Observe() {
	s := penstock.NewSemaphore(1)
	var acquired, waited atomic.Int64
	s.Observe(func(e penstock.SemaphoreEvent) {
		if e.Op == penstock.SemaphoreAcquired {
			acquired.Add(1)
			waited.Add(int64(e.Waited))
		}
	})
	for range 3 {
		_ = s.Do(context.Background(), 1, func(context.Context) error { return nil })
	}
	fmt.Println(acquired.Load(), time.Duration(waited.Load()))
	// Output: 3 0s
}

// Who holds the permits?
func ExampleSemaphore_Trace() {
	s := penstock.NewSemaphore(2)
	s.SetTracing(true)
	s.TryAcquire(2)
	trace := s.Trace()
	fmt.Println(trace.Held[0].N, "held by", trace.Held[0].Function)
	// Output: 2 held by github.com/penstock-go/penstock_test.ExampleSemaphore_Trace
}

// A limit for each host, and one for all of them.
func ExampleAll() {
	total := penstock.NewSemaphore(3)
	a := penstock.All(penstock.NewSemaphore(1), total)
	b := penstock.All(penstock.NewSemaphore(5), total)

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	permit, _ := a.AcquirePermit(ctx, 1)
	_, err := a.AcquirePermit(ctx, 1) // waits for a's own limit, and holds nothing of the total
	fmt.Println(err)
	_, ok := b.TryAcquirePermit(2)
	fmt.Println(ok, total.Stats().InUse)
	permit.Release(penstock.Success)
	fmt.Println(total.Stats().InUse)
	// Output:
	// penstock: acquire: context deadline exceeded
	// true 3
	// 2
}

// At most two calls at a time, and 1000 units of what they cost.
func ExamplePerCall() {
	calls, memory := penstock.NewSemaphore(2), penstock.NewSemaphore(1000)
	limit := penstock.All(penstock.PerCall(calls), memory)
	permit, _ := limit.AcquirePermit(context.Background(), 700)
	fmt.Println(calls.Stats().InUse, memory.Stats().InUse)
	permit.Release(penstock.Success)
	// Output: 1 700
}
