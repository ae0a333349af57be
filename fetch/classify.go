package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
)

// classify names the kind of a transport's error.
func classify(err error) *Error {
	return &Error{Class: classOf(err), Message: plain(err), Err: err}
}

func classOf(err error) Class {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return DNS
	}
	if errors.Is(err, context.Canceled) {
		return Canceled
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return Connect
	}
	if isTimeout(err) {
		return Timeout
	}
	if isTLS(err) {
		return TLS
	}
	if isEnded(err) {
		return Reset
	}
	if says(err, "response headers exceeded", "header list larger than") {
		return TooLarge
	}
	return Protocol
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
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	msg := err.Error()
	return strings.HasPrefix(msg, "tls: ") || strings.Contains(msg, ": tls: ")
}

// isEnded says that the connection went away under the request. net/http has
// no type for a connection that the server closed, only words.
func isEnded(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		says(err, "server closed idle connection", "GOAWAY", "stream error", "http2: client conn")
}

// says reports whether err's text has one of the words in it, which is all
// that net/http gives to tell some errors by.
func says(err error, words ...string) bool {
	text := err.Error()
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// plain is the error's text as one short line for a record.
func plain(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return clip(dns.Name+": "+dns.Err, 300) // not which server said so
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed before the response was complete"
	case err == io.EOF:
		return "connection closed without a response"
	}
	msg := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, err.Error())
	msg = strings.TrimPrefix(msg, "net/http: ")
	return clip(msg, 300)
}

// clip shortens s to at most n bytes, on a rune's border.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
