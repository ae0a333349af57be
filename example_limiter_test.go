package penstock_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/penstock-go/penstock"
)

// overloads is a Limiter that counts what another one's permits come back with.
type overloads struct {
	penstock.Limiter
	count int
}

func (o *overloads) AcquirePermit(ctx context.Context, n int) (penstock.Permit, error) {
	permit, err := o.Limiter.AcquirePermit(ctx, n)
	return countedPermit{permit, o}, err
}

type countedPermit struct {
	penstock.Permit
	overloads *overloads
}

func (c countedPermit) Release(o penstock.Outcome) {
	if o == penstock.Overload {
		c.overloads.count++
	}
	c.Permit.Release(o)
}

// A limit learns from the errors of the tasks that it bounds.
func ExampleLimiter() {
	limit := &overloads{Limiter: penstock.NewSemaphore(1)}
	call := func(_ context.Context, status int) (string, error) {
		if status == 503 {
			return "", fmt.Errorf("status 503: %w", penstock.ErrOverload)
		}
		return "fine", nil
	}
	for _, r := range penstock.GatherAll(context.Background(), penstock.By(limit), []int{200, 503}, call) {
		fmt.Println(r.Value, r.Err)
	}
	fmt.Println(limit.count, "overloaded")
	// Output:
	// fine <nil>
	//  status 503: penstock: overloaded
	// 1 overloaded
}

func ExampleSemaphore_TryAcquire() {
	refreshes := penstock.NewSemaphore(1)
	for range 2 {
		if !refreshes.TryAcquire(1) {
			fmt.Println("somebody is at it")
			continue
		}
		fmt.Println("refreshing") // and refreshes.Release(1) when done
	}
	// Output:
	// refreshing
	// somebody is at it
}

// A permit gives back what was acquired, however much that was.
func ExampleSemaphore_AcquirePermit() {
	memory := penstock.NewSemaphore(64) // MB
	permit, err := memory.AcquirePermit(context.Background(), 48)
	fmt.Println(err, memory.Stats().InUse)
	permit.Release(penstock.Success)
	fmt.Println(memory.Stats().InUse)
	// Output:
	// <nil> 48
	// 0
}

// A warning when somebody has kept a permit for longer than a millisecond.
func ExampleSemaphore_LogHeld() {
	ctx, cancel := context.WithCancel(context.Background())
	downloads := penstock.NewSemaphore(2)
	warnings := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey, "oldest", "by", "function": // not the same every time
				return slog.Attr{}
			case slog.MessageKey: // goes on with who holds it, and since when
				cancel() // one warning is enough
				a.Value = slog.StringValue(strings.Split(a.Value.String(), ",")[0])
			}
			return a
		},
	}))

	done := make(chan struct{})
	go func() {
		defer close(done)
		downloads.LogHeld(ctx, warnings.With("semaphore", "downloads"), time.Millisecond)
	}()
	for !downloads.TryAcquire(1) || len(downloads.Trace().Held) == 0 { // until it is remembered
		downloads.Release(1)
	}
	<-done
	downloads.Release(1)
	// Output: level=WARN msg="penstock: 1 permit held" semaphore=downloads held=1 limit=2 waiting=0
}

// A limit of 0 stops all who come, until there is another.
func ExampleNewSemaphore() {
	s := penstock.NewSemaphore(0)
	fmt.Println(s.TryAcquire(1))
	s.Release(1) // as in asyncio: one permit more
	fmt.Println(s.Limit(), s.TryAcquire(1))
	// Output:
	// false
	// 1 true
}

// Who ends a wait by a cause of their own finds it in the error.
func ExampleSemaphore_Acquire_cause() {
	errShutdown := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errShutdown)
	err := penstock.NewSemaphore(1).Acquire(ctx, 1)
	fmt.Println(errors.Is(err, errShutdown), errors.Is(err, context.Canceled))
	// Output: true true
}
