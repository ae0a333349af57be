package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-go/penstock"
)

// download stands for any slow operation.
func download(ctx context.Context, url string) (string, error) {
	select {
	case <-time.After(time.Millisecond):
		return "page of " + url, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func Example_asyncWith() {
	ctx := context.Background()

	sem := penstock.NewSemaphore(10)

	fetch := func(ctx context.Context, url string) (string, error) {
		if err := sem.Acquire(ctx, 1); err != nil {
			return "", err
		}
		defer sem.Release(1)
		return download(ctx, url)
	}

	save := func(string) error { return nil }
	url := "a.example"
	err := sem.Do(ctx, 1, func(ctx context.Context) error {
		page, err := download(ctx, url)
		if err != nil {
			return err
		}
		return save(page)
	})

	fmt.Println(err)
	fmt.Println(fetch(ctx, url))
	// Output:
	// <nil>
	// page of a.example <nil>
}

func Example_acquireTimeout() {
	ctx := context.Background()
	sem := penstock.NewSemaphore(0)

	acquire := func() error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
		defer cancel()
		return sem.Acquire(ctx, 1)
	}

	err := acquire()
	fmt.Println(err, errors.Is(err, context.DeadlineExceeded))
	// Output: penstock: acquire: context deadline exceeded true
}

func Example_locked() {
	sem := penstock.NewSemaphore(1)
	refresh := func() { fmt.Println("refreshed") }

	if sem.TryAcquire(1) {
		defer sem.Release(1)
		refresh()
	}
	// Output: refreshed
}

func Example_boundedSemaphore() {
	ctx := context.Background()
	defer func() {
		err, _ := recover().(error)
		fmt.Println(errors.Is(err, penstock.ErrOverRelease))
	}()

	connections := penstock.NewBoundedSemaphore(10)
	if err := connections.Acquire(ctx, 1); err != nil {
		return
	}
	connections.Release(1)
	connections.Release(1) // panics with an error that is penstock.ErrOverRelease
	// Output: true
}

func Example_weights() {
	ctx := context.Background()
	process := func(context.Context) error { return nil }

	memory := penstock.NewSemaphore(2048) // MB
	if err := memory.SetLimit(4096); err != nil {
		fmt.Println(err)
	}
	err := memory.Do(ctx, 300, process) // 300 of them, all or none

	stats := memory.Stats()
	fmt.Println(err, stats.MostInUse, "of", stats.Limit, "MB;", stats.Waited, "had to wait")
	// Output: <nil> 300 of 4096 MB; 0 had to wait
}
