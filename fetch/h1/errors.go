package h1

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// A timeoutError is a time of the Options that is over.
type timeoutError struct{ text string }

func (e *timeoutError) Error() string { return e.text }

// Timeout makes it a timeout of package net.
func (e *timeoutError) Timeout() bool { return true }

// Temporary belongs to net.Error.
func (e *timeoutError) Temporary() bool { return true }

// Is makes it a context.DeadlineExceeded, as net/http's is.
func (e *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

var (
	errHandshakeTimeout = &timeoutError{"h1: TLS handshake timeout"}
	errHeaderTimeout    = &timeoutError{"h1: timeout awaiting response headers"}
	errHeaderTooLarge   = errors.New("h1: server response headers exceeded the limit")
	errStale            = errors.New("h1: the idle connection was closed or spoken on by the server")
	errClosedBody       = errors.New("h1: read on closed response body")
	errCannotRewind     = errors.New("h1: cannot send the body again after the connection was lost")
)

// An unansweredError is a failure of which the server has shown no sign of
// having seen the request, on a connection that was used before: the request
// may be sent again.
type unansweredError struct{ err error }

func (e *unansweredError) Error() string { return e.err.Error() }

// Unwrap returns the failure.
func (e *unansweredError) Unwrap() error { return e.err }

// again is the request with its body from the start.
func (e *unansweredError) again(req *http.Request) (*http.Request, error) {
	if !hasBody(req) {
		return req, nil
	}
	if req.GetBody == nil {
		return nil, fmt.Errorf("%w: %w", errCannotRewind, e.err)
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	r := *req
	r.Body = body
	return &r, nil
}
