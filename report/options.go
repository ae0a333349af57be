package report

import (
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// sampleEvery is how often a Recorder asks how things stand.
const sampleEvery = 100 * time.Millisecond

// Options say what a Recorder measures. The zero value is good: it measures
// what the records tell.
type Options struct {
	// Stats is the engine's; nil means that nothing is known of the run but its
	// records.
	Stats func() fetch.Stats
	// State tells what keeps one more request from starting; nil means that it
	// is guessed from Stats and Limits. Stats and State are called ten times a
	// second, and once by Stop.
	State func() State
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
