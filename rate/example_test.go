package rate_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

func Example() {
	limits, err := rate.Parse("100/s, 5000/m")
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := rate.New(limits...)
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Now()
	for range 3 {
		if err := l.Wait(context.Background(), 1); err != nil {
			fmt.Println(err)
			return
		}
	}
	// 5000 a minute is the slower of the two: one in 12 ms.
	fmt.Println(time.Since(start) >= 24*time.Millisecond)
	// Output: true
}

func ExampleParse() {
	for _, text := range []string{"10/15s", "0.5/s burst 3", "60 requests/m, 90000 tokens/m", "100"} {
		list, err := rate.Parse(text)
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		fmt.Println(list)
	}
	// Output:
	// 10/15s
	// 1/2s burst 3
	// 60 requests/m, 90000 tokens/m
	// error: 100: a rate needs a unit of time; write 100/s or 100/m
}

func ExampleParseOne() {
	r, err := rate.ParseOne("10/15s")
	fmt.Println(r.Count, r.Per, r.Burst, err)
	// Output: 10 15s 0 <nil>
}

func ExamplePerSecond() {
	r, err := rate.PerSecond(0.4)
	fmt.Println(r, r.PerSecond(), err)
	// Output: 1/2500ms 0.4 <nil>
}

func ExampleNew() {
	l, err := rate.New(
		rate.Rate{Count: 60, Per: time.Minute, Unit: rate.Requests},
		rate.Rate{Count: 90_000, Per: time.Minute, Burst: 4000, Unit: rate.Tokens},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(l.Allow(1500), l.Allow(1500)) // a request of 1500 tokens, and another
	// Output: true false
}

func ExampleLimiter_Wait_deadline() {
	l, err := rate.New(rate.Rate{Count: 1, Per: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fmt.Println(l.Wait(ctx, 1))
	err = l.Wait(ctx, 1) // at once: it would have to wait for an hour
	fmt.Println(errors.Is(err, context.DeadlineExceeded), ctx.Err())
	// Output:
	// <nil>
	// true <nil>
}

func ExampleLimiter_At() {
	l, err := rate.New(rate.Rate{Count: 10, Per: time.Second, Burst: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Now()
	fmt.Println(l.At(now, 2))
	fmt.Println(l.At(now, 1))
	fmt.Println(l.At(now.Add(100*time.Millisecond), 1))
	// Output:
	// 0s true
	// 100ms false
	// 0s true
}

func ExamplePermit_Settle() {
	l, err := rate.New(rate.Rate{Count: 1, Per: time.Minute, Burst: 100, Unit: rate.Tokens})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := l.Acquire(context.Background(), 90) // an estimate
	if err != nil {
		fmt.Println(err)
		return
	}
	p.Settle(40) // what the answer says
	p.Release(penstock.Success)
	fmt.Println(l.Allow(60))
	// Output: true
}

func ExampleLimiter_SetRate() {
	l, err := rate.New(rate.Rate{Count: 1, Per: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Now()
	l.At(now, 1)
	if err := l.SetRate(rate.Rate{Count: 1, Per: time.Second}); err != nil {
		fmt.Println(err)
		return
	}
	wait, _ := l.At(now, 1)
	fmt.Println(wait.Round(100 * time.Millisecond))
	// Output: 1s
}
