package snippets_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/httplimit"
	"github.com/penstock-go/penstock/rate"
)

func Example_connector() {
	client, err := httplimit.NewClient(httplimit.Options{Total: 100, PerHost: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	urls, stop := site("a")
	defer stop()
	resp, err := client.Get(urls[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close() // gives the permit back, as reading to the end does

	fmt.Println(resp.StatusCode)
	// Output: 200
}

func Example_rateLimitedClient() {
	ctx := context.Background()
	urls, stop := site("a", "b")
	defer stop()

	client, err := httplimit.NewClient(httplimit.Options{
		Total: 10,
		Rate:  rate.List{{Count: 100, Per: time.Second}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	get := func(ctx context.Context, url string) (string, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return "", err
		}
		resp, err := client.Do(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return string(body), err
	}
	pages, err := penstock.Gather(ctx, 10, urls, get)

	fmt.Println(pages, err)
	// Output: [a b] <nil>
}
