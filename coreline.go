package penstock

import (
	"fmt"
	"time"
)

// Order is part of Line.
func (c *core) Order() uint64 {
	if order := c.order.Load(); order != 0 {
		return order
	}
	c.order.CompareAndSwap(0, NewOrder())
	return c.order.Load()
}

// Lock is part of Line.
func (c *core) Lock() { c.lock() }

// Unlock is part of Line.
func (c *core) Unlock() { c.unlock() }

// Serve is part of Line.
func (c *core) Serve() {
	c.lock()
	c.serve(0)
}

// Room is part of Line. A limit of 0 refuses nobody: it is one that has not
// been set yet, or is closed for a while, and all wait.
func (c *core) Room(ticket uint64, n int) (time.Duration, error) {
	first := c.line.head
	if n == 0 {
		return 0, nil
	}
	err := c.overLimit(n)
	switch {
	case err != nil:
		return 0, err
	case c.word.Load()>>freeShift < int64(n):
		return -1, nil
	case first != nil && first.ticket < ticket:
		return -1, nil
	}
	return 0, nil
}

// overLimit returns the error of a demand that is more than the limit, if it is.
func (c *core) overLimit(n int) error {
	if limit := c.limit.Load(); limit > 0 && int64(n) > limit {
		return fmt.Errorf("penstock: acquire %d of %d: %w", n, limit, ErrOverLimit)
	}
	return nil
}

// Take is part of Line.
func (c *core) Take(n int) Permit {
	if n == 0 {
		return noPermit{}
	}
	c.take(n)
	return c.permit(n)
}

// Join is part of Line.
func (c *core) Join(w *Waiter) {
	c.line.insert(&w.node)
	c.standers++
}

// Leave is part of Line.
func (c *core) Leave(w *Waiter) {
	c.line.remove(&w.node)
	c.standers--
}

// Waited is part of Line.
func (c *core) Waited(d time.Duration) {
	c.mu.Lock()
	c.waited++
	c.mu.Unlock()
	c.times.add(d)
}

// permit returns a permit for n units that were taken.
func (c *core) permit(n int) Permit {
	switch n {
	case 0:
		return noPermit{}
	case 1:
		return (*onePermit)(c)
	}
	return &coresPermit{c: c, n: n}
}

// A onePermit is a permit for one unit of a core. It is the core itself, so
// that it costs no allocation.
type onePermit core

func (p *onePermit) Release(Outcome) { (*core)(p).release(1, p.bounded) }

type coresPermit struct {
	c *core
	n int
}

func (p *coresPermit) Release(Outcome) { p.c.release(p.n, p.c.bounded) }

// A noPermit is a permit for nothing.
type noPermit struct{}

func (noPermit) Release(Outcome) {}
