// Package h1 is an [net/http.RoundTripper] for HTTP/1.1, plain and over TLS,
// whose connections belong to their callers: a request is written and its
// response read by the goroutine that calls RoundTrip, and no other goroutine
// takes part. It is for callers that bound what is in flight themselves, such
// as package fetch: one permit is one connection is one goroutine.
//
// # What it does by itself, and what it hands over
//
// It reads and writes with net/http's own parser (http.ReadResponse,
// Request.Write), so that it takes and refuses what net/http does. Everything
// else goes to an http.Transport: HTTP/2 (as soon as a TLS handshake has chosen
// it, which is remembered for the host), proxies, Upgrade and CONNECT, names
// that are not ASCII, requests with an httptrace (but one that asks only for
// connections and dialing), and requests that net/http refuses, so that they fail
// with its words. Response.Proto says which protocol
// was spoken.
//
// # Connections
//
// There are as many as there are requests in flight (from RoundTrip until the
// body's end or Close) and idle ones besides, bounded by [Options.MaxIdle]. An
// idle connection holds no buffers. Before one is used again it is asked, without
// waiting, whether the server has closed it or has sent anything: such a one is
// dropped. Where a connection cannot be asked (no Unix, or a DialContext whose
// connections are no syscall.Conn) that shows when the request fails.
//
// A request that fails on a connection that was used before, with nothing of a
// response read, is sent once more on a new one if that does no harm (RFC 9110,
// section 9.2.2): when nothing of it was written; or when its method is GET,
// HEAD, OPTIONS, TRACE, PUT or DELETE or it carries an Idempotency-Key. A body
// must have its GetBody.
//
// # Ends
//
// When the request's context ends, the connection is closed at once, whatever it
// was doing, and the error is the context's cause. A body that is closed before
// its end is read on when little is left and comes quickly; else the connection
// is closed. A connection on which more came than the response is closed, and
// so is one whose response was over before the request's body was.
//
// A body that is over 16 KiB, or not in memory, or waits for a 100 Continue, is
// sent by a goroutine, since the server may answer before it has read it. If
// the response ends first that goroutine may outlast it: until the body's own
// Read returns.
package h1
