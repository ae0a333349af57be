package keyed

import (
	"cmp"
	"iter"
	"slices"
)

// Stats is what a [Limiter] has been doing. It marshals to JSON as it is. It shows
// keys as they are: where a key is a secret, limit by a name or a hash of it.
type Stats[K comparable] struct {
	// Keys is how many keys there are; Made how many limits have ever been
	// made, and Dropped how many of these were idle and dropped.
	Keys    int   `json:"keys"`
	Made    int64 `json:"made"`
	Dropped int64 `json:"dropped"`
	// Waiting and InUse are the sums of all keys.
	Waiting int `json:"waiting"`
	InUse   int `json:"in_use"`
	// Top are the busiest keys: those with the most Waiting, and among equals
	// the most InUse, first; none that has neither.
	Top []KeyStats[K] `json:"top"`
}

// KeyStats is what goes on at one key.
type KeyStats[K comparable] struct {
	Key K `json:"key"`
	// Waiting is how many callers have not been answered yet, those in a
	// penstock.All that this key's limit holds up included.
	Waiting int `json:"waiting"`
	// InUse is how many permits are out, whatever their weight.
	InUse int `json:"in_use"`
}

// Stats returns what goes on, with at most top keys in Stats.Top. It looks at
// every key, one after the other while others use them, so the sums are exact
// only when nothing happens.
func (l *Limiter[K, L]) Stats(top int) Stats[K] {
	var st Stats[K]
	behind := l.standing.behind()
	for e := range l.entries {
		k := KeyStats[K]{Key: e.key}
		var alive bool
		if k.Waiting, k.InUse, alive = e.use.counts(); !alive {
			continue
		}
		k.Waiting += behind[&e.use]
		st.Keys++
		st.Waiting += k.Waiting
		st.InUse += k.InUse
		st.Top = rank(st.Top, k, top)
	}
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		st.Made += s.made
		st.Dropped += s.gone
		s.mu.Unlock()
	}
	return st
}

// rank puts k in its place among the first, of which there are most at the most.
func rank[K comparable](first []KeyStats[K], k KeyStats[K], most int) []KeyStats[K] {
	if most <= 0 || k.Waiting == 0 && k.InUse == 0 {
		return first
	}
	i, _ := slices.BinarySearchFunc(first, k, func(a, b KeyStats[K]) int {
		// One that is equal stays ahead of k.
		return cmp.Or(cmp.Compare(b.Waiting, a.Waiting), cmp.Compare(b.InUse, a.InUse), -1)
	})
	if i == most {
		return first
	}
	if len(first) == most {
		first = first[:most-1]
	}
	return slices.Insert(first, i, k)
}

// Len returns how many keys there are, idle ones that have not been dropped
// included.
func (l *Limiter[K, L]) Len() int { return int(l.keys.Load()) }

// Range returns a sequence of all keys and their limits, in no order. A key that
// is made or dropped meanwhile may or may not be in it. While the loop is at a
// key, that key is not dropped and counts one in Stats.Waiting; the loop's body may
// use l, and need not be quick. Of the limit it may read statistics; what it acquires
// of it directly l does not know of.
func (l *Limiter[K, L]) Range() iter.Seq2[K, L] {
	return func(yield func(K, L) bool) {
		for e := range l.entries {
			if e.use.enter(calling) && !l.yield(e, yield) {
				return
			}
		}
	}
}

// yield yields e, however that ends.
func (*Limiter[K, L]) yield(e *entry[K, L], yield func(K, L) bool) bool {
	defer e.use.leave(calling)
	return yield(e.key, e.limiter)
}

// entries yields every entry; some may be gone.
func (l *Limiter[K, L]) entries(yield func(*entry[K, L]) bool) {
	for i := range l.shards {
		for e := range l.shards[i].table.Load().all {
			if !yield(e) {
				return
			}
		}
	}
}
