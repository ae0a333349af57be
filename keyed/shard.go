package keyed

import (
	"slices"
	"sync"
	"sync/atomic"
)

// A shard holds the keys of one sixty-fourth of all hashes.
type shard[K comparable, L any] struct {
	table atomic.Pointer[table[K, L]] // written under mu

	mu     sync.Mutex
	full   int          // entries in table
	used   int          // slots in table that are not empty
	made   int64        // limits ever made
	gone   int64        // of them dropped
	making []*making[K] // keys whose limits are being made; few

	sweeping atomic.Bool // somebody drops idle entries
	hand     int         // the slot to look at next; its holder's

	_ [24]byte // to 128 bytes: two cache lines, which processors fetch together
}

// making is a key whose limit is being made, outside of all locks, by one for
// all who want it.
type making[K comparable] struct {
	key  K
	done chan struct{} // closed when it is made or could not be
}

// get returns the entry of a key, which it makes if there is none, with what
// counted in its use.
func (l *Limiter[K, L]) get(key K, what uint64) *entry[K, L] {
	hash := l.hash(key)
	s := l.shardOf(hash)
	if e := s.table.Load().find(hash, key); e != nil && e.use.enter(what) {
		return e
	}
	return l.getSlow(s, hash, key, what)
}

// getSlow is get for a key that was not there.
func (l *Limiter[K, L]) getSlow(s *shard[K, L], hash uint64, key K, what uint64) *entry[K, L] {
	for {
		s.mu.Lock()
		e := s.table.Load().find(hash, key)
		if e != nil && e.use.enter(what) {
			s.mu.Unlock()
			return e
		}
		i := slices.IndexFunc(s.making, func(m *making[K]) bool { return m.key == key })
		if i < 0 {
			if e != nil {
				s.remove(hash, e) // by now only in the way
			}
			m := &making[K]{key: key, done: make(chan struct{})}
			s.making = append(s.making, m)
			s.mu.Unlock()
			return l.makeEntry(s, hash, m, what)
		}
		done := s.making[i].done
		s.mu.Unlock()
		<-done
	}
}

// makeEntry makes the entry that m announces, and drops others that are idle if
// they are too many.
func (l *Limiter[K, L]) makeEntry(s *shard[K, L], hash uint64, m *making[K], what uint64) *entry[K, L] {
	e := l.callMake(s, hash, m, what)
	if l.keys.Add(1) > int64(l.maxIdle) {
		l.sweep()
	}
	return e
}

// callMake calls make. Should that panic or end its goroutine, the next who
// wants the key calls it again.
func (l *Limiter[K, L]) callMake(s *shard[K, L], hash uint64, m *making[K], what uint64) (e *entry[K, L]) {
	defer func() {
		s.mu.Lock()
		s.making = slices.DeleteFunc(s.making, func(o *making[K]) bool { return o == m })
		if e != nil {
			l.insert(s, hash, e)
		}
		s.mu.Unlock()
		close(m.done)
	}()
	limiter := l.make(m.key)
	if any(limiter) == nil {
		panic("keyed: the function given to New returned a nil Limiter")
	}
	e = &entry[K, L]{key: ownKey(m.key), limiter: limiter}
	e.use.word.Store(what)
	return e
}

// insert puts e into the locked s.
func (l *Limiter[K, L]) insert(s *shard[K, L], hash uint64, e *entry[K, L]) {
	if s.used >= len(s.table.Load().groups)*groupLoad {
		l.rehash(s)
	}
	s.made++
	s.full++
	if s.table.Load().put(hash, e) {
		s.used++
	}
}

// remove takes e out of the locked s, if it is there.
func (s *shard[K, L]) remove(hash uint64, e *entry[K, L]) {
	found, isEmpty := s.table.Load().remove(hash, e)
	if found {
		s.full--
	}
	if isEmpty {
		s.used--
	}
}

// rehash gives the locked s a new table, with room for one entry more at least
// and for a third more than there are. A table is therefore two thirds full
// at the least, but for the smallest, and an entry is moved three times on average.
func (l *Limiter[K, L]) rehash(s *shard[K, L]) {
	const perGroup = 3 * groupLoad
	t := newTable[K, L](((s.full+1)*4 + perGroup - 1) / perGroup)
	n := 0
	for e := range s.table.Load().all {
		if _, _, alive := e.use.counts(); alive {
			t.put(l.hash(e.key), e)
			n++
		}
	}
	s.full, s.used = n, n
	s.table.Store(t)
}
