package httplimit

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

// A repeat is a request to be made again, after a wait.
type repeat struct {
	req  *http.Request
	wait time.Duration
}

// retry says whether and when the request of x, the n-th attempt of req, is to
// be repeated. x still holds its permit.
func (t *Transport) retry(req *http.Request, err error, n int, x *exchange) (repeat, bool) {
	o := &t.opts.Retry
	ctx := req.Context()
	if n >= o.Max || ctx.Err() != nil || !worthRetrying(x.status, err) || !mayRepeat(req, x.status, err) || !canRewind(req) {
		return repeat{}, false
	}
	wait := o.backoff(n)
	if told := x.told; told > 0 {
		wait = told // the host is held for so long, and some more
	}
	if wait > t.opts.MaxRetryAfter || !t.limits.takeRetry(ctx, wait, x) {
		return repeat{}, false
	}
	if x.told > 0 {
		wait = 0
	}
	again, err := rewind(req)
	if err != nil {
		return repeat{}, false
	}
	return repeat{again, wait}, true
}

// takeRetry takes a retry of the budget of x's host, if it would come before
// ctx's deadline.
func (l *limits) takeRetry(ctx context.Context, wait time.Duration, x *exchange) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, h := time.Now(), x.grant.h
	deadline, ok := ctx.Deadline()
	if l.closed || ok && !deadline.After(later(now.Add(wait), h.held)) {
		return false
	}
	if !h.budget.take(l.opts.Retry.Budget, now) {
		l.count.denied++
		return false
	}
	l.count.retries++
	return true
}

// backoff is exponential with full jitter; see "Exponential Backoff And
// Jitter", AWS Architecture Blog, 2015.
func (r *Retry) backoff(k int) time.Duration {
	most := min(r.Base, r.Cap)
	for ; k > 0 && most < r.Cap; k-- {
		if most > r.Cap/2 {
			most = r.Cap
		} else {
			most *= 2
		}
	}
	return time.Duration(rand.Float64() * float64(most))
}

// mayRepeat says that sending the request twice does no harm: by its method
// (RFC 9110, section 9.2.2), because it carries an idempotency key, because
// the server cannot have acted on it, or because it said that it did not.
func mayRepeat(req *http.Request, status int, err error) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if _, ok := req.Header[name]; ok {
			return true
		}
	}
	return err == nil && refused(status) || err != nil && neverConnected(err)
}

func canRewind(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// rewind returns req with its body at the beginning.
func rewind(req *http.Request) (*http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	again := *req
	again.Body = body
	return &again, nil
}

// The most of a body, and the longest, that is read in order to keep its
// connection.
const (
	drainMost = 16 << 10
	drainTime = 50 * time.Millisecond
)

// discard ends a response that nobody will see.
func discard(resp *http.Response) {
	if resp.Body == nil {
		return
	}
	if resp.ContentLength <= drainMost {
		late := make(chan struct{})
		stop := time.AfterFunc(drainTime, func() { resp.Body.Close(); close(late) })
		_, _ = io.CopyN(io.Discard, resp.Body, drainMost+1) // an error ends it as well
		if !stop.Stop() {
			<-late
		}
	}
	resp.Body.Close()
}

// sleep waits before a retry, holding nothing.
func (l *limits) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	l.mu.Lock()
	l.count.sleeping++
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.count.sleeping--
		l.mu.Unlock()
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	case <-l.life.Done():
		return ErrClosed
	}
}
