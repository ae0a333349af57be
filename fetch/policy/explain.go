package policy

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// An Explanation says which limits a URL falls under, and why.
type Explanation struct {
	// Rule is the rule's name, or its number (from 1) if it has none, or
	// "default".
	Rule string
	// From is where the rule begins, "policy.toml:12"; "" for a default that
	// no file has.
	From string
	// Pattern is the one that matched; "" for the default.
	Pattern string
	// Bucket is what [File.Bucket] gives.
	Bucket fetch.Bucket
	// Settings are key, concurrency, rate, retry.max, retry.base, retry.cap and
	// retry.max_retry_after.
	Settings []Setting
}

// A Setting is one field's value, and where it comes from.
type Setting struct {
	// Name is the field's, such as "retry.max".
	Name string
	// Value is as the file would have it, such as "100/s" or "none".
	Value string
	// From is a line of the file ("policy.toml:12"), a flag ("--per-host"), or
	// "built in".
	From string
}

// Explain says which limits u falls under, and why.
func (f *File) Explain(u *url.URL) Explanation {
	s, p := f.find(u)
	e := Explanation{Rule: s.name, Bucket: f.Bucket(u)}
	if s.line > 0 {
		e.From = where(f.name, s.line)
	}
	if p != nil {
		e.Pattern = p.text
	}
	all := s.all
	e.Settings = []Setting{
		tell("key", all.key, func(k sharing) string { return string(k) }),
		tell("concurrency", all.concurrency, concurrency.String),
	}
	if all.concurrency.value.auto {
		most := all.most.or(setting[int]{defaultMost, fromNowhere, 0})
		e.Settings = append(e.Settings, tell("max_concurrency", most, strconv.Itoa))
	}
	e.Settings = append(e.Settings,
		Setting{"rate", s.rateText(), orNowhere(all.rate.from)},
		tell("retry.max", all.retry.max, strconv.Itoa),
		tell("retry.base", all.retry.base, formatDuration),
		tell("retry.cap", all.retry.cap, formatDuration),
		tell("retry.max_retry_after", all.retry.maxRetryAfter, formatDuration),
	)
	return e
}

func tell[T any](name string, s setting[T], text func(T) string) Setting {
	return Setting{name, text(s.value), orNowhere(s.from)}
}

func orNowhere(from string) string {
	if from == "" {
		return fromNowhere
	}
	return from
}

// String is as the file has it.
func (c concurrency) String() string {
	switch {
	case c.auto:
		return "auto"
	case c.n == 0:
		return none
	}
	return strconv.Itoa(c.n)
}

func (s *scope) rateText() string {
	if len(s.bucket.Rate) == 0 {
		return none
	}
	return s.bucket.Rate.String()
}

const none = "none"

// defaultMost is what package fetch takes for a limit that is auto.
const defaultMost = 1000

// formatDuration leaves out what is zero: 10m0s is 10m.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
