// Package adaptive limits operations to what the other side can take, and finds
// that out by itself: how many at a time, how many a second, or both.
//
// A [Limiter] is a [penstock.Limiter]. It learns from each permit that is released:
// from the outcome, and from how long the permit was out. So acquire right before
// the operation, and release when it has ended:
//
//	l, err := adaptive.New(adaptive.Options{})
//	...
//	p, err := l.AcquirePermit(ctx, 1)
//	...
//	resp, err := client.Do(req)
//	...
//	p.Release(penstock.Success) // or Overload for a 429 or 503, Failure for the rest
//
// It serves one other side, such as one host: several with limits of their own,
// behind one Limiter, would be taken for one with the least of them.
//
// # What it finds
//
// Servers say in three ways that it is too much. One that queues answers later;
// one that limits concurrency refuses while too much is in flight; one that limits
// the rate refuses what comes too soon. A Limiter has a part for each, and each can
// be used alone:
//
//   - a [Knee] reads how throughput changes with what is in flight;
//   - a [Classifier] tells the two kinds of refusals apart, by what was in flight
//     when something was refused, and says how many were accepted together;
//   - a [RateCap] finds the rate of a token bucket;
//   - a [Gate] spaces operations, or stops all of them for a while.
//
// [Auto] joins the first three. Where what is in flight hardly varies the kinds look
// alike, so it makes an experiment: it keeps as many under way as were accepted
// together, at no rate, for some round trips. If all are accepted that is the
// server's number; if some are refused it limits the rate.
//
// [AIMD], [Vegas] and [Gradient2] are published algorithms that take the place of Auto
// where that is asked for in [Options].Control; so does anything that is a [Control].
//
// # Hints
//
// A server that says what it wants need not be asked by experiment. [Limiter.Hold]
// obeys a Retry-After, [Limiter.Advise] a RateLimit field, and [Limiter.SetRate] a
// rate that is known from elsewhere. They concern all operations of the Limiter,
// not only the one that was told. An HTTP transport that is given Limiters can look
// for these methods by an interface of its own.
//
// # What it costs the server
//
// To know whether the server gives more, one has to ask for more. For a server that
// queues that is a tenth more in flight for some round trips, every 3 s or 20 round
// trips; for one that limits concurrency a refusal or two each 3 to 12 s; for a
// token bucket one in a few thousand operations. While a server refuses all, one
// operation each 2 s is let go.
//
// A Limiter takes 2 kB at first and up to 50 kB once it has seen 512 operations. Where
// there is one a host, keep them in a keyed.Limiter: it drops those that are idle,
// see [Limiter.Idle].
//
// # What it cannot do
//
// It takes some hundred operations to find out anything. Where latency varies very
// much (a standard deviation of twice the mean) the limit it finds is up to a third
// too low for a long time, and a token bucket of a few tokens that is asked for a
// dozen operations at a time can be taken for a limit of concurrency: it then gives
// half of what it could. So can a limit of concurrency that falls by half, for a
// rate, for some seconds.
//
// A server whose workers count as busy for a moment after they have answered
// refuses now and then what is as many as there are workers. Of 37 with half a
// millisecond in 20 or 50 some 87 % are used, of 8 some 62 to 75 %.
//
// On a machine that is short of processors latency rises with what is under way, as at
// a server that queues, and is read so.
//
// What the tests measured is in the table that they print:
//
//	go test -run 'Scenarios|HeldOut|Wired' -v ./adaptive
package adaptive
