package penstock

import (
	"errors"
	"sync/atomic"
	"time"
)

// A Member is a [Limiter] that [All] can take in one step with others, and
// wait for without holding anything. Semaphore and BoundedSemaphore are
// Members, and so are the limits in the packages below this one.
type Member interface {
	Limiter

	// Line returns the line in which callers of the limit wait. All asks for
	// it again for each acquire that may have to wait, so a limit that keeps
	// one for each key may make and drop lines as keys come and go (see
	// ErrLineGone). It must not block.
	Line() Line
}

// A Line is where callers wait for one limit, in order of arrival: what [All]
// needs to see of it, and nothing that other callers need. To limit by
// something of your own, wrap a Semaphore's Line and override what differs:
//
//	type line struct {
//		penstock.Line
//		limit *Limiter
//	}
//
//	func (l line) Take(n int) penstock.Permit {
//		return l.limit.permit(l.Line.Take(n))
//	}
//
// None of the methods may block beyond a short
// critical section, do I/O or call into another limit, but for Serve, which
// calls Waiter.Turn. All holds the locks of several lines at a time, in the order
// that Order gives.
type Line interface {
	// Order returns the line's place among all lines, from NewOrder. Two
	// Lines with the same Order are taken to be the same.
	Order() uint64
	// Lock stops all taking, giving, joining and leaving but the caller's,
	// until Unlock, which itself serves nobody.
	Lock()
	Unlock()
	// Room says, under the lock, whether n units are to be had by one who
	// came with that ticket: now (0); after that long, if nothing else
	// happens (more than 0); or not by the passage of time alone (less than
	// 0). Whoever stands in the line with an earlier ticket is before it. For
	// n = 0 there is always room. An error says that no wait could help; it
	// is ErrOverLimit, or ErrLineGone.
	Room(ticket uint64, n int) (time.Duration, error)
	// Take takes n units under the lock, where Room has just returned 0.
	Take(n int) Permit
	// Acquired tells, without the lock and in the goroutine of the caller of
	// All, that what was taken by Take is in use now, and how long it was waited
	// for: less than 0 for not at all, or where another line made it end.
	Acquired(n int, waited time.Duration)
	// Join puts w, which stands nowhere, into the locked line, behind all with
	// an earlier ticket and before all with a later one. When w is first and
	// there is room for it, whoever made the room calls w.Turn, without the
	// lock; w keeps its place meanwhile.
	Join(w *Waiter)
	// Leave takes w out of the locked line in which it stands. All calls
	// Serve afterwards.
	Leave(w *Waiter)
	// Serve serves those who are first in the unlocked line as far as there
	// is room.
	Serve()
}

// ErrLineGone is what the Room of a [Line] returns when its owner no longer
// uses it: the key it stood for had been idle and was dropped. All then asks
// the Member for its Line again.
var ErrLineGone = errors.New("penstock: this line is no longer used")

var orders atomic.Uint64

// NewOrder returns the place of a new [Line] in the order in which lines are
// locked. It is larger than any it has returned before, and never 0.
func NewOrder() uint64 { return orders.Add(1) }

// A Waiter stands in a [Line] for those who wait in an [All], at the place of
// the first of them. Its methods may be called under the lock of the line in
// which it stands, but for Turn, which must be called without.
type Waiter struct {
	// Place is for the Line in which the Waiter stands, to find it again.
	Place any

	team *team
	node waiter // for the lines of this package
	size atomic.Int64
}

// Ticket returns when the first of those for whom w stands has come: the
// earlier, the smaller. It is unique in the process.
func (w *Waiter) Ticket() uint64 { return w.node.ticket }

// Units returns how many units of this line's limit the first of them wants.
func (w *Waiter) Units() int { return w.node.n }

// Size returns for how many w stands.
func (w *Waiter) Size() int { return int(w.size.Load()) }

// Turn tells w that it is first in line, and that there is room for it. When
// Turn returns, w has left the line or there is no more room for it, and the
// caller, who holds no lock, goes on with the next in line.
func (w *Waiter) Turn(line Line) { w.team.turn(line) }

// NewTicket returns the ticket of one who comes now. It is larger than any it
// has returned before, and never 0. A [Line] gives one to each who waits in it,
// under its lock.
func NewTicket() uint64 { return tickets.Add(1) }
