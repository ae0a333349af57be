package adaptive_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/rate"
)

func Example() {
	// A server that refuses more than three calls at a time.
	slots := penstock.NewSemaphore(3)
	call := func() penstock.Outcome {
		if !slots.TryAcquire(1) {
			return penstock.Overload
		}
		defer slots.Release(1)
		time.Sleep(time.Millisecond)
		return penstock.Success
	}

	l, err := adaptive.New(adaptive.Options{Max: 50})
	if err != nil {
		fmt.Println(err)
		return
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			for range 10 {
				p, err := l.AcquirePermit(context.Background(), 1)
				if err != nil {
					return
				}
				p.Release(call())
			}
		})
	}
	group.Wait()
	s := l.Stats()
	fmt.Println(s.Acquired, "calls, more accepted than refused:", s.Successes > s.Overloads)
	// Output: 200 calls, more accepted than refused: true
}

func ExampleLimiter_Hold() {
	l, err := adaptive.New(adaptive.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := l.AcquirePermit(context.Background(), 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The answer was a 429 with Retry-After: 3600.
	l.Hold(time.Now().Add(time.Hour))
	p.Release(penstock.Overload)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err = l.AcquirePermit(ctx, 1)
	fmt.Println(context.Cause(ctx) == nil, err != nil) // at once, not in a minute
	fmt.Println(l.Stats().Held > 9*time.Minute)        // by default, no more than ten
	// Output:
	// true true
	// true
}

func ExampleLimiter_SetRate() {
	l, err := adaptive.New(adaptive.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := rate.ParseOne("100/s")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := l.SetRate(r); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(l.Stats().Rate)
	// Output: 100
}

func ExampleLimiter_History() {
	l, err := adaptive.New(adaptive.Options{
		Start:   20,
		Control: func(lo, hi, start int) adaptive.Control { return adaptive.NewAIMD(lo, hi, start) },
		Observe: func(c adaptive.Change) { fmt.Println(c.Seq, c.Reason, c.Limit) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := l.AcquirePermit(context.Background(), 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	p.Release(penstock.Overload)
	fmt.Println(len(l.History()))
	// Output:
	// 1 started 20
	// 2 decreased 18
	// 2
}

func ExampleGate() {
	var g adaptive.Gate
	now := time.Unix(0, 0)
	for range 3 {
		now = now.Add(max(0, g.Wait(now, 10))) // ten a second
		fmt.Println(now.Sub(time.Unix(0, 0)).Round(10 * time.Millisecond))
		g.Take(now, 10, 1)
	}
	// Output:
	// 0s
	// 100ms
	// 200ms
}
