package display

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
)

// Printable is s with a question mark for whatever could move a terminal's
// cursor, change its state, or turn the direction of what follows.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// hostName is a bucket's name as it is shown: without the port that goes
// without saying.
func hostName(s string) string {
	return Printable(strings.TrimSuffix(strings.TrimSuffix(s, ":443"), ":80"))
}

// span is a time that goes on: whole seconds, so that the figures keep their
// places.
func span(d time.Duration) string {
	if d < time.Second && d > 0 {
		return "< 1 s"
	}
	s := int64(d.Round(time.Second) / time.Second)
	switch day := int64(24 * 3600); {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 2*day:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	case s < 1000*day:
		return fmt.Sprintf("%d days", s/day)
	}
	return "years"
}

// left is how long until t, for people: rounded up, since a countdown that
// says 0 should be over.
func left(now, t time.Time) string {
	s := max(0, (t.Sub(now)+time.Second-1)/time.Second)
	return span(s * time.Second)
}

// limitFrom is where the limit of all in flight comes from.
func (s State) limitFrom() string {
	if s.Limits.Concurrency > 0 && s.Stats.Limit < s.Limits.Concurrency {
		return "machine"
	}
	return s.Limits.From
}

// hostFrom is where a host's limit comes from.
func (s State) hostFrom(auto bool) string {
	if auto {
		return "found"
	}
	return s.Limits.PerHost
}

// waiting is what the run waits for, and for how long. A host comes last: it is
// what can be cut off.
func (s State) waiting() string {
	w := s.Wait
	host := hostName(w.Bucket)
	in := ""
	if !w.Until.IsZero() {
		in = " " + left(s.Now, w.Until)
	}
	switch w.Reason {
	case fetch.None:
		return "for nothing"
	case fetch.Concurrency:
		if s.Limits.From == "" {
			return fmt.Sprintf("for the limit of %d", w.Limit)
		}
		return "for " + s.Limits.From + limitNumber(s.Limits.From, w.Limit)
	case fetch.HostConcurrency:
		return fmt.Sprintf("for the limit of %d: %s", w.Limit, host)
	case fetch.TotalRate: // over at once, and there again: no countdown
		return "for " + strings.TrimSpace("--rate "+s.Limits.Rate)
	case fetch.HostRate:
		return fmt.Sprintf("for the rate of %s: %s", w.Rate, host)
	case fetch.Elsewhere:
		if host == "" {
			return "for what is shared: --store"
		}
		return "for what is shared: " + host
	case fetch.RetryAfter:
		return "for Retry-After" + in + ": " + host
	case fetch.Backoff:
		return "for retries" + in
	case fetch.Input:
		return "for the input"
	case fetch.SlowHead:
		return "for the oldest item"
	case fetch.Shortage:
		return "for this machine: files, ports"
	case fetch.Paused:
		return "for you: it is paused"
	case fetch.Last:
		return "for the last answers"
	}
	return "for " + Printable(string(w.Reason)) + in
}

// limitNumber is the number after -c, which "-c auto" has no room for.
func limitNumber(from string, n int) string {
	if from == "-c" {
		return " " + strconv.Itoa(n)
	}
	return fmt.Sprintf(", %d", n)
}

// rate is a number of records per second, or a dash before anything is known.
func rate(r float64) string {
	if r == 0 {
		return "0/s"
	}
	return report.PerSecond(r)
}
