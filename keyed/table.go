package keyed

import (
	"math/bits"
	"sync/atomic"
)

// An entry is a key and its limit. Neither changes.
type entry[K comparable, L any] struct {
	use     use
	key     K
	limiter L
}

// A table finds entries by key: an open-addressing table of groups of eight
// slots, with seven bits of each key's hash packed into a word per group, as
// Abseil's Swiss tables have it (https://abseil.io/about/design/swisstables).
//
// Writers have its shard's lock. Readers have none: they see each word and each
// slot as it was at some moment, and may miss an entry that is being put in. An
// entry that they do find is one, for it never moves within a table, and whether it
// is still in use its own word says. Who finds none looks again under the lock.
type table[K comparable, L any] struct {
	groups []group[K, L]
}

type group[K comparable, L any] struct {
	tags  atomic.Uint64 // a byte for each slot
	slots [groupSize]atomic.Pointer[entry[K, L]]
}

const (
	groupSize = 8
	// groupLoad is how many slots of a group are in use on average when the
	// table is taken to be full.
	groupLoad = 7

	lows  = 0x0101010101010101
	highs = 0x8080808080808080
	// A tag is seven bits of a hash, or one of these.
	tagEmpty   = 0x80
	tagDeleted = 0xfe
)

// tagOf and groupOf take other bits of the hash than shardOf.
func tagOf(hash uint64) uint64 { return hash >> 8 & 0x7f }

// groupOf returns the group at which to look first. The number of groups is no
// power of two, so that a table can grow by less than the double.
func groupOf(hash uint64, groups int) int { return int((hash >> 32) * uint64(groups) >> 32) }

// matches returns a word with the highest bit of each byte set that is tag; and
// sometimes of one that is not, above one that is.
func matches(tags, tag uint64) uint64 {
	v := tags ^ lows*tag
	return (v - lows) &^ v & highs
}

// empties returns a word with the highest bit of each byte set that is tagEmpty.
func empties(tags uint64) uint64 { return tags &^ (tags << 6) & highs }

// slotOf returns the slot of the lowest bit in a word of highest bits.
func slotOf(word uint64) int { return bits.TrailingZeros64(word) / 8 }

func newTable[K comparable, L any](groups int) *table[K, L] {
	t := &table[K, L]{groups: make([]group[K, L], groups)}
	for i := range t.groups {
		t.groups[i].tags.Store(lows * tagEmpty)
	}
	return t
}

// find returns the entry of a key, which may be gone, or nil.
func (t *table[K, L]) find(hash uint64, key K) *entry[K, L] {
	tag := tagOf(hash)
	at := groupOf(hash, len(t.groups))
	for range t.groups {
		g := &t.groups[at]
		tags := g.tags.Load()
		for m := matches(tags, tag); m != 0; m &= m - 1 {
			if e := g.slots[slotOf(m)].Load(); e != nil && e.key == key {
				return e
			}
		}
		if empties(tags) != 0 {
			return nil
		}
		if at++; at == len(t.groups) {
			at = 0
		}
	}
	return nil
}

// put puts in e, whose key is not there, and reports whether that took a slot
// that was empty. There must be room.
func (t *table[K, L]) put(hash uint64, e *entry[K, L]) (wasEmpty bool) {
	for at := groupOf(hash, len(t.groups)); ; at = (at + 1) % len(t.groups) {
		g := &t.groups[at]
		tags := g.tags.Load()
		if free := tags & highs; free != 0 {
			slot := slotOf(free)
			wasEmpty = empties(tags)>>(8*slot)&tagEmpty != 0
			// Before its tag, so that a reader who sees the tag sees it.
			g.slots[slot].Store(e)
			g.setTag(slot, tagOf(hash))
			return wasEmpty
		}
	}
}

// remove takes e out and reports whether it was there, and whether its slot is
// empty now.
func (t *table[K, L]) remove(hash uint64, e *entry[K, L]) (found, isEmpty bool) {
	at := groupOf(hash, len(t.groups))
	for range t.groups {
		g := &t.groups[at]
		tags := g.tags.Load()
		for m := matches(tags, tagOf(hash)); m != 0; m &= m - 1 {
			slot := slotOf(m)
			if g.slots[slot].Load() != e {
				continue
			}
			// A search never went past a group that has had an empty slot all
			// the time, and so need not from now on.
			isEmpty = empties(tags) != 0
			if isEmpty {
				g.setTag(slot, tagEmpty)
			} else {
				g.setTag(slot, tagDeleted)
			}
			g.slots[slot].Store(nil)
			return true, isEmpty
		}
		if empties(tags) != 0 {
			return false, false
		}
		at = (at + 1) % len(t.groups)
	}
	return false, false
}

func (g *group[K, L]) setTag(slot int, tag uint64) {
	g.tags.Store(g.tags.Load()&^(0xff<<(8*slot)) | tag<<(8*slot))
}

// all returns the entry in each slot, nil for none. It may be ranged over while
// others write: what is there all the time it yields once.
func (t *table[K, L]) all(yield func(*entry[K, L]) bool) {
	for i := range t.groups {
		for j := range t.groups[i].slots {
			if e := t.groups[i].slots[j].Load(); e != nil && !yield(e) {
				return
			}
		}
	}
}
