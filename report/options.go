package report

import (
	"time"

	"github.com/penstock-go/penstock/fetch"
)

const (
	sampleEvery  = 100 * time.Millisecond
	bucketsEvery = time.Second
	bucketsMost  = 256
)

// Options say what a Recorder measures. The zero value is good: it measures
// what the records tell.
type Options struct {
	// Stats is the engine's, asked ten times a second; nil means that nothing is
	// known of the run but its records.
	Stats func() fetch.Stats
	// Buckets is the engine's, asked once a second; nil means that nothing is
	// known of hosts' limits and of how long they were on hold.
	Buckets func(n int) []fetch.BucketStats
	// Limits are those that the run was started with.
	Limits Limits
	// Output is the file with the records, and Version Penstock's.
	Output, Version string
	// Earlier is what earlier runs of the same output have left, if this one
	// goes on with it; nil if it does not.
	Earlier *Data
	// Hosts is how many hosts to tell apart in Data; 0 means 50.
	Hosts int
}
