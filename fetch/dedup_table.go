package fetch

import "math/bits"

// A firstItem is the first item with some request.
type firstItem struct {
	index   int64
	done    bool
	outcome Outcome
}

// A requestTable finds the first item with a request. It takes 24 bytes for
// each, and no more than it may in all: a table full of pointers, or one that
// doubles, would take several times that. It is not safe for concurrent use.
type requestTable struct {
	most   int64 // bytes
	size   int64
	shards [256]requestShard
}

// A requestShard is a hash table with linear probing. That there are many makes
// it cheap to enlarge one: for that moment there are two of it.
type requestShard struct {
	slots []requestSlot
	used  int
}

type requestSlot struct {
	key  requestKey
	item uint64 // see pack; 0 means that the slot is free
}

const slotSize = 24

// find returns the place of key in slots, or the free one where it belongs.
func find(slots []requestSlot, key requestKey) *requestSlot {
	at, _ := bits.Mul64(key.a, uint64(len(slots)))
	for {
		s := &slots[at]
		if s.item == 0 || s.key == key {
			return s
		}
		if at++; at == uint64(len(slots)) {
			at = 0
		}
	}
}

func (t *requestTable) get(key requestKey) (firstItem, bool) {
	shard := &t.shards[key.b&0xff]
	if len(shard.slots) == 0 {
		return firstItem{}, false
	}
	s := find(shard.slots, key)
	return unpackFirst(s.item), s.item != 0
}

// put sets what is known of key. It reports false where there is no room for
// another key.
func (t *requestTable) put(key requestKey, f firstItem) bool {
	shard := &t.shards[key.b&0xff]
	if len(shard.slots) > 0 {
		if s := find(shard.slots, key); s.item != 0 {
			s.item = packFirst(f)
			return true
		}
	}
	if shard.used*8 >= len(shard.slots)*7 && !t.grow(shard) {
		return false
	}
	*find(shard.slots, key) = requestSlot{key, packFirst(f)}
	shard.used++
	return true
}

// grow makes a shard half as large again.
func (t *requestTable) grow(shard *requestShard) bool {
	slots := len(shard.slots)
	more := max(16, slots/2)
	if t.size+int64(more)*slotSize > t.most {
		return false
	}
	t.size += int64(more) * slotSize
	grown := make([]requestSlot, slots+more)
	for _, s := range shard.slots {
		if s.item != 0 {
			*find(grown, s.key) = s
		}
	}
	shard.slots = grown
	return true
}

// pack puts a firstItem into 64 bits: 1 that says that it is one, whether it is
// done and ok, 4 for the class, 10 for the status, 47 for the index.
func packFirst(f firstItem) uint64 {
	p := uint64(1) | uint64(f.index)<<17 | uint64(f.outcome.Status&0x3ff)<<7 | uint64(classNumber(f.outcome.Class)&0xf)<<3
	if f.done {
		p |= 2
	}
	if f.outcome.OK {
		p |= 4
	}
	return p
}

func unpackFirst(p uint64) firstItem {
	f := firstItem{index: int64(p >> 17), done: p&2 != 0}
	f.outcome = Outcome{OK: p&4 != 0, Status: int(p >> 7 & 0x3ff)}
	if n := int(p >> 3 & 0xf); n < len(classes) {
		f.outcome.Class = classes[n]
	}
	return f
}
