package httplimit

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

// Defaults of Options.
const (
	DefaultTotal         = 100
	DefaultMaxRetryAfter = 10 * time.Minute
	DefaultRetries       = 3
	DefaultBackoff       = 500 * time.Millisecond
	DefaultMaxBackoff    = 30 * time.Second
	DefaultRetryBudget   = 0.1
	DefaultOpenFor       = 10 * time.Second
	DefaultShareMax      = 1 << 20
)

// NoLimit is no limit at all, as Options.Total or a HostLimits.Limit.
const NoLimit = -1

// Options are the limits and manners of a Transport. The zero value is good:
// 100 requests at once, three retries, hints obeyed. A Transport keeps a copy.
type Options struct {
	// Base makes the requests. The default is a copy of
	// http.DefaultTransport, if that is an *http.Transport, that keeps as
	// many idle connections as the limits can use.
	Base http.RoundTripper

	// Total is the most requests at once, to all hosts together. The default,
	// 0, is 100; NoLimit is no limit.
	Total int
	// PerHost is the most requests at once to one host, which is a name and a
	// port. The default, 0, is no limit but Total's.
	PerHost int
	// Rate and PerHostRate say how often requests may begin, to all hosts
	// together and to each; see package rate. Retries and redirects count.
	// The default is any number.
	Rate, PerHostRate rate.List
	// Limiter, if not nil, limits all requests besides Total and Rate: one
	// that finds its limit by itself, or that machines share. Each request
	// takes Cost units of it; wrap it in penstock.PerCall to take one.
	// Hosts take turns at Total, but at a Limiter it is first come, first
	// served.
	Limiter penstock.Limiter
	// HostLimits, if not nil, says what limits a host, in place of PerHost and
	// PerHostRate. It is called with "name:port" in lower case when the
	// first request for a host comes, and again when the host has been
	// without requests for a while (some seconds) and one comes. It must not
	// block, nor call the Transport.
	HostLimits func(host string) HostLimits
	// Cost says how many units of rates and Limiters a request takes: tokens,
	// for example. It is called once for each request, not again for
	// retries. The default is 1.
	Cost func(*http.Request) int

	// MaxRetryAfter is the longest that a hint of a server can hold its host,
	// whatever it says. A request that is told to wait longer than that is not
	// retried. The default, 0, is 10 minutes.
	MaxRetryAfter time.Duration
	// IgnoreQuotas is not to hold or pace a host for what it says of its
	// quotas: RateLimit, RateLimit-Policy and X-RateLimit-*. Retry-After
	// counts all the same.
	IgnoreQuotas bool

	// Retry is for requests that failed in a way that may pass.
	Retry Retry
	// Breaker keeps requests from hosts that fail. The default is none.
	Breaker Breaker
	// Share makes identical GETs that overlap one. The default is not to.
	Share Share
}

// HostLimits are the limits of one host.
type HostLimits struct {
	// Limit is the most requests at once. 0 and NoLimit are no limit but the
	// total.
	Limit int
	// Rate is how often requests may begin. The default is any number.
	Rate rate.List
	// Limiter, if not nil, limits the host's requests besides. Several hosts
	// may have the same one. If it has a method Idle(time.Time) bool, as
	// keyed.Idler, it is kept until that says that it remembers nothing; Idle
	// must not block. Any other is let go with the host's entry, and asked for
	// again. If it is a Holder, it is told of hints.
	Limiter penstock.Limiter
}

// A Holder is a limit that wants to know when a server asks for a pause, as
// adaptive.Limiter does in order not to take the pause for its own doing.
type Holder interface {
	// Hold is told, before the permit is released, that the server of a
	// request wants no more until then.
	Hold(until time.Time)
}

// A Hinted is a limit that wants to know of everything that ParseHints reads
// in the header of a response.
type Hinted interface {
	// Hint is told, before the permit is released.
	Hint(Hints)
}

// Retry says how often and when a request is repeated that failed with a status
// of 408, 425, 429, 500, 502, 503, 504 or 529, or of 403 with a Retry-After or
// nothing left of a quota of requests (GitHub's 429), or because a name could not be
// looked up just now, a connection could not be made or was lost, or took too
// long.
//
// Only what may be repeated is: GET, HEAD, OPTIONS, TRACE, PUT, DELETE (RFC
// 9110, section 9.2.2); any request with an Idempotency-Key; one that was
// refused with 429, 503 or 529, or never had a connection. Its body, if it has
// one, must have a GetBody, as http.NewRequest gives it for what is in memory.
type Retry struct {
	// Max is the number of retries after the first attempt. The default, 0,
	// is 3; less than 0 is none.
	Max int
	// Base and Cap bound the exponential backoff: before retry k (from 0) a
	// request waits a random time up to min(Cap, Base * 2^k) ("full jitter").
	// The defaults are 500 ms and 30 s. A request whose response had a
	// Retry-After waits for that instead, first in its host's queue.
	Base, Cap time.Duration
	// Budget is how many of each host's requests may be retries, as a share:
	// if all fail there must not be four times as many. Beyond the share, 10
	// retries at once and one a second are always allowed. The default, 0, is
	// 0.1; less than 0 is no budget.
	Budget float64
}

