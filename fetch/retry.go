package fetch

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// Retry says how often and when a failed attempt is repeated.
type Retry struct {
	// Max is the number of retries after the first attempt; 0 means none.
	Max int
	// Base and Cap bound the exponential backoff: before retry k (from 0) an
	// item waits a random time up to min(Cap, Base * 2^k) ("full jitter").
	// 0 means 500 ms and 30 s.
	Base, Cap time.Duration
	// MaxRetryAfter is the longest that a server's Retry-After may hold its
	// host; an item that is told to wait longer fails at once. 0 means
	// 10 min.
	MaxRetryAfter time.Duration
}

func (r *Retry) setDefaults() {
	if r.Base <= 0 {
		r.Base = 500 * time.Millisecond
	}
	if r.Cap <= 0 {
		r.Cap = 30 * time.Second
	}
	if r.MaxRetryAfter <= 0 {
		r.MaxRetryAfter = 10 * time.Minute
	}
}

// backoff is exponential with full jitter; see "Exponential Backoff And
// Jitter", AWS Architecture Blog, 2015.
func (r Retry) backoff(k int) time.Duration {
	most := r.Base
	for ; k > 0 && most < r.Cap; k-- {
		if most > r.Cap/2 {
			most = r.Cap
		} else {
			most *= 2
		}
	}
	return time.Duration(rand.Float64() * float64(min(most, r.Cap)))
}

// shortage is how long an item stands back for the k-th time (from 1).
func (r Retry) shortage(k int) time.Duration {
	const base, most = 50 * time.Millisecond, 5 * time.Second
	d := min(base*time.Duration(k), most)
	return d + rand.N(d)
}

// spread is added to a Retry-After, so that the machines that were told to wait for the
// same moment do not come back in the same instant. Share is from 0 to 1, and one
// number for a hold: many answers ask for the same one, and the longest of their
// waits counts, which of many random ones would always be near the most.
func spread(wait time.Duration, share float64) time.Duration {
	return time.Duration(share * float64(min(wait/50, time.Second)))
}

// worthRetrying says that another attempt might end otherwise.
func worthRetrying(e *Error, status int) bool {
	switch e.Class {
	case Connect, Timeout, Reset:
		return true
	case DNS:
		dns, ok := errors.AsType[*net.DNSError](e.Err)
		return !ok || !dns.IsNotFound
	case Status:
		switch status {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
			http.StatusInternalServerError, http.StatusBadGateway,
			http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
	}
	return false
}

// mayRepeat says that sending the request twice does no harm: by its method
// (RFC 9110, section 9.2.2), because it carries an idempotency key, because
// the server cannot have acted on it, or because it said that it did not.
func mayRepeat(j *job, e *Error, status int) bool {
	switch j.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	if j.header.Get("Idempotency-Key") != "" {
		return true
	}
	switch e.Class {
	case DNS, Connect:
		return true
	case Status:
		return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
	}
	return false
}
