// Errgroup is what a Go programmer writes by hand: net/http's client with as many
// idle connections as it uses, an errgroup with a limit, and a JSON encoder
// behind a mutex.
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
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
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		MaxIdleConns: limit, MaxIdleConnsPerHost: limit, MaxConnsPerHost: perHost,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a server of the benchmark's
	}}
	w := bufio.NewWriter(file)
	enc := json.NewEncoder(w)
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(limit)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		url := lines.Text()
		g.Go(func() error {
			r := get(client, url)
			mu.Lock()
			defer mu.Unlock()
			return enc.Encode(r)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Close()
}

// get tries again as long as it is told to.
func get(client *http.Client, url string) record {
	for attempt := 0; ; attempt++ {
		r, after := once(client, url)
		if r.Status != http.StatusTooManyRequests || attempt == 50 {
			return r
		}
		time.Sleep(time.Duration(max(after, 1)) * time.Second)
	}
}

func once(client *http.Client, url string) (record, int) {
	resp, err := client.Get(url) //nolint:noctx // as short as one would write it
	if err != nil {
		return record{URL: url, Error: err.Error()}, 0
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return record{URL: url, Error: err.Error()}, 0
	}
	after, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return record{URL: url, Status: resp.StatusCode, Body: string(body)}, after
}
