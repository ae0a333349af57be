package httplimit

import (
	"math"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

// idleTime is how long a host's entry is kept without requests, so that a
// client which makes one after the other does not make one for each.
const idleTime = time.Second

// A hostKey is what a limit per host counts by. Both strings are usually parts
// of the URL, so that to make one costs nothing.
type hostKey struct{ name, port string }

func keyOf(u *url.URL) hostKey {
	k := hostKey{strings.ToLower(u.Hostname()), u.Port()}
	if k.port == "" {
		k.port = "80"
		if u.Scheme == "https" {
			k.port = "443"
		}
	}
	return k
}

func (k hostKey) String() string { return net.JoinHostPort(k.name, k.port) }

// A host is what a Transport knows of one host. It is guarded by limits.mu.
type host struct {
	l    *limits
	key  hostKey
	name string

	limit    int
	inFlight int
	queue    waitQueue
	rates    []hostRate
	given    penstock.Limiter // the caller's, or nil
	composed penstock.Limiter // of this and what else limits it; nil if nothing does
	visitors int              // requests that wait in composed

	held    time.Time // no request before this
	late    float64   // by which share of what may be added it is held longer
	quota   remains
	sent    int64 // requests
	pace    pace
	budget  budget
	breaker breaker

	// The host's places among those with something to do: in limits.ready,
	// whose turn comes, and in limits.timed, where something happens at due.
	prev, next *host
	isReady    bool
	turn       bool // it is this one's turn, for the Waiter that stands for it
	due        time.Time
	index      int  // in timed, or -1
	used       bool // since it was last looked at
}

// A hostRate is a rate that is the Transport's own, so that whoever has
// limits.mu may look first and take later.
type hostRate struct {
	limiter *rate.Limiter
	line    penstock.Line
}

func newHostRate(l *rate.Limiter) hostRate { return hostRate{l, l.Line()} }

// wait returns how long it will be until n units can be taken.
func (r hostRate) wait(n int) (time.Duration, error) {
	r.line.Lock()
	defer r.line.Unlock()
	return r.line.Room(math.MaxUint64, n)
}

// take takes n units, which are there.
func (r hostRate) take(n int) penstock.Permit {
	r.line.Lock()
	defer r.line.Unlock()
	return r.line.Take(n)
}

// recovers is an upper bound of when l remembers nothing any more.
func recovers(l *rate.Limiter, now time.Time) time.Time {
	if l.Idle(now) {
		return now
	}
	var longest time.Duration
	for _, r := range l.Rates() {
		longest = max(longest, time.Duration(float64(r.Per)/float64(r.Count)*float64(max(r.Burst, 1))))
	}
	return now.Add(max(longest, l.Stats().Wait, time.Millisecond))
}

// An idler is a limit that knows when it remembers nothing, as those of this module
// do that learn; see keyed.Idler.
type idler interface{ Idle(now time.Time) bool }

// idleAgain is how long it takes until an idler is asked again.
const idleAgain = 10 * time.Second

// busy reports whether requests are at work or wait.
func (h *host) busy() bool { return h.inFlight > 0 || h.visitors > 0 || h.queue.first != nil }

// expires is when an idle host's entry says nothing that a new one would not.
func (h *host) expires(now time.Time) time.Time {
	at := now
	for _, r := range h.rates {
		at = later(at, recovers(r.limiter, now))
	}
	at = later(at, h.held)
	at = later(at, h.quota.until)
	at = later(at, h.pace.until)
	at = later(at, h.budget.full(now))
	if l, ok := h.given.(idler); ok && !l.Idle(now) {
		at = later(at, now.Add(idleAgain))
	}
	return later(at, h.breaker.until)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
