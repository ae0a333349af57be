package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// printSummary says what a run did, on one screen.
func printSummary(w io.Writer, s fetch.Summary, out *output) {
	if n := out.earlier().Records; n > 0 {
		fmt.Fprintf(w, "%d items were done before\n", n)
	}
	fmt.Fprintf(w, "%d items: %d ok, %d failed", s.Records, s.OK, s.Failed)
	if s.Retries > 0 {
		fmt.Fprintf(w, ", %d retries", s.Retries)
	}
	if s.Redirects > 0 {
		fmt.Fprintf(w, ", %d redirects", s.Redirects)
	}
	fmt.Fprintf(w, "\n%s in %s, %.0f a second, at most %d in flight\n",
		formatSize(s.Bytes), roundTime(s.Elapsed), float64(s.Records)/max(s.Elapsed.Seconds(), 0.001), s.MaxInFlight)
	if s.Spilled > 0 {
		fmt.Fprintf(w, "%d items waited for their host in a temporary file of up to %s\n", s.Spilled, formatSize(s.SpillBytes))
	}
	if s.Shortages > 0 {
		fmt.Fprintf(w, "this machine ran out of files, ports or buffers %d times; the run slowed down\n", s.Shortages)
	}
	if s.Duplicates > 0 {
		fmt.Fprintf(w, "%d duplicates were not fetched again\n", s.Duplicates)
	}
	if s.NotDeduped > 0 {
		fmt.Fprintf(w, "--dedup was approximate: there was no room for %d requests, and duplicates among them were fetched (--dedup-memory)\n", s.NotDeduped)
	}
	if len(s.Statuses) > 0 {
		fmt.Fprintf(w, "statuses: %s\n", counts(s.Statuses))
	}
	for _, class := range slices.SortedFunc(maps.Keys(s.Classes), func(a, b fetch.Class) int {
		return cmp.Or(cmp.Compare(s.Classes[b], s.Classes[a]), cmp.Compare(a, b))
	}) {
		fmt.Fprintf(w, "%s: %d, such as %s\n", class, s.Classes[class], s.Examples[class])
	}
	if out.name != "" && !out.quiet {
		fmt.Fprintf(w, "records: %s\n", out.name)
		if s.Failed+out.earlier().Failed > 0 {
			fmt.Fprintf(w, "failed inputs: %s (fetch it to try them again)\n", fetch.FailedPath(out.name))
		}
	}
}

func counts(m map[int]int64) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%d: %d", k, m[k]))
	}
	return strings.Join(parts, ", ")
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
