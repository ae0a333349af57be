package keyed

import (
	"context"
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/penstock-go/penstock"
)

// Options is how a [Limiter] keeps its keys.
type Options struct {
	// MaxIdle is how many keys there may be before idle ones are dropped, as
	// new keys come. The default, 0, is DefaultMaxIdle. Below 0 none are kept:
	// each new key drops the idle ones that it finds.
	MaxIdle int
}

// DefaultMaxIdle is how many keys are kept for nothing unless Options says
// otherwise: some 1.5 MB of host names with a rate each.
const DefaultMaxIdle = 16384

// shards is how many parts the keys are in, each with a lock of its own for
// those who make and drop keys.
const shards = 64

// A Limiter keeps a limit of type L for each key of type K. It is made by [New];
// the zero Limiter is not ready for use and panics. It must not be copied, and is
// safe for concurrent use. It owns no goroutine: one that is no longer needed is
// simply dropped.
//
// Keys are compared by ==. One that does not equal itself, a floating-point NaN, has
// a new limit each time. A key of an interface type panics if what it holds
// cannot be compared.
type Limiter[K comparable, L penstock.Limiter] struct {
	make     func(K) L
	maxIdle  int
	seed     maphash.Seed
	keys     atomic.Int64 // how many there are
	hand     atomic.Uint64
	standing standing
	shards   [shards]shard[K, L]
}

// New returns a Limiter without keys, which makes the limit of a key by makeLimit.
//
// makeLimit is called once when a key is needed for the first time, or for the
// first time since it was dropped, by one of the goroutines that need it, while
// others that need the same key wait for it. No lock is held: it may use other
// limiters, and other keys of this one. It must not block, nor use the same key. What
// it returns for a key must be new, nothing in use, and the same limit whenever
// it is called. If it panics, so does the method that called it; the next who
// needs the key calls it again.
//
// New panics if makeLimit is nil.
func New[K comparable, L penstock.Limiter](makeLimit func(key K) L, o Options) *Limiter[K, L] {
	if makeLimit == nil {
		panic("keyed: nil function")
	}
	if o.MaxIdle == 0 {
		o.MaxIdle = DefaultMaxIdle
	}
	l := &Limiter[K, L]{make: makeLimit, maxIdle: max(o.MaxIdle, 0), seed: maphash.MakeSeed()}
	none := newTable[K, L](0)
	for i := range l.shards {
		l.shards[i].table.Store(none)
	}
	return l
}

func (l *Limiter[K, L]) hash(key K) uint64 { return maphash.Comparable(l.seed, key) }

func (l *Limiter[K, L]) shardOf(hash uint64) *shard[K, L] { return &l.shards[hash%shards] }

// ownKey returns key, and if it is a string one that shares no memory with others.
func ownKey[K comparable](key K) K {
	if s, ok := any(key).(string); ok {
		key, _ = any(strings.Clone(s)).(K)
	}
	return key
}

// AcquirePermit waits until n units of key's limit are to be had, and takes
// them, as the AcquirePermit of that limit does and with its errors. The permit
// is a [*Permit]; release it, also if the limit is a rate, or key is kept
// forever. It allocates the permit, 24 bytes, beside what the limit does.
func (l *Limiter[K, L]) AcquirePermit(ctx context.Context, key K, n int) (penstock.Permit, error) {
	e := l.get(key, calling)
	answered := false
	defer func() {
		if !answered {
			e.use.leave(calling)
		}
	}()
	p, err := e.limiter.AcquirePermit(ctx, n)
	if err != nil {
		return nil, err
	}
	e.use.answered()
	answered = true
	return newPermit(&e.use, p), nil
}

// TryAcquirePermit takes n units of key's limit if they are to be had now and
// nobody waits for them. It never blocks. The permit is as with AcquirePermit.
func (l *Limiter[K, L]) TryAcquirePermit(key K, n int) (penstock.Permit, bool) {
	e := l.get(key, calling)
	answered := false
	defer func() {
		if !answered {
			e.use.leave(calling)
		}
	}()
	p, ok := e.limiter.TryAcquirePermit(n)
	if !ok {
		return nil, false
	}
	e.use.answered()
	answered = true
	return newPermit(&e.use, p), true
}

// Allow takes n units of key's limit, if they are to be had now and nobody waits
// for them, for an operation that is over at once, and reports whether it did. It
// never blocks. It is for rates, to which time gives back what was taken; of a
// semaphore it tells whether there is room at this moment.
//
// Where the limit has a method Allow(int) bool, as *rate.Limiter has, that is
// called, and Allow allocates nothing. Else it is TryAcquirePermit and Release.
func (l *Limiter[K, L]) Allow(key K, n int) bool {
	e := l.get(key, calling)
	defer e.use.leave(calling)
	if a, ok := any(e.limiter).(interface{ Allow(n int) bool }); ok {
		return a.Allow(n)
	}
	p, ok := e.limiter.TryAcquirePermit(n)
	if ok {
		p.Release(penstock.Success)
	}
	return ok
}

// Wait waits until n units of key's limit are to be had, and takes them for an
// operation that is over at once. Like Allow it is for rates. It waits as
// AcquirePermit does and has the same errors; there is nothing to release.
//
// Where the limit has a method Wait(context.Context, int) error, as
// *rate.Limiter has, that is called.
func (l *Limiter[K, L]) Wait(ctx context.Context, key K, n int) error {
	e := l.get(key, calling)
	defer e.use.leave(calling)
	if w, ok := any(e.limiter).(interface {
		Wait(ctx context.Context, n int) error
	}); ok {
		return w.Wait(ctx, n)
	}
	p, err := e.limiter.AcquirePermit(ctx, n)
	if err == nil {
		p.Release(penstock.Success)
	}
	return err
}