// Breaker says when requests for a host fail at once, with ErrCircuitOpen,
// instead of being sent. The zero value is never.
type Breaker struct {
	// Failures opens the breaker when so many responses in a row have failed:
	// with a status of 500, 502, 503, 504, or none because the connection
	// failed. The default, 0, is never.
	Failures int
	// OpenFor is for how long it is open. Then one request is let through,
	// which closes it or opens it again. The default, 0, is 10 seconds.
	OpenFor time.Duration
}

// Share says whether GETs that are identical, in URL and every header field, are
// sent once for all who ask before the response is there. Each gets its own
// copy. Who gives up does not fail the others. A response that is shared is
// read into memory before it is returned, also when nobody else asks for it.
type Share struct {
	// On turns it on.
	On bool
	// MaxBody is the longest body that is shared; when it is longer, the
	// others send their own requests. The default, 0, is 1 MiB.
	MaxBody int64
}

// check returns o with its defaults filled in, or says what is wrong with it.
func (o Options) check() (Options, error) {
	switch {
	case o.Total < NoLimit:
		return o, fmt.Errorf("%w: Total is %d; use NoLimit (-1) for no limit", ErrOptions, o.Total)
	case o.PerHost < NoLimit:
		return o, fmt.Errorf("%w: PerHost is %d; use 0 for no limit", ErrOptions, o.PerHost)
	case o.MaxRetryAfter < 0:
		return o, fmt.Errorf("%w: MaxRetryAfter is %v; it cannot be negative", ErrOptions, o.MaxRetryAfter)
	case o.Retry.Base < 0 || o.Retry.Cap < 0:
		return o, fmt.Errorf("%w: Retry.Base is %v and Retry.Cap %v; they cannot be negative", ErrOptions, o.Retry.Base, o.Retry.Cap)
	case math.IsNaN(o.Retry.Budget) || o.Retry.Budget > 100:
		return o, fmt.Errorf("%w: Retry.Budget is %v; it is a share, such as 0.1", ErrOptions, o.Retry.Budget)
	case o.Breaker.Failures < 0 || o.Breaker.OpenFor < 0 || o.Share.MaxBody < 0:
		return o, fmt.Errorf("%w: a negative Breaker or Share", ErrOptions)
	}
	for _, l := range []rate.List{o.Rate, o.PerHostRate} {
		if _, err := newRate(l); err != nil {
			return o, fmt.Errorf("%w: %w", ErrOptions, err)
		}
	}
	o.setDefaults()
	return o, nil
}

func (o *Options) setDefaults() {
	def(&o.Total, DefaultTotal)
	def(&o.MaxRetryAfter, DefaultMaxRetryAfter)
	o.MaxRetryAfter = min(o.MaxRetryAfter, math.MaxInt64/2) // room to add to it
	def(&o.Retry.Max, DefaultRetries)
	def(&o.Retry.Base, DefaultBackoff)
	def(&o.Retry.Cap, DefaultMaxBackoff)
	def(&o.Retry.Budget, DefaultRetryBudget)
	def(&o.Breaker.OpenFor, DefaultOpenFor)
	def(&o.Share.MaxBody, DefaultShareMax)
	if o.Base == nil {
		o.Base = newBase(o)
	}
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// limitOf is a limit as a number to compare with.
func limitOf(n int) int {
	if n <= 0 {
		return math.MaxInt
	}
	return n
}

// newRate makes a Limiter of l, or nil where it is empty.
func newRate(l rate.List) (*rate.Limiter, error) {
	if len(l) == 0 {
		return nil, nil
	}
	return rate.New(l...)
}

// newBase is the default transport.
func newBase(o *Options) http.RoundTripper {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // somebody's own, who will know why
	}
	base = base.Clone()
	base.MaxIdleConns = max(0, o.Total) // 0 is no limit
	base.MaxIdleConnsPerHost = min(limitOf(o.Total), limitOf(o.PerHost))
	if o.PerHost > 0 && o.HostLimits == nil {
		base.MaxConnsPerHost = o.PerHost
	}
	return base
}
