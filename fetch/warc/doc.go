// Package warc writes and reads web archives: WARC/1.1 files (ISO 28500:2017),
// which wget, Heritrix, warcio, pywb and the web archives of libraries use.
//
// # What is written
//
// A [Writer] begins with a warcinfo record and appends for each [Exchange] a
// request and a response record, which name each other in WARC-Concurrent-To
// and share a WARC-Date. Each record is a gzip member of its own, unless
// [Options.Plain] is set, so that one can be read without what stands before
// it, and so that a file may be cut at the end of any exchange and appended to.
// Digests are SHA-1 in base32, which is what indexes of archives hold.
//
// # What is not as it was on the wire
//
// The HTTP messages are put together from what net/http gives: names of header
// fields are in canonical case and sorted, and a message that came over HTTP/2
// is written in the form of HTTP/1.1, with "WARC-Protocol: h2" on both records.
// The header never says what the body is not. Where net/http undid chunks,
// Transfer-Encoding is left out, and where it undid gzip, Content-Encoding; what
// they were stands in X-Orig-Transfer-Encoding and X-Orig-Content-Encoding, the
// names that warcio.js uses. Content-Length is that of the body in the record,
// except where there is no body by rule (HEAD, 204, 304) and in a truncated
// record: there it is what the server said. Trailers are left out. A request
// has the fields that were asked for; of those that net/http adds by itself,
// Accept-Encoding is recorded where the response shows that it was sent.
//
// # Secrets
//
// An archive is made to be passed on. A user name and password are left out of
// every URL: the target, Referer, Location and Content-Location. Of a request,
// only header fields that are known to carry no credentials are written
// ([RequestField] tells which), so that neither Authorization and Cookie nor
// somebody's X-Api-Key get in. Set-Cookie is left out of responses, as it is
// from the records of package fetch: it makes whoever reads it the one who was
// logged in. Queries of URLs and the bodies of requests and responses are
// written as they are.
package warc
