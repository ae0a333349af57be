// Fasthttp is the same with fasthttp's client, which parses by itself and reuses
// everything.
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

type record struct {
	URL    string `json:"url"`
	Status int    `json:"status"`
	Error  string `json:"error,omitempty"`
	Body   string `json:"body"`
}

func main() {
	limit := flag.Int("c", 10, "requests at once")
	perHost := flag.Int("per-host", 0, "connections to a host")
	output := flag.String("o", "out.jsonl", "output")
	flag.Parse()
	if err := fetch(flag.Arg(0), *output, *limit, *perHost); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func fetch(input, output string, limit, perHost int) error {
	in, err := os.Open(input)
	if err != nil {
		return err
	}
	defer in.Close()
	file, err := os.Create(output)
	if err != nil {
		return err
	}
	if perHost == 0 {
		perHost = limit
	}
	client := &fasthttp.Client{
		MaxConnsPerHost: perHost, MaxConnWaitTimeout: 30 * time.Second,
		TLSConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a server of the benchmark's
	}
	w := bufio.NewWriter(file)
	enc := json.NewEncoder(w)
	var mu sync.Mutex
	urls := make(chan string, limit)
	var workers sync.WaitGroup
	for range limit {
		workers.Go(func() {
			for url := range urls {
				r := get(client, url)
				mu.Lock()
				if err := enc.Encode(r); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				mu.Unlock()
			}
		})
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		urls <- lines.Text()
	}
	close(urls)
	workers.Wait()
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Close()
}

// get tries again as long as it is told to.
func get(client *fasthttp.Client, url string) record {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.SetRequestURI(url)
	for attempt := 0; ; attempt++ {
		if err := client.DoTimeout(req, resp, 30*time.Second); err != nil {
			return record{URL: url, Error: err.Error()}
		}
		if resp.StatusCode() != fasthttp.StatusTooManyRequests || attempt == 50 {
			return record{URL: url, Status: resp.StatusCode(), Body: string(resp.Body())}
		}
		after, _ := strconv.Atoi(string(resp.Header.Peek("Retry-After")))
		time.Sleep(time.Duration(max(after, 1)) * time.Second)
	}
}
