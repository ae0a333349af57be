package policy

import (
	"errors"
	"math"
	"time"

	"github.com/penstock-go/penstock/rate"
)

// A setting is a value and where it comes from: a line of the file, a flag, or
// nowhere as long as it is not set.
type setting[T any] struct {
	value T
	from  string // as it is told
	line  int    // where it was in the file
}

func (s setting[T]) isSet() bool { return s.from != "" }

// or is s, or d where s is not set.
func (s setting[T]) or(d setting[T]) setting[T] {
	if s.isSet() {
		return s
	}
	return d
}

// A sharing says which requests share a bucket.
type sharing string

const (
	byHost sharing = "host"
	bySite sharing = "site"
	byRule sharing = "rule"
)

// A concurrency is the most requests in flight, or that a limit finds it. The
// zero value is no limit.
type concurrency struct {
	n    int
	auto bool
}

// maxConcurrency is more than one machine has connections for.
const maxConcurrency = 1_000_000

// retries are the settings of a fetch.Retry.
type retries struct {
	max                      setting[int]
	base, cap, maxRetryAfter setting[time.Duration]
}

func (r retries) isSet() bool {
	return r.max.isSet() || r.base.isSet() || r.cap.isSet() || r.maxRetryAfter.isSet()
}

func (r retries) or(d retries) retries {
	return retries{r.max.or(d.max), r.base.or(d.base), r.cap.or(d.cap), r.maxRetryAfter.or(d.maxRetryAfter)}
}

// limits are what [default] and a rule may both say.
type limits struct {
	key         setting[sharing]
	concurrency setting[concurrency]
	most        setting[int] // of concurrency, where it is auto
	rate        setting[rate.List]
	retry       retries
}

func (l limits) or(d limits) limits {
	return limits{
		l.key.or(d.key), l.concurrency.or(d.concurrency), l.most.or(d.most),
		l.rate.or(d.rate), l.retry.or(d.retry),
	}
}

// A table is [default] or a [[rule]] as it is written.
type table struct {
	line  int
	name  string
	match []*pattern
	limits
}

// fields are those that both kinds of table have.
func (l *limits) fields() []field {
	return []field{
		{"key", func(n node) { l.key = choose(n, byHost, bySite, byRule) }, ""},
		{"concurrency", func(n node) { l.concurrency = n.concurrency() }, ""},
		{"max_concurrency", func(n node) { l.most = n.count(1, maxConcurrency) }, ""},
		{"rate", func(n node) { l.rate = n.rate() }, ""},
		{"retry", func(n node) { l.retry = n.retry() }, ""},
	}
}

func choose(n node, words ...sharing) setting[sharing] {
	const hint = `write "host", "site" or "rule"`
	if text, ok := n.text(hint); ok {
		for _, w := range words {
			if text == string(w) {
				return found(n, w)
			}
		}
		n.fail(hint, "%s is %s, which it cannot be", n.name, quote(text))
	}
	return setting[sharing]{}
}

func (n node) concurrency() setting[concurrency] {
	const hint = `write a number from 1 on, "auto", or "none" for no limit`
	switch v := n.value.(type) {
	case int64:
		c := n.count(1, maxConcurrency)
		return setting[concurrency]{concurrency{n: c.value}, c.from, c.line}
	case string:
		switch v {
		case "auto":
			return found(n, concurrency{auto: true})
		case none:
			return found(n, concurrency{})
		}
		n.fail(hint, "%s is %s, which it cannot be", n.name, quote(v))
	default:
		n.fail(hint, "%s is %s", n.name, kind(v))
	}
	return setting[concurrency]{}
}

// count reads a whole number from least to most.
func (n node) count(least, most int64) setting[int] {
	switch v, ok := n.value.(int64); {
	case !ok:
		n.fail("write a whole number, without quotes", "%s is %s", n.name, kind(n.value))
	case v < least && n.name == "concurrency":
		n.fail(`write a number from 1 on, "auto", or "none" for no limit`, "%s is %d, less than %d", n.name, v, least)
	case v < least:
		n.fail("write a larger number, or leave it out", "%s is %d, less than %d", n.name, v, least)
	case v > most:
		n.fail("write a smaller number", "%s is %d, more than %d", n.name, v, most)
	default:
		return found(n, int(v))
	}
	return setting[int]{}
}

func (n node) rate() setting[rate.List] {
	text, ok := n.text(`write "100/s", "5000/m", several with commas, or "none"`)
	if !ok {
		return setting[rate.List]{}
	}
	if text == none {
		return found(n, rate.List(nil))
	}
	list, err := rate.Parse(text)
	if bad, ok := errors.AsType[*rate.InvalidError](err); ok {
		n.fail(bad.Hint, "%s is %s: %s", n.name, quote(text), bad.Problem)
		return setting[rate.List]{}
	}
	return found(n, list)
}

func (n node) retry() retries {
	var r retries
	n.table([]field{
		{"max", func(n node) { r.max = n.count(0, math.MaxInt32) }, ""},
		{"base", func(n node) { r.base = n.duration() }, ""},
		{"cap", func(n node) { r.cap = n.duration() }, ""},
		{"max_retry_after", func(n node) { r.maxRetryAfter = n.duration() }, ""},
	}, `write retry = { max = 3, base = "500ms" }`)
	return r
}

func (n node) duration() setting[time.Duration] {
	const hint = `write a time with its unit, in quotes: "500ms", "30s", "10m"`
	text, ok := n.text(hint)
	if !ok {
		return setting[time.Duration]{}
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		n.fail(hint, "%s is %s, which is no time", n.name, quote(text))
	case d <= 0:
		n.fail(hint, "%s is %s, not above zero", n.name, quote(text))
	default:
		return found(n, d)
	}
	return setting[time.Duration]{}
}
