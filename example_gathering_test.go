package penstock_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/penstock-go/penstock"
)

var errNotFound = errors.New("404 not found")

// fetch stands for any slow operation.
func fetch(ctx context.Context, url string) (string, error) {
	if strings.Contains(url, "missing") {
		return "", fmt.Errorf("%s: %w", url, errNotFound)
	}
	select {
	case <-time.After(time.Millisecond):
		return "page of " + url, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func ExampleGather() {
	urls := []string{"a.example", "b.example", "c.example"}
	pages, err := penstock.Gather(context.Background(), 10, urls, fetch)
	fmt.Println(err)
	for i, page := range pages {
		fmt.Println(urls[i], "->", page)
	}
	// Output:
	// <nil>
	// a.example -> page of a.example
	// b.example -> page of b.example
	// c.example -> page of c.example
}

// The first error cancels the rest, and is what Gather returns.
func ExampleGather_error() {
	urls := []string{"a.example", "missing.example", "c.example"}
	pages, err := penstock.Gather(context.Background(), 10, urls, fetch)
	fmt.Println(pages == nil, errors.Is(err, errNotFound), err)
	// Output:
	// true true missing.example: 404 not found
}

func ExampleGatherAll() {
	urls := []string{"a.example", "missing.example", "c.example"}
	for i, r := range penstock.GatherAll(context.Background(), 10, urls, fetch) {
		if r.Err != nil {
			fmt.Println(urls[i], "failed:", r.Err)
			continue
		}
		fmt.Println(urls[i], "->", r.Value)
	}
	// Output:
	// a.example -> page of a.example
	// missing.example failed: missing.example: 404 not found
	// c.example -> page of c.example
}

// The input may have no end: the loop takes what it needs.
func ExampleMap() {
	numbers := func(yield func(int) bool) {
		for i := 1; yield(i); i++ { //nolint:revive // yields
		}
	}
	square := func(_ context.Context, i int) (int, error) { return i * i, nil }
	for v, err := range penstock.Map(context.Background(), 4, numbers, square) {
		if err != nil {
			fmt.Println(err)
			continue // or return: what runs is then cancelled and waited for
		}
		if v > 50 {
			break
		}
		fmt.Println(v)
	}
	// Output:
	// 1
	// 4
	// 9
	// 16
	// 25
	// 36
	// 49
}

func ExampleAsCompleted() {
	delays := []time.Duration{60 * time.Millisecond, 30 * time.Millisecond, 0}
	wait := func(_ context.Context, d time.Duration) (string, error) {
		time.Sleep(d)
		return "waited " + d.String(), nil
	}
	for c, err := range penstock.AsCompleted(context.Background(), 3, slices.Values(delays), wait) {
		fmt.Println(c.Index, c.In, c.Out, err)
	}
	// Output:
	// 2 0s waited 0s <nil>
	// 1 30ms waited 30ms <nil>
	// 0 60ms waited 60ms <nil>
}

func ExampleForEach() {
	lines := strings.Lines("3\n4\n5\n") // a file's, say: pulled as tasks begin
	sum := make(chan int, 3)
	err := penstock.ForEach(context.Background(), 2, lines, func(_ context.Context, line string) error {
		var n int
		if _, err := fmt.Sscan(line, &n); err != nil {
			return fmt.Errorf("line %q: %w", line, err)
		}
		sum <- n
		return nil
	})
	fmt.Println(<-sum+<-sum+<-sum, err)
	// Output:
	// 12 <nil>
}

func ExampleGroup() {
	ctx := context.Background()
	g := penstock.NewGroup(ctx, 2)
	pages := make([]string, 2)
	for i, url := range []string{"a.example", "b.example"} {
		err := g.Go(ctx, func(ctx context.Context) (err error) {
			pages[i], err = fetch(ctx, url)
			return err
		})
		if err != nil { // not started: ctx ended, or a task failed
			break
		}
	}
	fmt.Println(g.Wait(), pages)
	// Output:
	// <nil> [page of a.example page of b.example]
}

// Two gatherings keep to one limit together.
func ExampleBy() {
	connections := penstock.NewSemaphore(10)
	images, err := penstock.Gather(context.Background(), penstock.By(connections), []string{"a.png", "b.png"}, fetch)
	fmt.Println(images, err)
	pages, err := penstock.Gather(context.Background(), penstock.By(connections), []string{"a.html"}, fetch)
	fmt.Println(pages, err)
	// Output:
	// [page of a.png page of b.png] <nil>
	// [page of a.html] <nil>
}

type prompt struct {
	text   string
	tokens int
}

func (p prompt) cost() int { return p.tokens }

// A limit of 100 tokens in flight, of which prompts take different amounts.
func ExampleByCost() {
	tokens := penstock.NewSemaphore(100)
	prompts := []prompt{{"short", 10}, {"long", 90}, {"absurd", 1000}}
	answer := func(_ context.Context, p prompt) (string, error) { return "answer to " + p.text, nil }
	for _, r := range penstock.GatherAll(context.Background(), penstock.ByCost(tokens, prompt.cost), prompts, answer) {
		fmt.Println(r.Value, errors.Is(r.Err, penstock.ErrOverLimit))
	}
	// Output:
	// answer to short false
	// answer to long false
	//  true
}
