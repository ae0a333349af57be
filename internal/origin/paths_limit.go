package origin

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

var limitRoutes = []route{
	{name: "flaky", form: "/flaky/K/ID or /flaky/P/ID", example: "/flaky/2/a, /flaky/0.1/a", help: "503 to the first K requests; or to each with probability P (has a point), by seed, path and attempt", serve: serveFlaky},
	{name: "429", form: "/429/K/ID", example: "/429/2/a", help: "429 without Retry-After to the first K requests", serve: serve429},
	{name: "retry-after", form: "/retry-after/SECONDS/K/ID", example: "/retry-after/1/2/a?headers=date", help: "429 with Retry-After to the first K requests", serve: serveRetryAfter},
	{name: "cap", form: "/cap/N/MS[/...]", example: "/cap/10/50/a", help: "at most N at once, each taking MS ms: one more gets 503 at once", serve: serveCap, ownDelay: true},
	{name: "workers", form: "/workers/N/MS[/...]", example: "/workers/37/50/a", help: "as /cap, but who finds no room waits in line", serve: serveWorkers, ownDelay: true},
	{name: "rate", form: "/rate/N[/...][?burst=B]", example: "/rate/100/a?burst=10", help: "a bucket of B tokens (default N) that fills by N a second: 429 when it is empty", serve: serveRate, ownDelay: true},
	{name: "quota", form: "/quota/N/SECONDS[/...]", example: "/quota/1000/10/a?headers=ratelimit", help: "N requests in each window of SECONDS, then 429", serve: serveQuota, ownDelay: true},
	{name: "shape", form: "/shape/N[/...]", example: "/shape/100/a", help: "lets N a second through by delaying the others", serve: serveShape},
}

// attempt counts the requests for this path on this host, from 1.
func (x *exchange) attempt() uint32 {
	return x.srv.memory.attempt(mix(x.r.URL.Path, uint64(x.host.index)))
}

// deny answers a refused request with the query's status, or the usual one.
func (x *exchange) deny(usual int) {
	status, err := strconv.Atoi(x.query("status"))
	if err != nil || status < 200 || status > 999 {
		status = usual
	}
	x.text(status, "refused: %s", x.r.URL.Path)
}

func serveFlaky(x *exchange, r *route) {
	how := x.arg()
	attempt := x.attempt()
	var fails bool
	if strings.Contains(how, ".") {
		p, err := strconv.ParseFloat(how, 64)
		if err != nil || !(p >= 0 && p <= 1) {
			x.refuse(r)
			return
		}
		fails = unit(mix(x.r.URL.Path, x.srv.opts.Seed, uint64(attempt))) < p
	} else {
		k, err := strconv.ParseUint(how, 10, 31)
		if err != nil {
			x.refuse(r)
			return
		}
		fails = uint64(attempt) <= k
	}
	if fails {
		x.deny(http.StatusServiceUnavailable)
		return
	}
	x.ok()
}

func serve429(x *exchange, r *route) {
	k, ok := x.number(1 << 31)
	switch {
	case !ok:
		x.refuse(r)
	case int64(x.attempt()) <= k:
		x.deny(http.StatusTooManyRequests)
	default:
		x.ok()
	}
}

func serveRetryAfter(x *exchange, r *route) {
	seconds, ok1 := x.number(1 << 20)
	k, ok2 := x.number(1 << 31)
	if !ok1 || !ok2 {
		x.refuse(r)
		return
	}
	if int64(x.attempt()) > k {
		x.ok()
		return
	}
	d := time.Duration(seconds) * time.Second
	x.quotaHeaders(budget{limit: k, reset: d, window: d, refused: true})
	x.deny(http.StatusTooManyRequests)
}

// held reads N and MS of a path and finds its gate.
func (x *exchange) held(kind string) (*gate, time.Duration, bool) {
	n, ok1 := x.number(1 << 20)
	d, ok2 := x.millis()
	if !ok1 || !ok2 || n == 0 {
		return nil, 0, false
	}
	key := limitKey{kind: kind, host: x.host.index, n: n}
	return limit(&x.srv.memory, key, func() *gate { return newGate(n) }), d, true
}

// work holds a place in the gate for as long as the answer takes.
func (x *exchange) work(g *gate, d time.Duration) {
	x.onEnd = g.leave
	if x.delay() && x.wait(d) {
		x.ok()
	}
}

func serveCap(x *exchange, r *route) {
	g, d, ok := x.held("cap")
	switch {
	case !ok:
		x.refuse(r)
	case !g.tryEnter():
		x.deny(http.StatusServiceUnavailable)
	default:
		x.work(g, d)
	}
}

func serveWorkers(x *exchange, r *route) {
	g, d, ok := x.held("workers")
	switch {
	case !ok:
		x.refuse(r)
	case g.enter(x.r.Context().Done()):
		x.work(g, d)
	}
}

func serveRate(x *exchange, r *route) {
	n, ok := x.number(1 << 30)
	if !ok || n == 0 {
		x.refuse(r)
		return
	}
	burst, err := strconv.ParseInt(x.query("burst"), 10, 31)
	if err != nil || burst < 1 {
		burst = n
	}
	now := time.Now()
	b := limit(&x.srv.memory, limitKey{"rate", x.host.index, n, burst}, func() *bucket {
		return newBucket(float64(n), float64(burst), now)
	})
	wait, left := b.take(now)
	until := wait
	if wait == 0 && left < 1 {
		until = time.Duration((1 - left) / float64(n) * float64(time.Second))
	}
	x.quotaHeaders(budget{limit: n, left: int64(left), reset: until, window: time.Second, refused: wait > 0})
	x.admitted(wait == 0)
}

// admitted answers well or not.
func (x *exchange) admitted(ok bool) {
	if !ok {
		x.deny(http.StatusTooManyRequests)
	} else if x.delay() {
		x.ok()
	}
}

func serveQuota(x *exchange, r *route) {
	n, ok1 := x.number(1 << 30)
	seconds, ok2 := x.number(1 << 20)
	if !ok1 || !ok2 || n == 0 || seconds == 0 {
		x.refuse(r)
		return
	}
	window := time.Duration(seconds) * time.Second
	q := limit(&x.srv.memory, limitKey{"quota", x.host.index, n, seconds}, func() *quota {
		return &quota{limit: n, window: window}
	})
	ok, left, reset := q.take(time.Now())
	x.quotaHeaders(budget{limit: n, left: left, reset: reset, window: window, refused: !ok})
	x.admitted(ok)
}

func serveShape(x *exchange, r *route) {
	n, ok := x.number(1 << 30)
	if !ok || n == 0 {
		x.refuse(r)
		return
	}
	l := limit(&x.srv.memory, limitKey{kind: "shape", host: x.host.index, n: n}, func() *line { return new(line) })
	if x.wait(l.join(time.Now(), time.Second/time.Duration(n))) {
		x.ok()
	}
}
