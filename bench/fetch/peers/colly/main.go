// Colly is the same with colly's asynchronous collector and its queue.
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/gocolly/colly/v2"
)

type record struct {
	URL    string `json:"url"`
	Status int    `json:"status"`
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
	w := bufio.NewWriter(file)
	enc := json.NewEncoder(w)
	var mu sync.Mutex
	c := colly.NewCollector(colly.Async(true), colly.AllowURLRevisit())
	c.WithTransport(&http.Transport{
		MaxIdleConns: limit, MaxIdleConnsPerHost: limit, MaxConnsPerHost: perHost,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a server of the benchmark's
	})
	c.SetRequestTimeout(30 * time.Second)
	if err := c.Limit(&colly.LimitRule{DomainGlob: "*", Parallelism: limit}); err != nil {
		return err
	}
	c.OnResponse(func(r *colly.Response) {
		mu.Lock()
		defer mu.Unlock()
		if err := enc.Encode(record{r.Request.URL.String(), r.StatusCode, string(r.Body)}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	})
	c.OnError(func(r *colly.Response, err error) {
		if r.StatusCode != http.StatusTooManyRequests {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		after, _ := strconv.Atoi(r.Headers.Get("Retry-After"))
		time.Sleep(time.Duration(max(after, 1)) * time.Second)
		if err := r.Request.Retry(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	})
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if err := c.Visit(lines.Text()); err != nil {
			return err
		}
	}
	c.Wait()
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Close()
}
