package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// rehearse reads all of the input and says what a run would do.
func (f *fetchFlags) rehearse(cmd *cobra.Command, src *input) error {
	var items, bad int64
	var firstBad string
	hosts := map[string]int64{}
	for {
		it, err := src.Next(cmd.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the input: %w", err)
		}
		items++
		if it.Err != nil {
			if bad++; firstBad == "" {
				firstBad = it.Err.Error()
			}
			continue
		}
		if u, err := url.Parse(it.URL); err == nil {
			hosts[strings.ToLower(u.Host)]++
		}
	}
	if err := src.Close(); err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%d items, %d of them bad, %d hosts; %s\n", items, bad, len(hosts), f.describe())
	if bad > 0 {
		fmt.Fprintf(w, "first bad item: %s\n", oneLine(firstBad))
	}
	for i, host := range slices.SortedFunc(maps.Keys(hosts), func(a, b string) int {
		return cmp.Or(cmp.Compare(hosts[b], hosts[a]), cmp.Compare(a, b))
	}) {
		if i == 20 {
			fmt.Fprintf(w, "  ... and %d more hosts\n", len(hosts)-i)
			break
		}
		fmt.Fprintf(w, "  %8d  %s\n", hosts[host], host)
	}
	if least := f.leastTime(items - bad); least > 0 {
		fmt.Fprintf(w, "at least %s by --rate\n", roundTime(least))
	}
	fmt.Fprintln(w, "nothing was sent")
	return nil
}

// leastTime is how long n requests take if only the rates count.
func (f *fetchFlags) leastTime(n int64) time.Duration {
	var least time.Duration
	for _, r := range f.rate {
		least = max(least, time.Duration(float64(n)/r.PerSecond()*float64(time.Second)))
	}
	return least
}

// roundTime leaves three or four digits of a duration.
func roundTime(d time.Duration) time.Duration {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}
