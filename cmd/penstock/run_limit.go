//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/lockdir"
	"github.com/penstock-go/penstock/internal/supervise"
	"github.com/penstock-go/penstock/redislimit"
)

// A runLimit is one limit of penstock run: in a store, or in a folder. As a
// Limiter it takes its weight, whatever it is asked for.
type runLimit struct {
	asked  namedLimit
	weight int
	lease  time.Duration
	store  *redislimit.Store
	shared *redislimit.Semaphore
	local  *lockdir.Semaphore
	broken error // of local, when it was last tried
}

// A limitError says of which limit an error is.
type limitError struct {
	name string
	err  error
}

func (e *limitError) Error() string { return e.name + ": " + e.err.Error() }

func (e *limitError) Unwrap() error { return e.err }

// open returns the limits, and what ends the use of them.
func (f *runFlags) open(ctx context.Context, say func(string), program string) (limits []*runLimit, end func(), err error) {
	end = func() {}
	store, err := f.store.open(ctx, say)
	if err != nil {
		return nil, end, err
	}
	if store != nil {
		end = func() { _ = store.Close() } // it returns nil
	}
	for _, asked := range f.limits {
		l := &runLimit{asked: asked, weight: f.weight(asked.name), lease: f.store.lease, store: store}
		if store != nil {
			l.shared, err = store.Semaphore(asked.name, asked.n)
		} else {
			l.local, err = f.openLocal(asked, program)
		}
		if err != nil {
			end()
			return nil, nil, err
		}
		limits = append(limits, l)
	}
	return limits, end, nil
}

const lockDirHint = "--lock-dir DIR, a folder on a disk of this machine"

func (f *runFlags) openLocal(asked namedLimit, program string) (*lockdir.Semaphore, error) {
	dir := f.lockDir
	if dir == "" {
		state := os.Getenv("XDG_STATE_HOME")
		if !filepath.IsAbs(state) {
			home, err := os.UserHomeDir()
			if err != nil {
				return nil, &hintedError{fmt.Errorf("no folder for locks: %w", err), lockDirHint}
			}
			state = filepath.Join(home, ".local", "state")
		}
		dir = filepath.Join(state, "penstock", "locks")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, &hintedError{fmt.Errorf("no folder for locks: %w", pathReason(err)), lockDirHint}
		}
	}
	s, err := lockdir.Open(dir, asked.name, asked.n, fmt.Sprintf("%s (pid %d)", program, os.Getpid()))
	if err != nil {
		return nil, &hintedError{fmt.Errorf("no folder for locks: %w", pathReason(err)), lockDirHint}
	}
	return s, nil
}

// AcquirePermit is part of penstock.Limiter.
func (l *runLimit) AcquirePermit(ctx context.Context, _ int) (penstock.Permit, error) {
	var p penstock.Permit
	var err error
	if l.shared != nil {
		p, err = l.shared.AcquirePermit(ctx, l.weight)
	} else {
		p, err = l.local.AcquirePermit(ctx, l.weight)
	}
	if err != nil {
		return nil, &limitError{l.asked.name, err}
	}
	return p, nil
}

// TryAcquirePermit is part of penstock.Limiter.
func (l *runLimit) TryAcquirePermit(int) (penstock.Permit, bool) {
	if l.shared != nil {
		return l.shared.TryAcquirePermit(l.weight)
	}
	p, ok, err := l.local.Try(l.weight)
	l.broken = err
	if err != nil || !ok {
		return nil, false
	}
	return p, true
}

// now is the limit under which p was given.
func (l *runLimit) now(p penstock.Permit) int {
	if q, ok := p.(*lockdir.Permit); ok {
		return q.Limit()
	}
	return l.shared.Stats().Limit
}

// fences tells the command the fencing token of p, digits of a fixed number so
// that tokens compare as text; that of the first limit also by a short name.
func (l *runLimit) fences(p penstock.Permit, first bool) []string {
	var epoch, counter uint64
	switch p := p.(type) {
	case *redislimit.Permit:
		epoch, counter = p.Fence().Epoch, p.Fence().Counter
	case *lockdir.Permit:
		epoch, counter = p.Fence()
	}
	text := fmt.Sprintf("%016d.%016d", epoch, counter)
	name := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		if 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return '_'
	}, l.asked.name)
	list := []string{"PENSTOCK_FENCE_" + name + "=" + text}
	if first {
		list = append(list, "PENSTOCK_FENCE="+text)
	}
	return list
}

// watch has c end when p is lost, and hold it until it has ended.
func (l *runLimit) watch(c *supervise.Command, p penstock.Permit, lost chan<- struct{}) {
	switch p := p.(type) {
	case *lockdir.Permit:
		c.Locks = append(c.Locks, p.File())
	case *redislimit.Permit:
		context.AfterFunc(p.Context(), func() { lost <- struct{}{} })
		others := c.Good
		c.Lease = l.lease
		c.Good = func() (left time.Duration, limited bool) {
			if others != nil {
				left, limited = others()
			}
			if at, ok := p.Deadline(); ok && (!limited || time.Until(at) < left) {
				return time.Until(at), true
			}
			return left, limited
		}
	}
}

// describe says who has what of l, and whether it is full.
func (l *runLimit) describe(ctx context.Context) (text string, full bool) {
	if l.shared != nil {
		info, err := l.store.Look(ctx, l.asked.name)
		if errors.Is(err, redislimit.ErrUnknown) {
			return l.asked.name + ": nobody uses it yet", false
		}
		if err != nil {
			return l.asked.name + ": " + ofStore(err), true
		}
		var names []string
		for _, h := range info.Holders {
			if h.InUse > 0 {
				names = append(names, fmt.Sprintf("%s:%d (%d)", h.Host, h.PID, h.InUse))
			}
		}
		return describeHeld(l.asked.name, info.InUse, info.Limit, info.Waiting, names), info.InUse+l.weight > info.Limit
	}
	info, err := l.local.Look()
	if err != nil {
		return l.asked.name + ": " + err.Error(), true
	}
	var names []string
	for _, h := range info.Holders {
		units := ""
		if h.Units > 1 {
			units = fmt.Sprintf("%d, ", h.Units)
		}
		names = append(names, fmt.Sprintf("%s (%sfor %v)", h.Who, units, time.Since(h.Since).Round(time.Second)))
	}
	return describeHeld(l.asked.name, info.InUse, info.Limit, info.Waiting, names), info.InUse+l.weight > info.Limit
}

func describeHeld(name string, used, limit, waiting int, names []string) string {
	text := fmt.Sprintf("%s: %d of %d in use", name, used, limit)
	if len(names) > 0 {
		text += " by " + holders(names)
	}
	if waiting > 1 {
		text += fmt.Sprintf("; %d wait", waiting)
	}
	return text
}
