package snippets_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/penstock-go/penstock"
)

func Example_gather() {
	ctx := context.Background()
	urls := []string{"a.example", "b.example"}

	pages, err := penstock.Gather(ctx, 10, urls, download)

	fmt.Println(pages, err)
	// Output: [page of a.example page of b.example] <nil>
}

func Example_returnExceptions() {
	ctx := context.Background()
	urls := []string{"a.example", "b.example"}

	for i, r := range penstock.GatherAll(ctx, 10, urls, download) {
		if r.Err != nil {
			fmt.Println(urls[i], "failed:", r.Err)
			continue
		}
		fmt.Println(urls[i], len(r.Value))
	}
	// Output:
	// a.example 17
	// b.example 17
}

func Example_sharedSemaphore() {
	ctx := context.Background()
	pages := []string{"a.html"}

	sem := penstock.NewSemaphore(10)
	texts, err := penstock.Gather(ctx, penstock.By(sem), pages, download)

	fmt.Println(texts, err)
	// Output: [page of a.html] <nil>
}

func Example_endless() {
	ctx := context.Background()
	lines := slices.Values([]string{"a.example", "b.example"})
	var err error

	for page, e := range penstock.Map(ctx, 10, lines, download) {
		if e != nil {
			err = e
			break // what runs is cancelled and waited for
		}
		fmt.Println(page)
	}

	fmt.Println(err)
	// Output:
	// page of a.example
	// page of b.example
	// <nil>
}

func Example_asCompleted() {
	ctx := context.Background()
	urls := []string{"slow.example", "quick.example"}
	download := func(_ context.Context, url string) (string, error) {
		if url == "slow.example" {
			time.Sleep(50 * time.Millisecond)
		}
		return "page", nil
	}

	for c, err := range penstock.AsCompleted(ctx, 10, slices.Values(urls), download) {
		fmt.Println(c.Index, c.In, c.Out, err)
	}
	// Output:
	// 1 quick.example page <nil>
	// 0 slow.example page <nil>
}

func Example_firstCompleted() {
	ctx := context.Background()
	mirrors := []string{"a.example", "b.example"}

	var first string
	for c, err := range penstock.AsCompleted(ctx, len(mirrors), slices.Values(mirrors), download) {
		if err == nil {
			first = c.Out
			break
		}
	}

	fmt.Println(first != "")
	// Output: true
}

func Example_taskGroup() {
	ctx := context.Background()
	found := slices.Values([]string{"a.example", "b.example"})
	store := func(page string) { fmt.Println("got", page) }

	g := penstock.NewGroup(ctx, 10)
	for url := range found {
		err := g.Go(ctx, func(ctx context.Context) error {
			page, err := download(ctx, url)
			if err != nil {
				return err // cancels the others
			}
			store(page)
			return nil
		})
		if err != nil {
			break // not started: ctx ended, or a task failed
		}
	}
	err := g.Wait()

	fmt.Println(err)
	// Unordered output:
	// got page of a.example
	// got page of b.example
	// <nil>
}
