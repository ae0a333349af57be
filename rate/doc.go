// Package rate limits how often something is done: so many calls, or units of
// cost, in a span of time, as in 100 requests a second or 90,000 tokens a
// minute. A [Limiter] keeps one such budget or several that are taken together
// or not at all.
//
// # The promise
//
// A budget of [Rate] r with Burst b admits, in any window of length t, wherever
// it begins, at most
//
//	b + r × t
//
// units. A budget without a Burst admits one demand at a time, whatever it
// costs, and the next only once all before are paid for: at most one demand
// plus r × t, which for demands of one unit is 1 + r × t. So 10/15s means one
// every 1.5 s and not ten at once; "10/15s burst 10" means up to ten at once
// after a pause, and never more than 20 in 15 s. A window that a server counts
// as 10 in 15 s is kept by the former. Nothing is saved up beyond the burst,
// and what a demand costs beyond its share (see [Permit.Settle]) is a debt that
// the next ones wait for.
//
// # Demands over the burst
//
// Where a Burst is given it is a hard bound: a larger demand fails at once with
// [penstock.ErrOverLimit], since no wait could satisfy it without breaking the
// promise. Where none is given, demands of every size are admitted, spaced by
// what they cost, up to a cost that takes more than two years to pay for.
//
// # Waiting
//
// Those who wait stand in a queue, first come, first served; a newcomer never
// overtakes, not even with a smaller demand. They hold nothing while they wait,
// so one whose context ends leaves no trace: those behind it move up as if it
// had never been. A wait that could only end at or after the context's deadline
// fails at once with a [*DeadlineError], which is context.DeadlineExceeded.
//
// A waiter is woken by a timer, and timers are late: on Linux by 0.1 ms to 1 ms.
// A budget without a burst never makes up for lost time, because two calls would
// then be closer than promised. So callers who always wait get 98 % of 100/s, 95 %
// of 200/s, 90 % of 500/s, and of any larger rate some 900 a second. A burst of
// what comes in 2 ms makes up for it: "1000/s burst 2" gives 99 %, "5000/s burst
// 10" and "100000/s burst 200" 95 % and more. [Rate.Slack] does the same without
// a bound on the size of a demand: with 5 ms of it, 100/s admits at most
// 1.5 + 100/s x t, which is one request more at most where it is any.
//
// # Time
//
// Only the monotonic clock counts; setting the wall clock changes nothing. Time
// is kept in sixteenths of a nanosecond, so a rate is never exceeded by rounding
// and falls short by less than 0.01 % up to 1,000,000/s, 1 % up to
// 100,000,000/s and 6 % up to the largest, 1,000,000,000/s. A Limiter is good for
// six years after New.
//
// # Algorithm
//
// The generic cell rate algorithm (ATM Forum, Traffic Management Specification
// 4.0, 1996, section 4.4.2, and ITU-T I.371): a budget is a single instant, the
// theoretical arrival time, at which all that was admitted is paid for. With one
// budget it is one atomic word.
package rate
