// Package lockdir keeps semaphores that the processes of one machine share, in
// a folder of lock files.
//
// What a process holds, it holds by flock(2) on a file of its own, and what it
// waits for too. The kernel ends both with the process, however that ends, and
// wakes who waits for it: nothing expires, nobody polls, and a process that is
// killed gives back what it had at once.
//
// A semaphore is a folder:
//
//	lock         who has its lock may read and change the others; for microseconds
//	state        epoch, fences given, latest ticket, limit
//	q-TICKET-N   a process that waits for N units, locked until it has them
//	h-TICKET-N   a process that holds N units, locked until it gives them back
//
// Who waits waits for the lock of the one before it in the queue, and the first
// of the queue for those of all holders. Tickets are given in the order in which
// callers come by the lock, which is nearly that of their arrival, and served in
// strict order: a large demand is not overtaken by the small ones behind it.
//
// A wait that a context ends leaves a thread behind that waits for the lock of
// another: until that is given back, and for nothing. The package is for
// commands, which end then.
package lockdir
