// Package redislimit keeps limits that many processes on many machines share,
// in Redis 7 or Valkey.
//
// A [Store] is a process's connection to Redis. Its [Semaphore] bounds how many
// permits are out at once over all processes, and also how often if it is given
// rates; its [Rate] bounds how often alone. Each is a [penstock.Limiter]. All
// who use the same name at the same Redis share one limit.
//
// # Who holds what
//
// A permit is held under a lease of its process, which one heartbeat a quarter
// lease renews for all that the process holds and waits for. A process that
// dies gives its permits back when its lease ends. One that is paused, or cut
// off, finds out by its own clock, a tenth of a lease before the server gives
// the permit to another: [Permit.Context] is cancelled then, with a cause that
// is [ErrLost]. What must never be done by two at once should carry the
// permit's [Fence], and who receives it refuse a smaller one than it has seen,
// since a process may be paused between looking at its context and acting.
//
// # Order
//
// First come, first served over all processes, in the order in which their
// calls reach Redis; a large demand is not overtaken by the small ones behind
// it. A permit that comes free goes to the next waiter within the call that
// frees it, and its process is told by a message. Nobody polls. A message that
// is lost is made good by the next heartbeat, a quarter lease later at most.
//
// # Restarts
//
// The processes know what they hold; Redis has a copy. When Redis has lost its
// data or some of its latest writes (a restart, a failover, FLUSHALL), no new
// permit is given out for one lease, in which the processes say what they hold.
// A name that is used for the first time on a Redis that has been up for less
// than a lease waits likewise, as this looks the same. Fences grow through all
// of this.
//
// # When Redis is away
//
// [Options.Away] chooses: see [Stop], [Lease] and [Local]. The logger gets one
// line when it goes and one when it is back.
//
// # Keys
//
// A limit NAME has the keys penstock:{NAME} (its state), penstock:{NAME}:queue
// and penstock:{NAME}:set (what SetLimit has set), an adaptive one also
// penstock:{NAME}:seen (a stream of what was released) and penstock:{NAME}:lead
// (who leads, and what it has learned), all in one slot of a Cluster, and sharded
// channels penstock:{NAME}:PROCESS. All keys expire: state, queue and stream after
// three leases without use, the leader's after a day, the set limit after 30 days.
// Redis' own clock is the only one that counts between processes, and a jump of it
// ends no lease early. An ACL user needs
//
//	~penstock:* &penstock:* +@read +@write +@scripting +@pubsub +@connection +info +time
package redislimit
