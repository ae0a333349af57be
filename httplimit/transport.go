package httplimit

import (
	"errors"
	"io"
	"net/http"

	"github.com/penstock-go/penstock"
)

// A Transport is an http.RoundTripper that holds the requests it passes on to
// another to limits: so many at once in total and to each host, and so often.
// It heeds what servers say of their limits, and repeats what failed. See the
// package text.
//
// Make it with New; the zero Transport is not ready for use. All methods may
// be called at the same time by any number of goroutines. It owns no
// goroutine.
type Transport struct {
	opts   Options
	limits *limits
	shares shares
}

// New returns a Transport. An error is ErrOptions, with what is wrong.
func New(opts Options) (*Transport, error) {
	opts, err := opts.check()
	if err != nil {
		return nil, err
	}
	l, err := newLimits(opts)
	if err != nil {
		return nil, err
	}
	return &Transport{opts: opts, limits: l}, nil
}

// NewClient returns an http.Client on a new Transport, which is its Transport
// field. An error is ErrOptions.
//
// The client's Timeout, if it is set, counts the time that a request waits for
// its permit, and for its retries, too. To limit only what happens on the wire,
// set timeouts of the Base.
func NewClient(opts Options) (*http.Client, error) {
	t, err := New(opts)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: t}, nil
}

// RoundTrip waits until the limits allow req, passes it to the Base, and
// returns the response, whose Body holds the permit until it was read to its
// end or to an error, or closed. A response that has switched protocols (101)
// holds it until it is closed. Where the Base panics the permit is given back
// as the panic passes.
//
// Where req is repeated, the bodies of the responses before the last one are
// closed, and no permit is held in between. When there may be no more retries
// the last response is returned, whatever its status.
//
// Besides the errors of the Base, it returns
//   - an error that wraps context.Cause of the request's context, when that ends
//     while it waits;
//   - a *HostError that is context.DeadlineExceeded, at once, if the host is
//     held by a hint until after the context's deadline;
//   - a *HostError that is ErrCircuitOpen;
//   - ErrClosed;
//   - a *rate.DeadlineError and what else Options.Limiter and
//     HostLimits.Limiter return;
//   - an error that is penstock.ErrOverLimit, where the cost of req is more
//     than some limit could ever give.
//
// The request was then not sent, and its body is closed.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.opts.Share.On && mayShare(req) {
		return t.share(req)
	}
	return t.send(req)
}

// send is RoundTrip for one caller.
func (t *Transport) send(req *http.Request) (*http.Response, error) {
	if req.URL == nil {
		closeBody(req)
		return nil, errors.New("httplimit: a request without a URL")
	}
	key, cost := keyOf(req.URL), 1
	if t.opts.Cost != nil {
		cost = t.opts.Cost(req)
	}
	for n, again := 0, req; ; n++ {
		x := &exchange{l: t.limits, req: again}
		if err := t.limits.acquire(req.Context(), key, cost, n > 0, x); err != nil {
			closeBody(again)
			return nil, err
		}
		resp, r, ok, err := t.try(n, x)
		if !ok {
			return resp, err
		}
		if resp != nil {
			discard(resp)
		}
		if err := t.limits.sleep(req.Context(), r.wait); err != nil {
			closeBody(r.req)
			return nil, err
		}
		again = r.req
	}
}

// try makes x's attempt, the n-th, and says whether it is to be repeated. The
// permit is held by the response's body, if it has one.
func (t *Transport) try(n int, x *exchange) (resp *http.Response, r repeat, again bool, err error) {
	panicked := true
	defer func() {
		if panicked { // the Base, somebody's Limiter, or the request's GetBody
			x.end(penstock.Failure)
			if x.body != nil {
				x.body.Close()
			}
		}
	}()
	resp, err = t.opts.Base.RoundTrip(x.req)
	t.limits.learn(x, resp, err)
	if resp != nil && err == nil {
		x.wrap(resp)
	}
	r, again = t.retry(x.req, err, n, x)
	x.answered() // not before: what retry asks is of the entry it pins
	panicked = false
	return resp, r, again, err
}

// Close fails the requests that wait for their permits or to be repeated, and
// all that come, with ErrClosed. Requests under way, and bodies not yet read,
// go on. It closes the idle connections of the Base, waits for nothing and
// returns nil; to close again does nothing.
func (t *Transport) Close() error {
	t.limits.close()
	t.CloseIdleConnections()
	return nil
}

// CloseIdleConnections closes those of the Base, if it can. It is what
// http.Client.CloseIdleConnections calls.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.opts.Base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// closeBody closes the body of a request that is not sent, as a RoundTripper
// must.
func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

var _ io.Closer = (*Transport)(nil)
