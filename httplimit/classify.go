package httplimit

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/penstock-go/penstock"
)

// statusOverloaded is what Anthropic's API and others answer when they have too
// much to do.
const statusOverloaded = 529

// outcomeOf is what a limit may learn from a status, or from an error.
func outcomeOf(req *http.Request, status int, err error) penstock.Outcome {
	switch {
	case err == nil && refused(status) || status == http.StatusGatewayTimeout:
		return penstock.Overload
	case err == nil && status < 400:
		return penstock.Success
	case err == nil:
		return penstock.Failure
	case errors.Is(err, context.Canceled), errors.Is(req.Context().Err(), context.Canceled):
		return penstock.Ignored // net/http returns the cause, which may be any error
	case isTimeout(err), req.Context().Err() != nil:
		return penstock.Overload
	}
	return penstock.Failure
}

// refused says that the status means too much to do, and nothing done.
func refused(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == statusOverloaded
}

// broke says that the status is a failure of the server.
func broke(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// worthRetrying says that another attempt might end otherwise.
func worthRetrying(status int, err error) bool {
	if err != nil {
		return mayPass(err)
	}
	return refused(status) || broke(status) || status == http.StatusRequestTimeout || status == http.StatusTooEarly
}

// mayPass says that an error of the Base is of the kind that goes away.
func mayPass(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return !dns.IsNotFound
	}
	switch {
	case errors.Is(err, context.Canceled):
		return false
	case neverConnected(err), isTimeout(err):
		return true
	case isTLS(err):
		return false
	}
	return connectionEnded(err)
}

// neverConnected says that the server cannot have seen the request.
func neverConnected(err error) bool {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	if ok && (op.Op == "dial" || op.Op == "proxyconnect" || op.Op == "socks connect") {
		return true
	}
	return isTimeout(err) && strings.Contains(err.Error(), "TLS handshake timeout") // net/http has no type for it
}

func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	msg := err.Error()
	return strings.HasPrefix(msg, "tls: ") || strings.Contains(msg, ": tls: ")
}

// connectionEnded says that the connection went away under the request. net/http
// has no type for some of these, only words.
func connectionEnded(err error) bool {
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return true
	}
	for _, words := range []string{"server closed idle connection", "GOAWAY", "stream error", "http2: client conn"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}
