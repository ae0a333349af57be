package fetch

import (
	"net/url"

	"github.com/penstock-go/penstock/rate"
)

// A Bucket is the limits that requests share, and the name they share them by.
type Bucket struct {
	// Key is the same for all requests that share the limits, such as a host
	// and port, a site, or a rule's name.
	Key string
	Limits
}

// Limits are what one bucket is held to, besides the limits of the whole run. The zero
// Limits are none.
type Limits struct {
	// Concurrency is the most requests in flight; 0 means no limit. With Auto
	// it is the most that the limit found may be, 0 meaning 1,000.
	Concurrency int
	// Auto lets package adaptive find the limit.
	Auto bool
	// Rate paces the requests; empty means no limit.
	Rate rate.List
	// Retry, if not nil, takes the place of Options.Retry.
	Retry *Retry
}

// A Policy says which limits a request falls under. It must be safe for
// concurrent use, and answer the same for the same URL.
type Policy interface {
	Bucket(u *url.URL) Bucket
}
