package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/penstock-go/penstock/fetch/h1"
	"github.com/penstock-go/penstock/fetch/warc"
)

// An attempt is what one request brought.
type attempt struct {
	status      int
	header      http.Header
	proto       string
	body        []byte // in the worker's buffer
	bytes       int64
	err         *Error
	start       time.Time
	ttfb, total time.Duration
	connect     time.Duration // of ttfb
	// wait is what a Retry-After asks for, if the server has told one.
	wait time.Duration
	told bool
	// limited says that a 403 means too many requests, as GitHub's does.
	limited bool
	stored  *storedBody // instead of body, if Options.Bodies has it
	// reused says that header is the next attempt's as well.
	reused bool
	// exchange is for an archive; nil if no response came or none is kept.
	exchange *warc.Exchange
}

// try makes j's request once. It returns when the body is read or given up.
func (w *worker) try(ctx context.Context, j *job) *attempt {
	a := &w.last
	*a = attempt{start: j.picked}
	if j.share != nil || j.total != nil { // it has waited since
		a.start = time.Now()
	}
	resp, err := w.call(j, a)
	var ip *netip.Addr
	req := &w.req
	if err != nil && errors.Is(err, h1.ErrNotServed) {
		if t := w.e.opts.Timeout; t > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, t-j.spent)
			defer cancel()
		}
		ctx, end := j.under(ctx)
		defer end()
		w.connection.reset()
		j.request(req)
		req = req.WithContext(ctx)
		if w.e.opts.KeepExchanges {
			ip = new(netip.Addr)
			req = w.e.traced(req, ip)
		}
		resp, err = w.e.conduit.transport().RoundTrip(req)
		a.ttfb = time.Since(a.start)
		a.connect = w.connection.took(a.ttfb)
	}
	if err != nil {
		a.err = w.explain(err)
		a.total = time.Since(a.start)
		return a
	}
	a.status, a.header, a.proto = resp.StatusCode, resp.Header, resp.Proto
	w.e.hint(j, a)
	a.err = w.read(a, resp)
	resp.Body.Close()
	a.total = time.Since(a.start)
	if w.e.opts.KeepExchanges {
		a.exchange = &warc.Exchange{
			Date: a.start, Request: req, RequestBody: j.body, Response: resp,
			Body: a.body, Truncated: truncation(a.err), IP: *ip,
		}
	}
	return a
}

// call makes the request by the worker's Caller, if it has one and that serves it.
// What an archive keeps outlives the next request, and a lease has a context of its
// own, so it is for neither.
func (w *worker) call(j *job, a *attempt) (*http.Response, error) {
	if w.caller == nil || w.e.opts.KeepExchanges || j.share != nil || j.total != nil {
		return nil, h1.ErrNotServed
	}
	j.request(&w.req)
	var until time.Time
	if t := w.e.opts.Timeout; t > 0 {
		until = a.start.Add(t - j.spent)
	}
	resp, err := w.caller.Do(&w.req, until)
	a.ttfb = time.Since(a.start)
	a.connect = min(w.caller.Waited(), a.ttfb)
	a.reused = true
	return resp, err
}

func (w *worker) explain(err error) *Error {
	e := classify(err)
	if errors.Is(err, context.DeadlineExceeded) && w.e.opts.Timeout > 0 {
		e.Message = fmt.Sprintf("not done within %v", w.e.opts.Timeout)
	}
	return e
}

// request makes req the one to send next.
func (j *job) request(req *http.Request) {
	*req = http.Request{
		Method: j.method, URL: j.url, Host: j.url.Host, Header: j.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if host := firstOf(j.header["Host"]); host != "" {
		req.Host = host
	}
	if len(j.body) > 0 {
		body := j.body // not j's: it may be another's, or another request's, when this is called
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
	}
}

func tooLarge(most int64) *Error {
	return &Error{Class: TooLarge, Message: fmt.Sprintf("body is over %d bytes", most)}
}

func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return fmt.Sprintf("%d %s", status, text)
	}
	return fmt.Sprintf("status %d", status)
}
