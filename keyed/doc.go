// Package keyed keeps one limit for each key: each host, each site, each API
// key. A key's limit is made by a function when it is first needed, and dropped
// when it is idle and others need the room.
//
//	perHost := keyed.New(func(host string) *penstock.Semaphore {
//		return penstock.NewSemaphore(6)
//	}, keyed.Options{})
//
//	permit, err := perHost.AcquirePermit(ctx, "example.org", 1)
//
// In a penstock.All, [Limiter.For] is one key's limit, which is waited for
// without holding any other:
//
//	penstock.All(perHost.For(host), total)
//
// # What is dropped, and when
//
// A key is idle if nobody has called for its limit and not been answered yet, no
// permit is out, and its limit remembers nothing, so that nobody can tell one made
// anew from it. The last is known of these limits:
//   - an [Idler] says it: *rate.Limiter is one, idle once all that was taken is
//     paid for; *adaptive.Limiter is another, idle once nothing was seen for 10
//     minutes, and what it has learned is then lost;
//   - a *penstock.Semaphore or *penstock.BoundedSemaphore is idle when no permit
//     of it is out;
//   - of any other nothing is known, and its key is kept. Where several limits
//     concern each key, do not make one of them by penstock.All but a Limiter of
//     each kind, and All of their For.
//
// A statistic that a limit keeps goes with it. Who changes one limit (SetLimit,
// SetRate) should change as well what the function makes, or the change is lost
// when the key has been idle.
//
// Idle keys are looked for when a new one comes and there are more than
// Options.MaxIdle. The newcomer looks at no more than 8 keys, so it never waits long;
// and so that at most MaxIdle keys, or a seventh of those in use if that is more,
// are kept for nothing in the long run. No goroutine runs for this, and where no
// new key comes nothing is dropped but by [Limiter.DropIdle].
//
// # Cost
//
// A key costs 32 bytes, 10 to 15 for its place in the table, and its limit (48 bytes for a
// single rate by rate.Limiter.Fresh); a string key costs its bytes, which are
// copied so that they do not keep a longer string, say a URL, in memory. A
// million host names of 23 bytes with a rate each take 117 MB.
//
// To find a key takes no lock: a hash, a probe of a table of 64 parts (each a
// Swiss table of 8 slots to the group), and two atomic additions to the key's
// own word, which keep it from being dropped meanwhile.
package keyed
