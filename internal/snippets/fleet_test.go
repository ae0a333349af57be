package snippets_test

import (
	"context"
	"fmt"

	"github.com/penstock-go/penstock/redislimit"
)

// exampleFleet is only compiled: it needs a Redis. What it does is tested in
// redislimit.
func exampleFleet(ctx context.Context, call func(context.Context) error) {
	store, err := redislimit.Open("redis://localhost:6379", redislimit.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	calls, err := store.Semaphore("example-api", 20)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = calls.Do(ctx, 1, func(ctx context.Context) error {
		return call(ctx) // ctx ends when the permit is lost
	})
	if err != nil {
		fmt.Println(err)
	}
}

var _ = exampleFleet
