// Package origin is a test server that audits its clients and misbehaves on
// request.
//
// A client's promises (never more than ten at once, never more than a hundred a
// second, never before Retry-After has passed, every URL once) can only be
// judged from the other side. [Start] starts a [Server] with one or many hosts,
// each a loopback address with the same port; [Server.Audit] says what each has
// seen, exactly. What a host does with a request is in the request's path, so
// that a list of URLs is a test case. GET / answers with the list of all paths,
// an example for each.
//
// # What is counted, and when
//
// A request is in flight from when its header has been read until just before
// the last byte of its answer is handed to the kernel. A client that starts a
// request when it has read another's answer to its end, be it on another
// connection, is therefore never seen with both, however busy the machine is:
// max_in_flight has no false alarms. A client that gives a request up (closes
// its connection, resets its HTTP/2 stream) before it starts another is seen
// with one as well: whenever a new peak would be set the server first asks the
// kernel which clients have left (on Linux; elsewhere it notices a little
// later). The same holds for connections.
//
// max_per_second and max_per_100ms are over sliding windows, from the exact
// times of the arrivals of the last second. With Options.JudgeRate, burst is
// the least burst that makes the promise "never more than burst + rate x t in
// any window t" hold over windows of all widths. Times are taken when the
// server has read the header; on a machine that stalls, arrivals move together,
// and no server can tell that from a client's burst.
//
// Repeats are exact for /item/N with N below 1<<27 (a bit each) and, by 64-bit
// hash, for the first 1<<20 other requests of each host; more of those are
// counted as untracked.
//
// A request is too early when it arrives while a hint of its host holds: a
// Retry-After, or a quota of which nothing was left, in an answer of any path,
// sent at least Options.HintGrace before.
//
// GET /_audit reads the counts as JSON and POST /_reset sets them to zero, on
// every host and on [Server.ControlURL]; these requests are not counted.
//
// # Cost
//
// On a plain host GET /item/N is answered without net/http, in about three
// microseconds of which the counting is a twentieth, so that a benchmark
// measures its client; a connection goes over to net/http with its first
// request for anything else.
//
// # Paths
//
// [/...] may be anything, to make URLs distinct. ?delay=MS delays any answer,
// ?id=ID names the request for the repeats, ?status=CODE is the status of a
// refusal or redirect.
//
// Good answers:
//
//	/item/N                  a small JSON object that depends on N alone
//	/delay/MS[/...]          after MS milliseconds
//	/jitter/MIN-MAX[/...]    after MIN to MAX milliseconds, by path and seed
//	/status/CODE[/...]       that status; an informational one comes before 200
//	/big/BYTES[/...]         a body of that size
//	/drip/BYTES/MS[/...]     in ten parts over MS milliseconds
//	/chunked/N[/SIZE]        N chunks, and a trailer
//	/nolength/BYTES[/...]    a body that ends with the connection
//	/echo[/...]              the request as JSON
//	/head[/...]              1000 bytes, none for HEAD
//	/204 /304                answers without a body
//	/bye[/...]               with Connection: close
//	/cookie[/set/NAME/VALUE] sets a cookie, or answers those that came
//	/stale/MS[/...]          keeps the connection, and closes it MS later
//	/early[/...]             answers before the request's body is read
//
// Limits, each per host and set of numbers:
//
//	/flaky/K/ID              503 to the first K requests
//	/flaky/P/ID              503 with probability P, by seed, path and attempt
//	/429/K/ID                429 without Retry-After to the first K requests
//	/retry-after/SECONDS/K/ID  429 with Retry-After to the first K requests
//	/cap/N/MS[/...]          N at once for MS milliseconds each, else 503
//	/workers/N/MS[/...]      the same, but who finds no room waits in line
//	/rate/N[/...]            a bucket of ?burst tokens, N a second, else 429
//	/quota/N/SECONDS[/...]   N in each window, else 429
//	/shape/N[/...]           N a second, by delaying the others
//
// ?headers=retry-after|date|none|ratelimit|ratelimit-old|x|x-epoch|openai says
// how /retry-after, /rate and /quota tell of their limits.
//
// Redirects and compression:
//
//	/redirect/N[/...]        a chain of N
//	/redirect-to?url=URL     to any URL
//	/redirect-loop[/...]     to itself
//	/redirect-host/I         to /landed of host I
//	/landed[/...]            as /echo; credentials that come here are counted
//	/gzip/BYTES[/...]        text in gzip
//	/deflate/BYTES[/...]     in deflate (zlib)
//	/deflate-raw/BYTES[/...] in deflate without zlib's wrapping
//	/gzipbomb/BYTES[/...]    zeros in gzip, a thousandth on the wire
//	/badgzip[/KIND]          broken gzip: plain, crc, cut
//
// Broken answers; over HTTP/2 those that are made of bytes reset the stream:
//
//	/hang[/...]              never answers
//	/hang-body[/...]         stops in the middle of the body
//	/reset[/...]             a TCP reset instead of an answer
//	/reset-body[/...]        a TCP reset in the middle of the body
//	/close[/...]             a close instead of an answer
//	/truncate/BYTES[/...]    a close in the middle of BYTES bytes
//	/hugeheader/BYTES[/...]  a header field of that size
//	/slowheaders/MS[/...]    the header byte by byte over MS milliseconds
//	/garbage[/...]           not HTTP
//	/garbage-chunk[/...]     nonsense after the first chunk
//	/raw/NAME[/...]          one of some fifty answers of bytes: see RawNames
package origin
