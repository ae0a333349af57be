// Package httplimit holds HTTP clients to limits, and to what servers ask for.
//
// NewClient makes an http.Client, and New an http.RoundTripper to put around any
// other:
//
//	client, err := httplimit.NewClient(httplimit.Options{Total: 100, PerHost: 10})
//
// It is what aiohttp's TCPConnector(limit=, limit_per_host=) and the
// RateLimitedClient of so many scripts are: so many requests at once in total
// and per host, so many a second, waits after a 429, repeats what failed.
//
// # Permits
//
// A request takes its permits, of the total, of its host, and of what else
// Options name, together or not at all, before it dials, and holds them until
// the body of the response was read to its end or to an error, or was closed.
// So close every body, as net/http asks: one that is leaked keeps its permit for
// ever, which Stats.InFlight shows. Responses without a body hold nothing, nor
// do informational ones (1xx) by themselves; a connection that has switched
// protocols (101) is held until it is closed. Errors, panics of the Base and
// the end of the context give the permits back.
//
// A redirect that http.Client follows is a request of the host that it goes to.
//
// # Who goes first
//
// Each host has a queue, first come, first served; hosts that have something to
// send and room for it take turns. Who waits for a host that is full, held or out
// of its rate holds nothing that another host could use. A request that is to be
// repeated goes before those of its host that came after it. Where a request
// ends with its context while it waits, it leaves no trace.
//
// # Hints
//
// What a server says of its limits (see ParseHints) holds the host, not only the
// request that was told:
//
//   - After Retry-After, in a response of 300 or more, and when nothing remains
//     of a quota, no request goes to the host before the time named, and a
//     random time of up to a fiftieth of it, at most a second, after that.
//   - No more requests are sent than remain of a quota, those that the server may
//     not have counted yet included.
//   - A RateLimit-Policy (q in w) is kept as a steady rate once half of it is used
//     up, until the host has been without requests for as long as w.
//
// Options.MaxRetryAfter, 10 minutes, caps every one of these, whatever a server
// sends. What was under way when a hint came is not recalled.
//
// # Retries
//
// Retry says what is repeated. A request that waits to be repeated holds no
// permit, and the response that it had is done with. All in all, the retries of a
// host are no more than a tenth of its requests, and those that are always
// allowed: 10 at once and one a second. When there may be no more, or the wait
// would be longer than the context's deadline or MaxRetryAfter, the caller gets
// the last response, or error, as it is.
//
// # Limits that learn
//
// A Limiter of Options or HostLimits hears how each request went by its permit's
// outcome: penstock.Success below 400, penstock.Overload for 429 (or GitHub's
// 403), 503, 504, 529 and timeouts, penstock.Ignored for what its caller cancelled, penstock.Failure
// for the rest. One of HostLimits that is a Holder hears of holds, and both, if
// they are Hinted, of all hints. This lets the limit of each host find itself:
//
//	HostLimits: func(host string) httplimit.HostLimits {
//		l, _ := adaptive.New(adaptive.Options{})
//		return httplimit.HostLimits{Limiter: l}
//	}
//
// It is kept while the host has requests, and as long after that as its method
// Idle, if it has one, says that it remembers something; see HostLimits.Limiter.
//
// # Cost
//
// A request without a Limiter costs one allocation more than its Base and well
// under a microsecond. A host costs some 500 bytes while it has requests and a
// second or two longer, or as long as something is known of it that counts.
package httplimit
