package penstock

import "context"

// acquirePermit is AcquirePermit.
func (c *core) acquirePermit(ctx context.Context, n int) (Permit, error) {
	by, err := c.acquire(ctx, n)
	if err != nil {
		return nil, err
	}
	return c.permit(n, by), nil
}

// tryAcquirePermit is TryAcquirePermit.
func (c *core) tryAcquirePermit(n int) (Permit, bool) {
	if c.full(n) {
		return nil, false
	}
	by, ok := c.tryAcquire(n)
	if !ok {
		return nil, false
	}
	return c.permit(n, by), true
}

// permit returns a permit for n units that were taken.
func (c *core) permit(n int, by *holding) Permit {
	switch {
	case n == 0:
		return noPermit{}
	case n == 1 && by == nil:
		return (*onePermit)(c)
	}
	return &unitsPermit{c: c, n: n, by: by}
}

// A onePermit is a permit for one unit of a core. It is the core itself, so
// that it costs no allocation.
type onePermit core

func (p *onePermit) Release(Outcome) { (*core)(p).release(1, p.bounded, nil) }

type unitsPermit struct {
	c  *core
	n  int
	by *holding
}

func (p *unitsPermit) Release(Outcome) { p.c.release(p.n, p.c.bounded, p.by) }

// A noPermit is a permit for nothing.
type noPermit struct{}

func (noPermit) Release(Outcome) {}
