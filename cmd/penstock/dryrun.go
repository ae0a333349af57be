package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/display"
	"github.com/penstock-go/penstock/report"
	"github.com/spf13/cobra"
)

// rehearse reads all of the input and says what a run would do.
func (f *fetchFlags) rehearse(cmd *cobra.Command, opts fetch.Options, src *input) error {
	engine, err := fetch.New(opts)
	if err != nil {
		return usagef("penstock fetch --help lists the flags", "%v", err)
	}
	var items, bad, duplicates int64
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
		switch plan := engine.Plan(it); {
		case plan.Err != nil:
			if bad++; bad == 1 {
				firstBad = plan.Err.Message
			}
		case plan.Duplicate:
			duplicates++
		default:
			hosts[plan.Host]++
		}
	}
	if err := src.Close(); err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%s items, %s of them bad, %s hosts; %s\n", report.Number(items), report.Number(bad), report.Number(int64(len(hosts))), f.describe())
	if bad > 0 {
		fmt.Fprintf(w, "first bad item: %s\n", oneLine(firstBad))
	}
	if f.dedup {
		atLeast := ""
		if engine.Unremembered() > 0 {
			atLeast = "at least "
		}
		fmt.Fprintf(w, "%s%s duplicates: %s requests to make\n", atLeast, report.Number(duplicates), report.Number(items-bad-duplicates))
	}
	for i, host := range slices.SortedFunc(maps.Keys(hosts), func(a, b string) int {
		return cmp.Or(cmp.Compare(hosts[b], hosts[a]), cmp.Compare(a, b))
	}) {
		if i == 20 {
			fmt.Fprintf(w, "  ... and %s more hosts\n", report.Number(int64(len(hosts)-i)))
			break
		}
		fmt.Fprintf(w, "  %9s  %s\n", report.Number(hosts[host]), display.Printable(host))
	}
	if least := f.leastTime(items - bad - duplicates); least > 0 {
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
