package keyed

import (
	"fmt"
	"sync/atomic"

	"github.com/penstock-go/penstock"
)

// A Permit is a permit of one key's limit, and keeps the key from being dropped
// until Release. It is what the penstock.Permit of every method is. Its
// methods may be called by several goroutines.
type Permit struct {
	use   atomic.Pointer[use] // nil once released
	inner penstock.Permit
}

// newPermit returns a permit around inner. u counts it already.
func newPermit(u *use, inner penstock.Permit) *Permit {
	p := &Permit{inner: inner}
	p.use.Store(u)
	return p
}

// Release gives the permit back to the key's limit. It must be called also
// where time alone gives back what was taken, as with a rate: a permit that is
// dropped keeps its key forever. It panics with an error that is
// penstock.ErrOverRelease when called a second time.
func (p *Permit) Release(o penstock.Outcome) {
	u := p.use.Swap(nil)
	if u == nil {
		panic(fmt.Errorf("keyed: a permit was released twice: %w", penstock.ErrOverRelease))
	}
	// First the limit: it may still be needed until the permit is back.
	p.inner.Release(o)
	u.leave(held)
}

// Settle says what the operation has really cost, if the limit's own permit has
// a method of this name, as that of rate has; else it does nothing. Call it
// before Release. After that it does nothing: the key may be gone.
func (p *Permit) Settle(actual int) {
	if s, ok := p.inner.(interface{ Settle(actual int) }); ok && p.use.Load() != nil {
		s.Settle(actual)
	}
}
