// Package queue has queues between goroutines: asyncio's Queue, PriorityQueue
// and LifoQueue for Go, with contexts.
//
// [Queue] hands items over first in, first out; [LIFO] last in, first out;
// [Priority] the least first, and equals in order of arrival. All else is the
// same for the three, and said here once. A queue is safe for concurrent use.
//
// A channel is enough where a bound and first in, first out are all you need
// and one sender closes it. A queue adds what a channel has not: no bound, or
// another order; a shutdown that any side may call, at any time, without a
// panic on the others; Join, which waits until the work is done and not only
// taken; contexts that are honoured also when both could go on; statistics.
//
// # Blocking
//
// Put waits while the queue is full, Get while it is empty, Join while items
// are not done. TryPut, TryGet and all others never wait. A wait ends with
// the context, at a shutdown, or when it is served.
//
// Waiting getters are served in order of arrival, and so are waiting putters:
// an item that is put while a getter waits is that getter's from this moment,
// and room that a get makes is the first putter's. No newcomer overtakes.
//
// # Contexts
//
// Under a context that has ended already nothing is put or taken, even when
// it could be. A waiter whose context ends leaves at once, holds nothing and
// delays nobody. If its item or its room arrives in the same instant, before
// the waiter has come to run, then the hand-over is undone as if it had never
// been: the item is at its place in the queue again, or with the next getter,
// the room with the next putter. Only if something else has happened in the
// queue since, so that somebody could tell, the hand-over stands and the
// call succeeds. Either way no item is lost or doubled, and an error means
// that the item of a Put is not in the queue, and that a Get took none.
//
// # Errors
//
// [ErrFull] and [ErrEmpty] are for the Try methods; [ErrShutdown] says that
// no more can come of the queue; [ErrTaskDone] is misuse. The error of a
// context wraps its cause, context.Cause(ctx). After any error the queue is
// as it was.
//
// # Work that is finished
//
// Every item put counts as unfinished until somebody who has taken it calls
// TaskDone. Join waits until none is unfinished. Who does not join need not
// call TaskDone.
//
// # Shutdown
//
// Shutdown takes no more items and lets the rest drain; ShutdownNow drops the
// rest, too. Ranging over All ends at a shutdown, which makes it the usual
// loop of a consumer. Shutting down twice, or while others put, is fine.
//
// # Cost
//
// A put and a get together take about as long as a send and a receive on a
// buffered channel that are tried before they are selected with a context;
// nothing is allocated but when a goroutine really has to sleep, 96 bytes.
// Memory grows and shrinks with the items that are in the queue. Cancelling a
// waiter costs the same however many wait. In a Priority a put compares about
// log2(Len) times, a get never.
package queue
