package keyed_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/keyed"
	"github.com/penstock-go/penstock/rate"
)

func ExampleNew() {
	perHost := keyed.New(func(string) *penstock.Semaphore {
		return penstock.NewSemaphore(2)
	}, keyed.Options{})

	for _, host := range []string{"a.example", "a.example", "a.example", "b.example"} {
		_, ok := perHost.TryAcquirePermit(host, 1)
		fmt.Println(host, ok)
	}
	// Output:
	// a.example true
	// a.example true
	// a.example false
	// b.example true
}

// A rate for each API key. All share one description of it.
func ExampleLimiter_Allow() {
	perMinute, err := rate.New(rate.Rate{Count: 60, Per: time.Minute, Burst: 2})
	if err != nil {
		log.Fatal(err)
	}
	perKey := keyed.New(func(string) *rate.Limiter { return perMinute.Fresh() }, keyed.Options{})

	fmt.Println(perKey.Allow("alice", 1), perKey.Allow("alice", 1), perKey.Allow("alice", 1))
	fmt.Println(perKey.Allow("bob", 1))
	// Output:
	// true true false
	// true
}

// Ten requests at once in total, and two to each host. One who waits for a busy
// host holds nothing of the total.
func ExampleLimiter_For() {
	ctx := context.Background()
	total := penstock.NewSemaphore(10)
	perHost := keyed.New(func(string) *penstock.Semaphore { return penstock.NewSemaphore(2) }, keyed.Options{})

	fetch := func(host string) error {
		permit, err := penstock.All(perHost.For(host), total).AcquirePermit(ctx, 1)
		if err != nil {
			return err
		}
		defer permit.Release(penstock.Success)
		st := perHost.Stats(1)
		fmt.Printf("%s: %d in use of %d in total\n", st.Top[0].Key, st.Top[0].InUse, total.Stats().InUse)
		return nil
	}
	if err := fetch("example.org"); err != nil {
		log.Fatal(err)
	}
	// Output: example.org: 1 in use of 1 in total
}

// What is idle is dropped by itself when there are too many keys. This is how to
// do it at once.
func ExampleLimiter_DropIdle() {
	perHost := keyed.New(func(string) *penstock.Semaphore { return penstock.NewSemaphore(1) }, keyed.Options{})
	done, _ := perHost.TryAcquirePermit("a.example", 1)
	_, _ = perHost.TryAcquirePermit("b.example", 1)
	done.Release(penstock.Success)

	fmt.Println(perHost.Len(), "keys,", perHost.DropIdle(), "dropped")
	for host, limit := range perHost.Range() {
		fmt.Println(host, limit.Stats().InUse)
	}
	// Output:
	// 2 keys, 1 dropped
	// b.example 1
}
