package report

import (
	"strconv"

	"github.com/penstock-go/penstock/fetch"
)

// A Reason is the kind of thing that keeps one more request from starting.
type Reason string

// The reasons.
const (
	// Unlimited: something could start and is about to.
	Unlimited Reason = ""
	// Concurrency: as many are in flight as may be, in all.
	Concurrency Reason = "concurrency"
	// HostConcurrency: as many are in flight to a host as may be.
	HostConcurrency Reason = "host-concurrency"
	// Rate: the rate of all requests together.
	Rate Reason = "rate"
	// HostRate: a host's rate, asked for or told by the server.
	HostRate Reason = "host-rate"
	// RetryAfter: a host has asked to be left alone for a time.
	RetryAfter Reason = "retry-after"
	// RetryBackoff: all that is left waits for its retry.
	RetryBackoff Reason = "retry-backoff"
	// Input: the source has nothing at the moment.
	Input Reason = "input"
	// Shortage: this machine has run out of files, ports or buffers.
	Shortage Reason = "shortage"
	// Done: all has been read and started; the last ones are in flight.
	Done Reason = "done"
)

// A Why says what keeps one more request from starting.
type Why struct {
	Reason Reason `json:"reason"`
	// Host is whose limit it is; "" for a limit of all, and where several
	// hosts are concerned.
	Host string `json:"host,omitempty"`
	// Limit is the number, as a flag would have it: "10", "100/s".
	Limit string `json:"limit,omitempty"`
}

// A State is how a run stands; see Options.State.
type State struct {
	// Limit is how many may be in flight at once, all together, now.
	Limit int
	// Why is what keeps one more request from starting now.
	Why Why
	// Hosts are those on hold or with a limit that is their own; a few hundred
	// at the most.
	Hosts []HostState
}

// A HostState is how a host stands.
type HostState struct {
	Host string
	// Limit is how many may be in flight to it, and Rate how many may start in
	// a time; 0 and "" where nothing of its own is known.
	Limit int
	Rate  string
	// Held says that no request may go to it now, because it has said so.
	Held bool
}

// guess finds the reason from what the engine counts, where the scheduler
// does not tell.
func guess(st fetch.Stats, l Limits) Why {
	switch {
	case l.Concurrency > 0 && st.InFlight >= l.Concurrency:
		return Why{Reason: Concurrency, Limit: strconv.Itoa(l.Concurrency)}
	case st.Queued+st.Aside == 0 && !st.ReadAll:
		return Why{Reason: Input}
	case st.Queued+st.Aside == 0 && st.InFlight == 0 && st.Backoff > 0:
		return Why{Reason: RetryBackoff}
	case st.Queued+st.Aside == 0:
		return Why{Reason: Done}
	case st.Held > 0 && st.Held == st.Hosts:
		return Why{Reason: RetryAfter}
	case l.Rate != "":
		return Why{Reason: Rate, Limit: l.Rate}
	case l.HostRate != "":
		return Why{Reason: HostRate, Limit: l.HostRate}
	case l.PerHost > 0:
		return Why{Reason: HostConcurrency, Limit: strconv.Itoa(l.PerHost)}
	case st.Held > 0:
		return Why{Reason: RetryAfter}
	}
	return Why{}
}
