package adaptive

import "time"

// A Gate says when the next operation may begin: never faster than a rate, and
// not at all while it is held. The zero Gate is open.
type Gate struct {
	until time.Time // nothing before
	from  time.Time // the last one began, as the rate counts it,
	units int       // and was of so many units
}

// slack is how much lateness is made up for: timers are late by up to a
// millisecond.
const slack = 2 * time.Millisecond

// Wait returns how long after now the next operation may begin, at so many units
// a second, or 0 for any number: 0 or less for at once.
func (g *Gate) Wait(now time.Time, perSecond float64) time.Duration {
	wait := g.until.Sub(now)
	if perSecond > 0 && g.units > 0 {
		wait = max(wait, g.due(perSecond).Sub(now))
	}
	return wait
}

// due returns when the units taken are paid for.
func (g *Gate) due(perSecond float64) time.Time {
	return g.from.Add(seconds(min(float64(g.units)/perSecond, longest)))
}

// longest is how far ahead the gate looks, in seconds.
const longest = 1e9

// Take notes that n units began at now.
func (g *Gate) Take(now time.Time, perSecond float64, n int) {
	from := now.Add(-slack)
	if perSecond > 0 && g.units > 0 {
		if due := g.due(perSecond); due.After(from) {
			from = due
		}
	}
	g.from, g.units = from, n
}

// Untake gives n units back that were never used.
func (g *Gate) Untake(n int) { g.units = max(0, g.units-n) }

// Hold closes the gate until a time. It never opens a gate earlier than an
// earlier Hold has said.
func (g *Gate) Hold(until time.Time) {
	if until.After(g.until) {
		g.until = until
	}
}

// HeldUntil returns until when the gate is closed.
func (g *Gate) HeldUntil() time.Time { return g.until }
