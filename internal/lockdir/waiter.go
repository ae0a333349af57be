//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package lockdir

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/penstock-go/penstock"
)

// mostWatched is how many holders the first of the queue waits for with a thread
// each. Where there are more it also looks now and then.
const (
	mostWatched = 128
	lookEvery   = 100 * time.Millisecond
)

// A waiter is an acquire under way.
type waiter struct {
	s    *Semaphore
	n    int
	try  bool
	wake chan struct{} // something that it waits for has ended

	place entry    // in the queue; its ticket is 0 until there is one
	file  *os.File // that of the place, locked

	mu      sync.Mutex
	watched map[string]bool
}

// step looks whether it is w's turn, and what to wait for if not. The caller has
// the lock of the folder. poll is how long to wait at most; 0 is for ever.
func (w *waiter) step() (p *Permit, poll time.Duration, err error) {
	s := w.s
	all, err := s.entries()
	if err != nil {
		return nil, 0, err
	}
	st := s.state(all)
	before, err := s.before(all, w.place.ticket)
	if err != nil {
		return nil, 0, err
	}
	if before != nil {
		if w.n > st.Limit {
			before.Close()
			return nil, 0, w.over(st.Limit)
		}
		return nil, 0, w.queue(st, before)
	}
	used := 0
	var holders []*os.File
	defer func() {
		for _, f := range holders {
			f.Close()
		}
	}()
	for _, e := range all {
		if e.kind != 'h' {
			continue
		}
		if f := s.live(e); f != nil {
			holders = append(holders, f)
			used += e.n
		}
	}
	if used == 0 && st.Limit != s.limit && !s.behind(all, w.place.ticket) {
		st.Limit = s.limit // there is nobody else
	}
	switch {
	case w.n > st.Limit:
		return nil, 0, w.over(st.Limit)
	case used+w.n <= st.Limit:
		p, err = s.grant(st, w.n)
		return p, 0, err
	}
	if err := w.queue(st, nil); err != nil || w.try {
		return nil, 0, err
	}
	if len(holders) > mostWatched {
		poll = lookEvery
	}
	for i, f := range holders[:min(len(holders), mostWatched)] {
		if w.watch(f) {
			holders[i] = nil
		}
	}
	return nil, poll, nil
}

func (w *waiter) over(limit int) error {
	return fmt.Errorf("lockdir: acquire %d of %d: %w", w.n, limit, penstock.ErrOverLimit)
}

// queue gives w a place, unless it has one, and has it wait for before.
func (w *waiter) queue(st state, before *os.File) error {
	if w.try {
		if before != nil {
			before.Close()
		}
		return nil
	}
	if w.place.ticket == 0 {
		st.Ticket++
		if err := w.s.save(st); err != nil {
			return err
		}
		place := entry{kind: 'q', ticket: st.Ticket, n: w.n}
		f, err := w.s.create(place)
		if err != nil {
			return err
		}
		w.place, w.file = place, f
	}
	if before != nil && !w.watch(before) {
		before.Close()
	}
	return nil
}

// watch wakes w when the lock of f is free, and closes f then. It reports false
// if that is watched already.
func (w *waiter) watch(f *os.File) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watched[f.Name()] {
		return false
	}
	if w.watched == nil {
		w.watched = make(map[string]bool)
	}
	w.watched[f.Name()] = true
	go func() {
		defer f.Close()
		_ = flock(f, shareLock) // whatever came of it, it is time to look
		w.mu.Lock()
		delete(w.watched, f.Name())
		w.mu.Unlock()
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}()
	return true
}

// leave gives up the place in the queue, if there is one. Those behind wake.
func (w *waiter) leave() {
	if w.file != nil {
		_ = os.Remove(w.file.Name()) // who comes next would do it
		w.file.Close()
		w.file = nil
	}
}
