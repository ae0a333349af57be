package main

import (
	"net/http"

	"github.com/penstock-go/penstock/fetch"
	"github.com/spf13/pflag"
)

// transportFlags say what speaks HTTP, and which.
type transportFlags struct {
	transport    string
	http1, http2 bool
}

func (f *transportFlags) register(fl *pflag.FlagSet) {
	f.transport = "fast"
	fl.Var(choiceValue{&f.transport, []string{"fast", "std"}}, "transport", "what speaks HTTP/1.1: fast at half the cost of std, which is Go's own")
	fl.BoolVar(&f.http1, "http1.1", false, "speak HTTP/1.1 only")
	fl.BoolVar(&f.http2, "http2", false, "speak HTTP/2 only with https, where a server without it fails")
}

// make is the transport that the flags ask for.
func (f *transportFlags) make(o fetch.TransportOptions) (http.RoundTripper, error) {
	if f.http1 && f.http2 {
		return nil, usagef("one of them, or neither: servers then choose", "--http1.1 and --http2 exclude each other")
	}
	o.HTTP1, o.HTTP2 = f.http1, f.http2
	if f.transport == "fast" {
		return fetch.NewFastTransport(o), nil
	}
	return fetch.NewTransport(o), nil
}
