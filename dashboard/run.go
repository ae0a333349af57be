package dashboard

import (
	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
)

// A Run is how a page learns of a run, and what it may do to it. Its functions
// are called from several goroutines; those that are nil cannot be asked for.
type Run struct {
	// Data is what is known so far: a Recorder's.
	Data func() report.Data
	// Stats is how the run stands: an Engine's.
	Stats func() fetch.Stats
	// Buckets is an Engine's; without it there is less to say of hosts.
	Buckets func(n int) []fetch.BucketStats
	// Pause lets nothing new start, until Resume.
	Pause, Resume func()
	// SetLimit changes how many requests may be in flight. Its error is shown
	// to who asked for it.
	SetLimit func(n int) error
}

const byHand = "by hand, on the live page"

// Engine is a Run of e, as r records it. What is done on the page is noted in r
// as a Change.
func Engine(e *fetch.Engine, r *report.Recorder) *Run {
	paused := func() bool { return e.Stats().Wait.Reason == fetch.Paused }
	return &Run{
		Data: r.Data, Stats: e.Stats, Buckets: e.Buckets,
		Pause: func() {
			if !paused() {
				r.Change(report.Change{Kind: "paused", To: 1, Why: byHand})
			}
			e.Pause()
		},
		Resume: func() {
			if paused() {
				r.Change(report.Change{Kind: "paused", From: 1, Why: byHand})
			}
			e.Resume()
		},
		SetLimit: func(n int) error {
			if n >= 1 { // what the engine will refuse is no change
				r.Change(report.Change{
					Kind: "concurrency", From: float64(e.Stats().Limit), To: float64(n), Why: byHand,
				})
			}
			return e.SetConcurrency(n)
		},
	}
}
