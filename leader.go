package penstock

import "context"

// A leader is a waiter that watches the end of its context for all who wait in
// the same line under the same one, which are its followers: these block in a
// plain receive, which makes a wait a fifth cheaper than a select does, and when
// the context ends they leave the line together.
//
// The latest follower is made the next leader when a leader leaves the line. As
// those leave first who came first, that is once for all who wait, not once for
// each. Those who wait under other contexts watch for themselves.
type leader struct {
	w         *waiter
	ended     <-chan struct{} // of the leader and its followers
	followers int             // in line, without the leader
}

// follow says who watches ended for w, which has just come to the locked line, and
// reports whether that is another.
func (c *core) follow(w *waiter, ended <-chan struct{}) bool {
	switch l := &c.leader; {
	case ended == nil:
	case l.w == nil:
		l.w, l.ended = w, ended
	case l.ended == ended:
		w.follows = true
		l.followers++
	}
	return w.follows
}

// left notes that w has left the locked line. If it led, elect is to be called before
// the lock is given up.
func (l *leader) left(w *waiter) {
	switch {
	case w == l.w:
		l.w = nil
	case w.follows:
		l.followers--
	}
}

// elect finds a leader for the followers of the locked line, if there are any and
// they have none. It is to be woken, without the lock.
func (c *core) elect() *waiter {
	l := &c.leader
	if l.w != nil {
		return nil
	}
	if l.followers == 0 {
		l.ended = nil
		return nil
	}
	// Whoever is passed here came after the last follower, and so is not passed
	// again: that one leads until then, or it leaves no followers.
	w := c.line.tail
	for !w.follows {
		w = w.prev
	}
	w.follows, w.promoted = false, true
	l.w = w
	l.followers--
	return w
}

// await blocks until w is granted what it asks for, or refused, and returns true;
// or until ctx has ended, and w has left the line, and returns false.
func (c *core) await(ctx context.Context, w *waiter, follows bool) (done bool) {
	if follows {
		<-w.ready
		if !w.promoted {
			if w.gone {
				c.pool.put(w)
				return false
			}
			return true
		}
		c.mu.Lock()
		w.promoted = false
		done := w.done
		c.mu.Unlock()
		if done {
			return true
		}
	}
	if w.await(ctx) {
		return true
	}
	c.giveUp(w)
	return false
}

// giveUp ends the wait of w, whose context has ended, and of its followers.
func (c *core) giveUp(w *waiter) {
	c.lock()
	if w.done {
		// In the same instant. A wake-up is under way to w, which therefore
		// cannot be used for another wait.
		c.unlock()
		c.tooLate(w.n, w.by(), w.err())
		return
	}
	leads := c.leader.w == w
	c.remove(w)
	c.cancelled++
	c.pool.put(w)
	if leads {
		c.serve(0, c.dismiss())
	} else {
		c.serve(0, waitlist{})
	}
}

// dismiss takes all followers out of the locked line.
func (c *core) dismiss() (woken waitlist) {
	for w := c.line.head; c.leader.followers > 0; {
		next := w.next
		if w.follows {
			c.remove(w)
			c.cancelled++
			w.done, w.gone = true, true
			woken.push(w)
		}
		w = next
	}
	return woken
}
