package fetch

import (
	"bytes"
	"context"
	"slices"
)

// All fetches urls, at most limit at a time, and returns a record for each,
// in the order of urls, with its body. A URL that fails has its error in its
// record. The error is not nil if limit is below 1 or ctx ended; the records
// of URLs that were not done then have an Error of class canceled.
//
// All holds every body in memory; use [Run] for more than fits.
func All(ctx context.Context, urls []string, limit int) ([]Record, error) {
	if limit < 1 {
		return nil, errLimit(limit)
	}
	records := make([]Record, len(urls))
	for i, u := range urls {
		records[i] = Record{Index: int64(i), URL: redactedURL(u), Error: &Error{Class: Canceled, Message: "not fetched"}}
	}
	keep := SinkFunc(func(r *Record) error {
		kept := *r
		kept.Body = bytes.Clone(r.Body)
		records[r.Index] = kept // each index is written once, by one goroutine
		return nil
	})
	_, err := Run(ctx, URLs(slices.Values(urls)), keep, Options{
		Concurrency: limit, KeepBody: true, KeepHeader: true, Redirects: DefaultRedirects,
		Retry: Retry{Max: 3},
	})
	return records, err
}
