package fetch

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/penstock-go/penstock/rate"
)

// perHost is the Policy of a run that is given none: the same limits for each
// host.
type perHost Limits

func (p perHost) Bucket(u *url.URL) Bucket { return Bucket{HostKey(u), Limits(p)} }

// HostKey names the host that a request counts for: its name in lower case, and
// the port.
func HostKey(u *url.URL) string {
	host := u.Host
	if u.Port() == "" {
		port := ":80"
		if u.Scheme == "https" {
			port = ":443"
		}
		host = strings.TrimSuffix(host, ":") + port
	}
	return strings.ToLower(host)
}

// rateSlack makes up for timers that are late, by up to a millisecond. What it
// adds to any window is half a request at 100/s.
const rateSlack = 5 * time.Millisecond

// Paced returns rates as a run keeps those of its buckets, and as is best for
// Options.Rate: with 5 ms of Slack where they have no Burst and no Slack of their
// own.
func Paced(rates rate.List) rate.List {
	rates = slices.Clone(rates)
	for i := range rates {
		if r := &rates[i]; r.Burst == 0 && r.Slack == 0 {
			r.Slack = rateSlack
		}
	}
	return rates
}

// SetPolicy puts another Policy in the place of Options.Policy while the run goes
// on. What is in flight is not concerned. Buckets that keep their key keep what
// they know, such as a hold that their server has asked for.
func (e *Engine) SetPolicy(p Policy) error {
	if p == nil {
		return errors.New("fetch: no policy")
	}
	e.sched.setPolicy(p)
	return nil
}

// SetConcurrency changes Options.Concurrency while the run goes on. Lowering it
// interrupts nothing: nothing starts until fewer are in flight. Raising it raises
// the bounds of the Transport's connections, as far as they were the same number
// and the Transport is of net/http or of package h1, and the look-ahead.
func (e *Engine) SetConcurrency(n int) error {
	if n < 1 {
		return fmt.Errorf("fetch: concurrency %d: at least 1 is needed", n)
	}
	e.conduit.grow(n)
	e.sched.setLimit(n)
	return nil
}

// Pause lets nothing new start until Resume. What is in flight goes on.
func (e *Engine) Pause() { e.sched.pause(true) }

// Resume ends a Pause.
func (e *Engine) Resume() { e.sched.pause(false) }
