package adaptive

import "time"

// IdleAfter is how long what a Limiter has learned is kept for one that nobody uses:
// see [Limiter.Idle].
const IdleAfter = 10 * time.Minute

// Idle reports whether l may be dropped at now, a reading of time.Now, and made anew
// when it is needed again:
//
//   - no permit is out and nobody waits, also not in a penstock.All;
//   - it is not held, no window is under way of which the server has told what
//     remains, and what was taken of a rate is paid for;
//   - and it has learned nothing yet, because it was never used, or nothing was
//     given, released or told for IdleAfter.
//
// What it has learned by then is lost, and nothing else: it is found again from
// Options.Start in some hundred operations. What SetRate has said is lost as well:
// say it again where the Limiter is made anew.
//
// A keyed.Limiter asks this before it drops a key.
func (l *Limiter) Idle(now time.Time) bool {
	l.mu.Lock()
	defer l.unlock()
	switch {
	case l.inFlight > 0 || l.queue.first != nil:
		return false
	case l.used.IsZero():
		return true
	case l.gate.Wait(now, l.perSecond(now)) > 0 || l.quota.end.After(now):
		return false
	}
	return now.Sub(l.used) >= IdleAfter
}
