package fetch

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/penstock-go/penstock/httplimit"
)

// A worker makes one request at a time; it is the slot.
type worker struct {
	e   *Engine
	buf bytes.Buffer
	rec Record
}

func (e *Engine) work(ctx context.Context) {
	w := &worker{e: e}
	for j := e.sched.next(); j != nil; j = e.sched.next() {
		w.do(ctx, j)
	}
}

// do makes one request of j and sends j on: to its record, to wait for a
// retry, or to the host that a redirect names.
func (w *worker) do(ctx context.Context, j *job) {
	e := w.e
	if j.tooDear {
		w.finish(j, &attempt{err: &Error{
			Class: InvalidInput, Message: fmt.Sprintf("cost %d is more than the rate ever gives", j.item.Cost),
		}, start: time.Now()})
		return
	}
	if j.spent == 0 {
		j.attempts++
		j.started = time.Now()
	}
	a := w.try(ctx, j)
	j.active += a.total
	if a.err != nil && ctx.Err() != nil {
		e.sched.abandon(j)
		return
	}
	if a.err != nil && j.shortages < patience(a.err.Err) {
		j.shortages++
		e.standBack(j)
		return
	}
	if a.err == nil {
		followed, err := e.redirect(j, &a)
		if followed {
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
	if a.err != nil && e.retry(j, &a) {
		return
	}
	w.finish(j, &a)
}

// standBack is for an attempt that never began because this machine has run
// out of files, ports or buffers: it does not count. The run gets slower,
// connections that nobody uses are given back, and the item tries again soon.
func (e *Engine) standBack(j *job) {
	now := time.Now()
	e.sched.ease(now)
	if t, ok := e.opts.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	if j.spent == 0 {
		j.attempts--
	}
	e.tally.shortage()
	e.sched.retry(j, now.Add(e.opts.Retry.shortage(j.shortages)))
}

// hint obeys a Retry-After: it holds the host, as soon as the header is there,
// and notes for how long.
func (e *Engine) hint(j *job, a *attempt) {
	if a.status < 300 {
		return
	}
	now := time.Now()
	a.wait, a.told = httplimit.ParseRetryAfter(a.header, now)
	if a.told && a.wait > 0 {
		hold := min(a.wait, e.opts.Retry.MaxRetryAfter)
		e.sched.hold(j, now.Add(hold+spread(hold)))
	}
}

// retry lets j wait for another attempt, if there is to be one.
func (e *Engine) retry(j *job, a *attempt) bool {
	r, wait := e.opts.Retry, a.wait
	if j.attempts > r.Max || wait > r.MaxRetryAfter ||
		!worthRetrying(a.err, a.status) || !mayRepeat(j, a.err, a.status) {
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
		Started: j.started, Queue: max(0, time.Since(j.admitted)-j.active),
		TTFB: a.ttfb + j.spent, Total: a.total + j.spent, Bytes: a.bytes, Proto: a.proto,
	}
	if j.redirects > 0 {
		r.FinalURL = j.url.String()
	}
	if a.header != nil {
		r.ContentType = a.header.Get("Content-Type")
	}
	if w.e.opts.KeepHeader {
		r.Header = a.header
	}
	if w.e.opts.KeepBody && a.err.keepsBody() {
		r.Body = a.body
	}
	w.e.put(r)
	w.e.advance(w.e.sched.finish(j))
	if w.buf.Cap() > keepBuffer {
		w.buf = bytes.Buffer{}
	}
}

// keepsBody says that there is a whole body, if not a welcome one.
func (e *Error) keepsBody() bool { return e == nil || e.Class == Status }

// scratch is a buffer to read through what nobody keeps.
func (w *worker) scratch() []byte {
	w.buf.Reset()
	w.buf.Grow(32 << 10)
	return w.buf.AvailableBuffer()[:32<<10]
}
