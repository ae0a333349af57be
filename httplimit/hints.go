package httplimit

import (
	"net/http"
	"time"
)

// Hints is what a server has said of its limits in the header of a response.
type Hints struct {
	// RetryAfter is how long the server wants no more requests, where Told:
	// a Retry-After (or the Retry-After-Ms of some APIs) of a response with
	// a status of 300 or more.
	RetryAfter time.Duration
	Told       bool
	// Quotas are the limits that it keeps, in the order of their names: at
	// most 32.
	Quotas []Quota
}

// A Quota is one limit of a server: so many units in a window.
type Quota struct {
	// Name tells the quotas of a response apart: that of the policy in
	// RateLimit, or what the fields' names say besides limit, remaining and
	// reset, such as "requests", "input-tokens" or "minute". It may be empty.
	Name string
	// Unit is what is counted.
	Unit Unit
	// Limit is how many units are allowed in a window, and Remaining how many
	// are left of them: less than 0 if that was not said.
	Limit, Remaining int64
	// Reset is how long it takes until there are more: less than 0 if that
	// was not said.
	Reset time.Duration
	// Window is the length of a window; 0 if that was not said.
	Window time.Duration
}

// A Unit is what a Quota counts.
type Unit uint8

const (
	// Requests is what a quota counts that does not say otherwise.
	Requests Unit = iota
	// Tokens are those of a language model.
	Tokens
	// Concurrent counts requests at work at the same time.
	Concurrent
	// Other is everything else, such as bytes.
	Other
)

// String returns the unit's name in lower case.
func (u Unit) String() string {
	switch u {
	case Requests:
		return "requests"
	case Tokens:
		return "tokens"
	case Concurrent:
		return "concurrent"
	case Other:
		return "other"
	}
	return "unknown"
}

// Wait returns how long the server wants no more requests: RetryAfter, or until
// a quota is renewed of which nothing remains, whichever is longer. It is 0 or
// more and may be as long as a Duration can be.
func (h Hints) Wait() time.Duration {
	wait := h.RetryAfter
	for _, q := range h.Quotas {
		if q.Remaining == 0 && q.Unit != Concurrent {
			wait = max(wait, q.Reset)
		}
	}
	return wait
}

// ParseHints reads what the header of a response with that status, read at now,
// says of the server's limits:
//
//   - Retry-After (RFC 9110, section 10.2.3): see ParseRetryAfter;
//   - RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11),
//     and as dictionaries (drafts 8 and 9);
//   - RateLimit-Limit, -Remaining and -Reset (drafts up to 7), also with the
//     windows in RateLimit-Limit, and with GitLab's reset as a time;
//   - X-RateLimit-* and X-Rate-Limit-* of GitHub, Twitter, Reddit, Discord, Kong
//     and others, also for several quotas: -Requests and -Tokens of OpenAI,
//     Groq and others, -Minute and -Hour of Kong;
//   - anthropic-ratelimit-*.
//
// A reset may be seconds from now, with a fraction or not; a duration such as
// 6m0s; or a time, as RFC 3339, an HTTP-date, or the seconds, milliseconds,
// microseconds or nanoseconds since 1970, which are told apart by their size. A
// time is measured against the response's Date, where it has one.
//
// What makes no sense is as if it were not there. No header takes more time than
// its length is worth: RateLimit fields of more than 8 KiB, and all but the
// first 64 of the other fields, are not read. It is safe for concurrent use, and
// allocates nothing where there is no hint.
func ParseHints(h http.Header, status int, now time.Time) Hints {
	var hints Hints
	var names [16]string
	found, isStructured := names[:0], false
	for name := range h {
		switch field(name) {
		case retryField:
			if status >= 300 {
				hints.readRetryAfter(h, now)
			}
		case structuredField:
			isStructured = true // the two belong together
		case plainField:
			found = append(found, name)
		}
	}
	if isStructured {
		hints.Quotas = structured(h)
	}
	switch quotas := plainQuotas(h, found, now); {
	case len(hints.Quotas) == 0:
		hints.Quotas = quotas
	default:
		hints.Quotas = append(hints.Quotas, quotas...)
	}
	hints.Quotas = joinPolicies(hints.Quotas)
	return hints
}

// readRetryAfter takes the longest of what is said.
func (h *Hints) readRetryAfter(header http.Header, now time.Time) {
	if wait, ok := ParseRetryAfter(header, now); ok {
		h.RetryAfter, h.Told = max(h.RetryAfter, wait), true
	}
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if ms, ok := number(header.Get(name)); ok {
			h.RetryAfter, h.Told = max(h.RetryAfter, scale(ms, time.Millisecond)), true
		}
	}
}
