package snippets_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/fetch"
)

// site starts a server on loopback that answers every path with itself.
func site(paths ...string) (urls []string, stop func()) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Path[1:])
	}))
	for _, p := range paths {
		urls = append(urls, server.URL+"/"+p)
	}
	return urls, server.Close
}

// The three lines of README.md.
func Example_readme() {
	ctx := context.Background()
	urls, stop := site("a", "b", "c")
	defer stop()

	sem := penstock.NewSemaphore(10)                       // fair, weighted, resizable
	pages, err := penstock.Gather(ctx, 10, urls, download) // results in input order, the first error cancels the rest
	records, failed := fetch.All(ctx, urls, 10)            // the bulk engine over a slice

	fmt.Println(sem.Limit(), len(pages), len(records), err, failed)
	// Output: 10 3 3 <nil> <nil>
}

func Example_fetchAll() {
	ctx := context.Background()
	urls, stop := site("a", "b")
	defer stop()

	records, err := fetch.All(ctx, urls, 10)
	for i, r := range records {
		if r.Error != nil {
			fmt.Println(urls[i], "failed:", r.Error)
			continue
		}
		fmt.Println(r.Status, string(r.Body))
	}

	fmt.Println(err)
	// Output:
	// 200 a
	// 200 b
	// <nil>
}

func Example_fetchHuge() {
	ctx := context.Background()
	some, stop := site("a", "b")
	defer stop()
	urls := func(yield func(string) bool) { _ = yield(some[0]) && yield(some[1]) }
	out, err := os.CreateTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(out.Name())

	sink := fetch.NewJSONL(out, fetch.JSONLOptions{}) // a record a line, in input order
	summary, err := fetch.Run(ctx, fetch.URLs(urls), sink, fetch.Options{Concurrency: 100, PerHost: 10})
	if closeErr := sink.Close(); err == nil {
		err = closeErr
	}

	fmt.Println(summary.OK, err)
	// Output: 2 <nil>
}
