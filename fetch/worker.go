package fetch

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/fetch/h1"
	"github.com/penstock-go/penstock/httplimit"
)

// A worker makes one request at a time; it is the slot.
type worker struct {
	e    *Engine
	buf  []byte
	rec  Record
	req  http.Request
	last attempt

	caller     *h1.Caller // nil for a transport that has none
	connection connecting
}

func (e *Engine) work(ctx context.Context) {
	w := &worker{e: e}
	if t, ok := e.conduit.transport().(*h1.Transport); ok {
		w.caller = t.Caller(ctx)
		defer w.caller.Close()
	}
	ctx = w.connection.watched(ctx)
	for j := e.sched.next(); j != nil; j = e.sched.next() {
		w.do(ctx, j)
		w.dropStored() // now: the next job's time counts from when it was picked
	}
}

// do makes one request of j and sends j on: to its record, to wait for a
// retry, or to the host that a redirect names.
func (w *worker) do(ctx context.Context, j *job) {
	e := w.e
	if !j.tooDear && !w.enter(j) {
		return
	}
	if j.tooDear {
		j.release(penstock.Unused)
		now := time.Now()
		if j.started.IsZero() {
			j.started = now
		}
		w.finish(j, &attempt{err: &Error{
			Class: InvalidInput, Message: fmt.Sprintf("cost %d is more than the rate ever gives", j.item.Cost),
		}, start: now})
		return
	}
	if j.spent == 0 {
		j.attempts++
	}
	a := w.try(ctx, j)
	if j.spent == 0 {
		j.started = a.start
	}
	j.active += a.total
	j.outcome = a.outcome()
	lost := j.lost()
	if j.total != nil {
		e.sched.passOn(j)
	}
	j.release(w.told(ctx, j, a, lost))
	if a.err != nil && ctx.Err() != nil {
		j.outcome = penstock.Ignored
		e.sched.abandon(j)
		return
	}
	if a.err != nil && lost != nil && e.forfeit(j, a, lost) {
		return
	}
	if a.err != nil && j.shortages < patience(a.err.Err) {
		j.shortages++
		j.outcome = penstock.Unused
		e.standBack(j)
		return
	}
	if a.err == nil {
		followed, err := e.redirect(j, a)
		if followed {
			j.keepHop(a)
			j.spent += max(a.total, 1)
			e.tally.redirect()
			e.sched.again(j)
			return
		}
		if err == nil && !e.opts.Accept.Has(a.status) {
			err = &Error{Class: Status, Message: statusText(a.status)}
		}
		a.err = err
	}
	if a.err != nil && e.retry(j, a) {
		return
	}
	w.finish(j, a)
}

// told is what the limits that are shared learn from an attempt.
func (w *worker) told(ctx context.Context, j *job, a *attempt, lost error) penstock.Outcome {
	switch {
	case a.err == nil:
	case ctx.Err() != nil, lost != nil:
		return penstock.Ignored
	case j.shortages < patience(a.err.Err):
		return penstock.Unused
	}
	return j.outcome
}

// standBack is for an attempt that never began because this machine has run
// out of files, ports or buffers: it does not count. The run gets slower,
// connections that nobody uses are given back, and the item tries again soon.
func (e *Engine) standBack(j *job) {
	now := time.Now()
	e.sched.ease(now)
	e.conduit.closeIdle()
	if j.spent == 0 {
		j.attempts--
	}
	e.tally.shortage()
	e.sched.retry(j, now.Add(e.opts.Retry.shortage(j.shortages)))
}

// hint obeys what the server says of its limits, as soon as the header is there,
// and notes for how long it wants no request.
func (e *Engine) hint(j *job, a *attempt) {
	hints := httplimit.ParseHints(a.header, a.status, a.start.Add(a.ttfb))
	if e.opts.IgnoreQuotas {
		hints.Quotas = nil
	}
	if !hints.Told && len(hints.Quotas) == 0 {
		return
	}
	a.wait, a.told = hints.RetryAfter, hints.Told
	a.limited = a.status == http.StatusForbidden && hints.Wait() > 0
	e.sched.heed(j, hints, e.retryOf(j).MaxRetryAfter)
}

// retryOf is how j's failed attempts are repeated.
func (e *Engine) retryOf(j *job) *Retry { return cmp.Or(j.retry, &e.opts.Retry) }

// outcome is what an attempt teaches a limit that finds itself.
func (a *attempt) outcome() penstock.Outcome {
	switch {
	case a.limited || a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable || a.status == statusOverloaded:
		return penstock.Overload
	case a.err != nil || a.status >= 500:
		return penstock.Failure
	}
	return penstock.Success
}

// statusOverloaded is what Anthropic's API and others answer when they have too
// much to do.
const statusOverloaded = 529

// retry lets j wait for another attempt, if there is to be one.
func (e *Engine) retry(j *job, a *attempt) bool {
	r, wait := e.retryOf(j), a.wait
	status := a.status
	if a.limited {
		status = http.StatusTooManyRequests
	}
	if j.attempts > r.Max || wait > r.MaxRetryAfter ||
		!worthRetrying(a.err, status) || !mayRepeat(j, a.err, status) {
		return false
	}
	if !a.told || wait == 0 { // "now" is no reason to come at once, and again
		wait = r.backoff(j.attempts - 1)
	}
	j.spent = 0
	e.tally.retry()
	e.sched.retry(j, time.Now().Add(wait))
	return true
}

// finish makes j's record.
func (w *worker) finish(j *job, a *attempt) {
	r := &w.rec
	*r = Record{
		Index: j.item.Index, ID: j.item.ID, URL: redactedURL(j.item.URL), Raw: j.item.raw(),
		Status: a.status, OK: a.err == nil, Attempts: j.attempts, Error: a.err,
		Started: j.started, Queue: max(0, a.start.Add(a.total).Sub(j.admitted)-j.active),
		Connect: a.connect, TTFB: a.ttfb + j.spent, Total: a.total + j.spent, Bytes: a.bytes, Proto: a.proto,
	}
	if j.redirects > 0 {
		r.FinalURL = j.url.String()
	}
	if a.header != nil {
		r.ContentType = firstOf(a.header["Content-Type"])
	}
	if w.e.opts.KeepHeader {
		if r.Header = a.header; a.reused {
			r.Header = a.header.Clone()
		}
	}
	if w.e.opts.KeepBody && a.err.keepsBody() {
		if a.stored == nil {
			r.Body = a.body
		} else if err := w.commitStored(r, a.stored); err != nil {
			w.e.fail(err)
			w.e.sched.abandon(j)
			return
		}
	}
	if r.Exchanges = j.hops; a.exchange != nil {
		r.Exchanges = append(r.Exchanges, *a.exchange)
	}
	w.e.put(r)
	w.e.settleDuplicates(j, r)
	w.e.advance(w.e.sched.finish(j))
	w.e.recycle(j)
	if cap(w.buf) > keepBuffer {
		w.e.spare.put(w.buf)
		w.buf = nil
	}
}

func firstOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// keepsBody says that there is a whole body, if not a welcome one.
func (e *Error) keepsBody() bool { return e == nil || e.Class == Status }

// scratch is a buffer to read through what nobody keeps.
func (w *worker) scratch() []byte {
	if cap(w.buf) < 32<<10 {
		w.buf = make([]byte, 32<<10)
	}
	return w.buf[:cap(w.buf)]
}
