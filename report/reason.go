package report

import (
	"strconv"

	"github.com/penstock-go/penstock/fetch"
)

// A Reason is the kind of thing that keeps one more request from starting.
type Reason = fetch.Reason

// A Why says what keeps one more request from starting.
type Why struct {
	Reason Reason `json:"reason"`
	// Host is whose limit it is; "" for a limit of all.
	Host string `json:"host,omitempty"`
	// Limit is the number, as a flag would have it: "10", "100/s".
	Limit string `json:"limit,omitempty"`
}

// whyOf is what the engine says, in short.
func whyOf(w fetch.Wait, l Limits) Why {
	why := Why{Reason: w.Reason, Host: HostName(w.Bucket)}
	switch {
	case w.Reason == fetch.TotalRate:
		why.Limit = l.Rate
	case w.Rate != "":
		why.Limit = w.Rate
	case w.Limit > 0:
		why.Limit = strconv.Itoa(w.Limit)
	}
	return why
}

// reasonWords say what a run waited for.
var reasonWords = map[Reason]string{
	fetch.None: "nothing: one was about to start", fetch.Concurrency: "the limit of all in flight (-c)",
	fetch.HostConcurrency: "the limit in flight to a host (--per-host)", fetch.TotalRate: "the rate of all (--rate)",
	fetch.Elsewhere: "a limit that other machines share (--store)",
	fetch.HostRate:  "a host's rate", fetch.RetryAfter: "a host that asked to be left alone",
	fetch.Backoff: "retries that were not due", fetch.Input: "the input",
	fetch.SlowHead: "an item too far behind the others", fetch.Shortage: "this machine's files, ports or buffers",
	fetch.Paused: "somebody to resume it: it was paused", fetch.Last: "the last requests: all else was done",
}

// ReasonText says what r is, in a few words.
func ReasonText(r Reason) string {
	if s := reasonWords[r]; s != "" {
		return s
	}
	return string(r)
}
