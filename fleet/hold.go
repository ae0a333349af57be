package fleet

import (
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// A hold is a chunk that a worker has in hand.
type hold struct {
	entry   string // in the stream
	time    string // how often it was given out, ours included
	items   []fetch.Item
	at      int    // of items, the next for the engine
	done    []bool // those with a record
	left    int    // without one
	failed  int64
	renewed time.Time // when it was surely ours
	// settling says that Redis was told that it is done.
	settling bool
	lost     bool
}

// A place is where an item that the engine has stands.
type place struct {
	in *hold
	at int
}

// newHold is a chunk that Redis has given out since the time now. Items that have
// their records from an earlier run are done.
func newHold(entry, times string, items []fetch.Item, now time.Time, done func(index int64) bool) *hold {
	h := &hold{entry: entry, time: times, items: items, renewed: now, done: make([]bool, len(items)), left: len(items)}
	for i := range items {
		if done(items[i].Index) {
			h.done[i] = true
			h.left--
		}
	}
	return h
}

// more goes to the next item for the engine, if there is one.
func (h *hold) more() bool {
	for h.at < len(h.items) && h.done[h.at] {
		h.at++
	}
	return h.at < len(h.items)
}

// rest are the items without a record.
func (h *hold) rest() []fetch.Item {
	var rest []fetch.Item
	for i, done := range h.done {
		if !done {
			rest = append(rest, h.items[i])
		}
	}
	return rest
}

// ripe says that the chunk can be settled.
func (h *hold) ripe() bool { return h.left == 0 && !h.lost }

// first and last are the indexes of the first and last item, for messages.
func (h *hold) span() (first, last int64) {
	return h.items[0].Index, h.items[len(h.items)-1].Index
}
