package penstock

import "slices"

// An allPermit is a permit of several limits.
type allPermit struct {
	permits []Permit
	few     [3]Permit
}

// Release releases the permits in the order in which the limits were given to
// All.
func (p *allPermit) Release(o Outcome) {
	for _, p := range p.permits {
		p.Release(o)
	}
}

// Unwrap returns the permits that p is made of, in the order in which the limits
// were given to All. They are released by p and nobody else.
func (p *allPermit) Unwrap() []Permit { return slices.Clone(p.permits) }

// settler returns p as a permit that is a Settler only if there is something to
// settle.
func (p *allPermit) settler() Permit {
	for _, q := range p.permits {
		if _, ok := q.(Settler); ok {
			return (*allSettler)(p)
		}
	}
	return p
}

// An allSettler is an allPermit some of whose permits are Settlers.
type allSettler allPermit

func (p *allSettler) Release(o Outcome) { (*allPermit)(p).Release(o) }
func (p *allSettler) Unwrap() []Permit  { return (*allPermit)(p).Unwrap() }

// Settle is part of Settler.
func (p *allSettler) Settle(actual int) {
	for _, q := range p.permits {
		if s, ok := q.(Settler); ok {
			s.Settle(actual)
		}
	}
}

// ofCall returns p, of one operation, as a permit that is no Settler.
func ofCall(p Permit) Permit {
	if _, ok := p.(Settler); ok {
		return callPermit{p}
	}
	return p
}

// A callPermit hides that a permit is a Settler.
type callPermit struct{ p Permit }

func (p callPermit) Release(o Outcome) { p.p.Release(o) }
