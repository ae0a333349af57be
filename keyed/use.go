package keyed

import "sync/atomic"

// A use counts who uses an entry, and so keeps it from being dropped.
//
// Its word says how many permits are out, how many calls have not been answered
// yet, whether somebody is about to drop the entry, and whether it has been
// dropped, which is for good.
type use struct {
	word atomic.Uint64
}

const (
	gone    = 1 << 0
	closing = 1 << 1
	calling = 1 << 2  // one call: bits 2 to 32
	held    = 1 << 33 // one permit: bits 33 to 63

	countMask = 1<<31 - 1
)

// enter counts what, a call or a permit. It says false if u is gone: then what
// it counted does not matter any more.
func (u *use) enter(what uint64) bool {
	w := u.word.Add(what)
	if w&(gone|closing) == 0 {
		return true
	}
	return u.reopen(w)
}

// reopen makes whoever is about to drop the entry, and looks whether its limit
// is idle, think again. The count alone would not: it may be back to 0 by then,
// and the limit have changed.
func (u *use) reopen(w uint64) bool {
	if w&gone != 0 {
		return false
	}
	u.word.And(^uint64(closing))
	return true
}

// leave undoes enter.
func (u *use) leave(what uint64) { u.word.Add(-what) }

// answered turns a call into a permit.
func (u *use) answered() { u.word.Add(held - calling) }

// drop makes u gone if nobody uses it and idle says that nobody has until it was
// called, from the beginning of drop to its end. Only one goroutine may call drop at a
// time: a second could take the first's mark for its own.
func (u *use) drop(idle func() bool) bool {
	if !u.word.CompareAndSwap(0, closing) {
		return false
	}
	if !idle() {
		u.word.And(^uint64(closing))
		return false
	}
	return u.word.CompareAndSwap(closing, gone)
}

// counts returns how many calls are under way and how many permits are out.
func (u *use) counts() (calls, permits int, alive bool) {
	w := u.word.Load()
	return int(w / calling & countMask), int(w / held & countMask), w&gone == 0
}
