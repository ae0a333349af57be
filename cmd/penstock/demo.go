package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/display"
	"github.com/penstock-go/penstock/internal/origin"
	"github.com/penstock-go/penstock/report"
	"github.com/spf13/cobra"
)

// The demo's answers take 1 to 8 ms, so that there is something to see.
const demoPath = "%s/jitter/1-8/%d"

func newDemo() *cobra.Command {
	items, limit := 10_000, fetch.DefaultConcurrency
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: 10,000 URLs from a bundled local server, ten at a time",
		Long: `Demo starts the bundled server on a loopback address, fetches 10,000 URLs from
it ten at a time, as penstock fetch does, and then asks the server what it has
seen. Nothing else is needed, and nothing leaves this machine.`,
		Example: `  penstock demo
  penstock demo --items 1000 -c 50`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flagsFromEnv(cmd); err != nil {
				return err
			}
			return demo(cmd, items, limit)
		},
	}
	cmd.Flags().Var(countValue{&items, 1}, "items", "how many URLs")
	cmd.Flags().VarP(countValue{&limit, 1}, "max-concurrent", "c", "most requests in flight at once")
	return cmd
}

func demo(cmd *cobra.Command, items, limit int) error {
	server, err := origin.Start(origin.Options{})
	if err != nil {
		return err
	}
	defer server.Close()
	dir, err := os.MkdirTemp("", "penstock-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "out.jsonl")
	sink, err := fetch.CreateFile(name, fetch.FileOptions{})
	if err != nil {
		return err
	}
	out := &output{sink: sink, name: name, quiet: true} // it goes away with the demo
	stderr := cmd.ErrOrStderr()
	fmt.Fprintf(stderr, "fetching %s URLs from %s, at most %d at a time\n", report.Number(int64(items)), server.URL(), limit)
	r := fetchRun{
		opts: fetch.Options{
			Concurrency: limit, KeepBody: true, Retry: fetch.Retry{Max: 3},
			Transport: fetch.NewFastTransport(fetch.TransportOptions{MaxConns: limit, MaxConnsPerHost: limit}),
		},
		src: fetch.URLs(demoURLs(server.URL(), items)), out: out, limits: report.Limits{Concurrency: limit},
		show: showFlags{progress: "auto"}, from: display.Limits{Concurrency: limit, From: "-c"}, total: known(int64(items)),
		grace: 5 * time.Second, stderr: stderr,
	}
	if err := r.run(cmd.Context()); err != nil {
		return err
	}
	return confirm(stderr, server, name, items, limit)
}

func demoURLs(base string, items int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := range items {
			if !yield(fmt.Sprintf(demoPath, base, i)) {
				return
			}
		}
	}
}

// confirm holds the run's figures against those of the server and of the
// file, and says which of them do not agree.
func confirm(w io.Writer, server *origin.Server, name string, items, limit int) error {
	records, err := countInOrder(name)
	if err != nil {
		return err
	}
	seen := server.Audit().Total
	number := func(n uint64) string { return report.Number(int64(n)) }
	fmt.Fprintf(w, "the server saw %s requests, %s of them different, at most %d in flight;\nthe file has %s records in input order\n",
		number(seen.Requests), number(seen.Distinct), seen.MaxInFlight, number(uint64(records)))
	if seen.Distinct != uint64(items) || seen.MaxInFlight > limit || records != items {
		return fmt.Errorf("that is not %d URLs, at most %d at a time", items, limit)
	}
	fmt.Fprintf(w, "confirmed: all %s there, never more than %d at once\n", report.Number(int64(items)), limit)
	return nil
}

// countInOrder counts the good records of a file whose indexes must run from
// 0 without a gap.
func countInOrder(name string) (n int, err error) {
	file, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	dec := json.NewDecoder(bufio.NewReader(file))
	for {
		var r struct {
			Index int  `json:"index"`
			OK    bool `json:"ok"`
		}
		switch err := dec.Decode(&r); {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		case r.Index != n || !r.OK:
			return n, fmt.Errorf("record %d has index %d, ok %v", n, r.Index, r.OK)
		}
		n++
	}
}
