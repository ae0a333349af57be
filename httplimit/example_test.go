package httplimit_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/httplimit"
	"github.com/penstock-go/penstock/rate"
)

// Thirty goroutines, and never more than four requests at the server.
func ExampleNewClient() {
	var now, most atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		most.Store(max(n, most.Load())) // near enough for an example
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
		fmt.Fprint(w, "hello")
	}))
	defer server.Close()

	client, err := httplimit.NewClient(httplimit.Options{Total: 100, PerHost: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()

	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			resp, err := client.Get(server.URL)
			if err != nil {
				fmt.Println(err)
				return
			}
			defer resp.Body.Close() // the permit goes with the body
			_, _ = io.Copy(io.Discard, resp.Body)
		})
	}
	wg.Wait()
	fmt.Println("most at once:", most.Load())
	// Output: most at once: 4
}

// A transport for an API that is limited by tokens a minute and says so, around
// the one that the program has already.
func ExampleTransport() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "answered", r.URL.Path)
	}))
	defer server.Close()

	tokens, err := rate.Parse("90000 tokens/m burst 10000, 500 requests/m burst 20")
	if err != nil {
		fmt.Println(err)
		return
	}
	transport, err := httplimit.New(httplimit.Options{
		Base:        server.Client().Transport,
		PerHostRate: tokens,
		Cost:        func(r *http.Request) int { return 100 + int(r.ContentLength)/4 },
		Limiter:     penstock.PerCall(penstock.NewSemaphore(10)),
		Retry:       httplimit.Retry{Max: 5},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer transport.Close()

	client := &http.Client{Transport: transport}
	resp, err := client.Get(server.URL + "/v1/models")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Print(string(body))
	fmt.Println("requests:", transport.Stats().Requests, "in flight:", transport.Stats().InFlight)
	// Output:
	// answered /v1/models
	// requests: 1 in flight: 0
}

// What a server has said of its limits.
func ExampleParseHints() {
	header := http.Header{}
	header.Set("RateLimit-Policy", `"default";q=100;w=60`)
	header.Set("RateLimit", `"default";r=0;t=12`)
	hints := httplimit.ParseHints(header, http.StatusOK, time.Now())
	q := hints.Quotas[0]
	fmt.Printf("%d %v in %v, %d left; wait %v\n", q.Limit, q.Unit, q.Window, q.Remaining, hints.Wait())
	// Output: 100 requests in 1m0s, 0 left; wait 12s
}

// A request that would have to wait past its deadline fails at once.
func ExampleHostError() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	client, err := httplimit.NewClient(httplimit.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for range 2 {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		resp, err := client.Do(req)
		if err != nil {
			fmt.Println("timeout:", err.(interface{ Timeout() bool }).Timeout())
			continue
		}
		resp.Body.Close()
		fmt.Println(resp.Status)
	}
	// Output:
	// 429 Too Many Requests
	// timeout: true
}
