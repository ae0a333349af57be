package fetch

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-go/penstock/fetch/bodies"
)

// Defaults of Options.
const (
	DefaultConcurrency = 10
	DefaultTimeout     = 30 * time.Second
	DefaultMaxBody     = 16 << 20
	DefaultRedirects   = 10
	DefaultWindow      = 1 << 17
	DefaultSpillMax    = 1 << 30
)

// A Pacer says when an operation of some cost may start; *rate.Limiter is
// one.
type Pacer interface {
	// At takes cost at the time now if that may be, else it takes nothing
	// and says how long until it may: math.MaxInt64 if it never may.
	At(now time.Time, cost int) (wait time.Duration, ok bool)
}

// Options are the limits and manners of a run. The zero value is good.
type Options struct {
	// Concurrency is the most requests in flight at once; 0 means 10.
	Concurrency int
	// PerHost is the most requests in flight to one host (name and port);
	// 0 means no limit but Concurrency. It is short for a Policy.
	PerHost int
	// Policy, if not nil, says what limits a request falls under besides those
	// of the whole run, instead of PerHost.
	Policy Policy
	// Rate, if not nil, paces all requests together, retries and redirects
	// included.
	Rate Pacer
	// Shared, if not nil, is limits that are kept together with other runs.
	Shared *Shared
	// Timeout is for one whole attempt: connecting, redirects and body
	// included, waiting for limits not. 0 means 30 s, negative no limit.
	Timeout time.Duration
	// Retry is for attempts that failed in a way that may pass.
	Retry Retry
	// IgnoreQuotas is not to obey what servers say of their quotas: RateLimit,
	// X-RateLimit-* and the like. Retry-After counts all the same.
	IgnoreQuotas bool
	// MaxBody is the most bytes of a body, decompressed; a longer one ends
	// as too_large. 0 means 16 MiB, negative no limit.
	MaxBody int64
	// Accept is the statuses that count as success; nil means 200 to 399.
	Accept StatusSet
	// Method, Header and Body are for items that have none of their own.
	// Method empty means GET, or POST where there is a body.
	Method string
	Header http.Header
	Body   []byte
	// Redirects is how many to follow; 0 means none: the redirect is the
	// answer.
	Redirects int
	// KeepBody and KeepHeader say what goes into the records.
	KeepBody, KeepHeader bool
	// Bodies, if not nil, takes bodies of more than 32 KiB as they come, so that
	// they are in memory only in part; their records have BodyRef. It is to be
	// that of the sink (FileOptions.Bodies), which takes the others, and syncs it.
	// It counts only with KeepBody, and not with KeepExchanges.
	Bodies *bodies.Store
	// Dedup, if not nil, lets identical requests be made once.
	Dedup *Dedup
	// KeepExchanges puts into the records what was sent and what came, for
	// archives: also where the response is not whole, as far as it came.
	KeepExchanges bool
	// Transport makes the requests; nil means NewTransport with these
	// limits.
	Transport http.RoundTripper
	// LookAhead is how many items may be in memory, read and not finished; 0
	// means 1,000 or 10 times the concurrency, whichever is more.
	LookAhead int
	// SpillMax is how many bytes of items may wait in a temporary file when
	// the look-ahead is full of items of hosts that are blocked, and there are
	// slots for others; 0 means 1 GiB, negative none.
	SpillMax int64
	// TempDir is where that file is made; "" means the system's.
	TempDir string
	// Window is the most that the newest item's index may be ahead of the
	// oldest unfinished one's, which bounds what an ordering sink holds;
	// 0 means 131,072.
	Window int64
}

// Check says what New would not take of o, and makes nothing.
func (o *Options) Check() error {
	switch {
	case o.Concurrency < 0:
		return fmt.Errorf("fetch: concurrency %d is negative", o.Concurrency)
	case o.PerHost < 0:
		return fmt.Errorf("fetch: limit per host %d is negative", o.PerHost)
	case o.Retry.Max < 0:
		return fmt.Errorf("fetch: number of retries %d is negative", o.Retry.Max)
	case o.Dedup != nil && o.Dedup.Memory < 0:
		return fmt.Errorf("fetch: memory for duplicates %d is negative", o.Dedup.Memory)
	case o.LookAhead < 0 || o.Window < 0 || o.Redirects < 0:
		return errors.New("fetch: negative look-ahead, window or number of redirects")
	}
	if err := checkRequest(cmp.Or(o.Method, http.MethodGet), o.Header); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	return nil
}

func (o *Options) setDefaults() error {
	if err := o.Check(); err != nil {
		return err
	}
	o.Retry.setDefaults()
	def(&o.Concurrency, DefaultConcurrency)
	def(&o.Timeout, DefaultTimeout)
	def(&o.MaxBody, DefaultMaxBody)
	def(&o.SpillMax, DefaultSpillMax)
	def(&o.LookAhead, max(1000, 10*o.Concurrency))
	def(&o.Window, int64(max(DefaultWindow, o.LookAhead)))
	if o.Accept == nil {
		o.Accept = StatusSet{{200, 399}}
	}
	if o.Policy == nil {
		o.Policy = perHost{Concurrency: o.PerHost}
	}
	if o.Transport == nil {
		o.Transport = NewTransport(TransportOptions{MaxConnsPerHost: o.connsPerHost(), MaxConns: o.Concurrency})
	}
	return nil
}

// connsPerHost is how many connections to one host are ever of use.
func (o *Options) connsPerHost() int {
	if o.PerHost > 0 {
		return min(o.PerHost, o.Concurrency)
	}
	return o.Concurrency
}

func errLimit(n int) error { return fmt.Errorf("fetch: limit %d: at least 1 is needed", n) }

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// A StatusSet is a set of status codes as ranges, ends included.
type StatusSet [][2]int

// ParseStatusSet reads a list such as "200-299,304".
func ParseStatusSet(s string) (StatusSet, error) {
	var set StatusSet
	for part := range strings.SplitSeq(s, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			to = from
		}
		lo, err1 := strconv.Atoi(from)
		hi, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || lo < 100 || hi > 999 || lo > hi {
			return nil, fmt.Errorf("%q is not a status or a range of statuses", part)
		}
		set = append(set, [2]int{lo, hi})
	}
	return set, nil
}

// Has reports whether status is in the set.
func (s StatusSet) Has(status int) bool {
	for _, r := range s {
		if r[0] <= status && status <= r[1] {
			return true
		}
	}
	return false
}
