package display

import (
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// Limits say what the run was asked for, where a number alone would not.
type Limits struct {
	// Concurrency is the flag's number, From where it comes from: "-c",
	// "-c auto" or "machine".
	Concurrency int
	From        string
	// PerHost is where hosts' limits come from: "--per-host" or "policy".
	PerHost string
	// Rate is that of all, as its flag has it: "100/s".
	Rate string
}

// A State is all that there is to show at one moment. The zero value is a run
// of which nothing is known yet.
type State struct {
	Now    time.Time
	Stats  fetch.Stats
	Hosts  []fetch.BucketStats // the busiest first
	Limits Limits
	// Total is how many items there are, 0 if that is not known yet.
	Total int64
	// Rate and Bandwidth are records and bytes per second of late, Average
	// is records per second of all the run.
	Rate, Bandwidth, Average float64
	// Left is how long the run will take from here; 0 if that is not known.
	Left time.Duration
	// Slowest is the host that will be the last, if the others will long be
	// done by then; its Name is "" if there is none.
	Slowest Slowest
	// Wait is what has kept one more request from starting for most of the last
	// seconds.
	Wait fetch.Wait
}

// A Slowest is a host that takes longer than the others.
type Slowest struct {
	Name  string
	Queue int // items
	Left  time.Duration
}
