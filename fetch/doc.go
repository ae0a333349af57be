// Package fetch is Penstock's bulk engine: it reads items from a [Source],
// schedules them by host under the limits it was given, makes the attempts
// over HTTP, and gives one [Record] per item to a [Sink].
//
// # What holds for a run
//
// Every item that the source yields ends as exactly one record, unless the
// run is stopped: then an item that had not finished has no record. At no
// instant are more requests in flight than the limits allow, retries and
// redirects included; a retry waits in a queue, not in a slot. Memory is
// O(in flight + look-ahead + hosts), never O(input).
//
// A server's Retry-After holds the whole host, not only the request that
// was refused.
//
// [All] is the short way for a program that has its URLs in a slice; [Run]
// takes any source and sink; [New] gives an [Engine] that can be watched and
// drained while it runs.
package fetch
