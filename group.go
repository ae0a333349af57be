package penstock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// A Group runs tasks that are not known beforehand, and may start more of
// themselves: asyncio's TaskGroup with a limit. Make one with [NewGroup].
//
// The first task that fails cancels the context of the others, with its error
// as the cause, and no more start. A Group is for use once, and safe for
// concurrent use. It must be waited for.
type Group struct {
	bound  bound[struct{}]
	bad    error           // of the limit
	outer  context.Context // NewGroup's, kept for the life of the group
	ctx    context.Context // the tasks'
	cancel context.CancelCauseFunc
	room   chan struct{} // has an element for each task, under a plain number

	mu     sync.Mutex
	active int           // tasks, and calls of Go that wait
	idle   chan struct{} // closed when active is 0 again, if somebody waits
	ended  bool
	errs   []error
	cut    bool // tasks ended because the outer context had
}

// NewGroup makes a Group whose tasks are given a context derived from ctx, and
// of which as many run at once as limit allows: a plain number, or [By]. With
// a limit below one every Go, and Wait, says [ErrLimit].
func NewGroup[L interface{ int | Limited }](ctx context.Context, limit L) *Group {
	g := &Group{outer: ctx}
	g.bound, g.bad = boundOf[struct{}](limit)
	if g.bad == nil && g.bound.limiter == nil {
		g.room = make(chan struct{}, g.bound.tasks)
	}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	return g
}

// Go waits until the limit lets one more task run, first come first served,
// and starts f on a goroutine of its own. f is given the group's context, not
// ctx, which is only for the waiting.
//
// An error says that f was not started and never will be. It wraps
// context.Cause(ctx) when ctx ended first, and is [ErrGroupEnded] when Wait has
// returned, a task has failed or the group's context has ended; it then wraps
// the cause of that end, too. While Wait blocks, tasks may still start tasks.
//
// A task that calls Go of its own full group waits for room that it may hold
// itself: when all do, none goes on until a context ends.
func (g *Group) Go(ctx context.Context, f func(context.Context) error) error {
	needFunc(f == nil)
	if err := g.enter(); err != nil {
		return err
	}
	permit, err := g.acquire(ctx)
	if err != nil {
		g.leave()
		return err
	}
	go g.run(permit, f)
	return nil
}

// TryGo starts f as Go does if the limit lets one more task run now and nobody
// waits, and reports whether it did. It never waits. Where Go would return an error
// it reports false.
func (g *Group) TryGo(f func(context.Context) error) bool {
	needFunc(f == nil)
	if g.enter() != nil {
		return false
	}
	permit, ok := g.tryAcquire()
	if ok && g.endErr() != nil {
		g.release(permit, Unused)
		ok = false
	}
	if !ok {
		g.leave()
		return false
	}
	go g.run(permit, f)
	return true
}

// Wait blocks until all tasks have ended, and ends the group. It returns the
// errors of the tasks joined, the first one first. Errors that only tell that
// the group's context had been cancelled are left out; if that was the doing
// of the context given to NewGroup, one error that wraps its cause stands for
// all of them. Every call of Wait returns the same.
func (g *Group) Wait() error {
	for {
		g.mu.Lock()
		if g.active == 0 {
			break
		}
		if g.idle == nil {
			g.idle = make(chan struct{})
		}
		idle := g.idle
		g.mu.Unlock()
		<-idle
	}
	defer g.mu.Unlock()
	g.ended = true
	defer g.cancel(nil)
	if g.bad != nil {
		return g.bad
	}
	errs := g.errs
	if g.cut {
		errs = append(slices.Clone(errs), endError(g.outer, "group"))
	}
	return errors.Join(errs...)
}

// enter counts a call of Go among what Wait waits for.
func (g *Group) enter() error {
	if g.bad != nil {
		return g.bad
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return fmt.Errorf("%w: it has been waited for", ErrGroupEnded)
	}
	if err := g.endErr(); err != nil {
		return err
	}
	g.active++
	return nil
}

func (g *Group) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active--
	if g.active == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}

// endErr is what Go says when the group's context has ended.
func (g *Group) endErr() error {
	if g.ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrGroupEnded, context.Cause(g.ctx))
}

// acquire waits for room. The permit is nil under a plain number.
func (g *Group) acquire(ctx context.Context) (permit Permit, err error) {
	if ctx.Err() != nil {
		return nil, endError(ctx, "waiting for room in a group")
	}
	if g.bound.limiter != nil {
		permit, err = g.acquirePermit(ctx)
	} else {
		select {
		case g.room <- struct{}{}:
		case <-ctx.Done():
			err = endError(ctx, "waiting for room in a group")
		case <-g.ctx.Done():
			return nil, g.endErr()
		}
	}
	if err != nil {
		return nil, err
	}
	// A task that failed has ended the context before it left its room.
	if err := g.endErr(); err != nil {
		g.release(permit, Unused)
		return nil, err
	}
	return permit, nil
}

// tryAcquire is acquire where nothing may wait.
func (g *Group) tryAcquire() (permit Permit, ok bool) {
	if g.bound.limiter != nil {
		return g.bound.limiter.TryAcquirePermit(1)
	}
	select {
	case g.room <- struct{}{}:
		return nil, true
	default:
		return nil, false
	}
}

// acquirePermit waits for a permit until ctx or the group's context ends.
func (g *Group) acquirePermit(ctx context.Context) (Permit, error) {
	if permit, ok := g.bound.limiter.TryAcquirePermit(1); ok {
		return permit, nil
	}
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(g.ctx, func() { cancel(context.Cause(g.ctx)) })()
	permit, err := g.bound.limiter.AcquirePermit(both, 1)
	if err != nil && ctx.Err() == nil && g.ctx.Err() != nil {
		return nil, g.endErr()
	}
	return permit, err
}

func (g *Group) release(permit Permit, o Outcome) {
	if permit == nil {
		<-g.room
		return
	}
	permit.Release(o)
}

// run runs a task.
func (g *Group) run(permit Permit, f func(context.Context) error) {
	err, returned := ErrGoexit, false
	defer leave(&returned, func() {}, func() {
		o := outcomeOf(g.ctx, err) // before the group's context is cancelled for it
		g.record(err)
		g.release(permit, o)
		g.leave()
	})
	err = f(g.ctx)
	returned = true
}

// record keeps a task's error and cancels the others for it.
func (g *Group) record(err error) {
	if err == nil {
		return
	}
	echo := onlyEnded(g.ctx, err)
	g.mu.Lock()
	switch {
	case !echo:
		g.errs = append(g.errs, err)
	case len(g.errs) == 0: // a task's error is recorded before it cancels
		g.cut = true
	}
	g.mu.Unlock()
	g.cancel(err)
}
