package origin

import (
	"io"
	"net/http"
	"strconv"
)

var cutRoutes = []route{
	{name: "hang", form: "/hang[/...]", example: "/hang", help: "reads the request and never answers", serve: serveHang},
	{name: "hang-body", form: "/hang-body[/...]", example: "/hang-body", help: "sends the header and half the body, then nothing more", serve: serveHangBody},
	{name: "reset", form: "/reset[/...]", example: "/reset", help: "resets the connection (TCP RST) instead of answering", serve: serveReset},
	{name: "reset-body", form: "/reset-body[/...]", example: "/reset-body", help: "resets the connection in the middle of the body", serve: serveResetBody},
	{name: "close", form: "/close[/...]", example: "/close", help: "closes the connection instead of answering", serve: serveClose},
	{name: "truncate", form: "/truncate/BYTES[/...]", example: "/truncate/1000", help: "says a Content-Length of BYTES, sends half of it and closes", serve: serveTruncate},
	{name: "early", form: "/early[/...]", example: "/early", help: "answers 200 without reading the request's body, and closes", serve: serveEarly},
}

// half sends the header for n bytes and the first half of them.
func (x *exchange) half(n int64) {
	x.w.Header().Set("Content-Type", binaryType)
	x.w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	x.count(http.StatusOK)
	fill(x.w, 0, n/2) // an error comes back from the next step
	x.flush()
}

// drain reads the request's body, up to 1 MiB: closing a socket with unread
// bytes would reset it.
func (x *exchange) drain() {
	io.CopyN(io.Discard, x.r.Body, 1<<20)
}

// abort ends the exchange without a proper end: net/http closes the connection
// or resets the HTTP/2 stream.
func (x *exchange) abort() {
	x.end()
	panic(http.ErrAbortHandler)
}

func serveHang(x *exchange, _ *route) {
	x.drain()
	<-x.r.Context().Done()
	x.abort()
}

func serveHangBody(x *exchange, _ *route) {
	x.drain()
	x.half(1000)
	<-x.r.Context().Done()
	x.abort()
}

func serveReset(x *exchange, _ *route) {
	x.end()
	x.conn.reset()
	x.abort()
}

func serveResetBody(x *exchange, _ *route) {
	x.half(1000)
	x.end()
	x.conn.reset()
	x.abort()
}

func serveClose(x *exchange, _ *route) {
	x.drain()
	x.end()
	x.conn.Close()
	x.abort()
}

func serveTruncate(x *exchange, r *route) {
	n, ok := x.number(maxBytes)
	if !ok || n == 0 {
		x.refuse(r)
		return
	}
	x.drain()
	x.half(n)
	x.abort()
}

func serveEarly(x *exchange, _ *route) {
	x.w.Header().Set("Connection", "close")
	x.ok()
}
