package penstock

import (
	"context"
	"iter"
)

// A Completed is the result of a task and the input it came from.
type Completed[In, Out any] struct {
	Index int // of the input, counted from 0; -1 where an error belongs to no task
	In    In
	Out   Out
}

// A stream hands a flow's results to the loop that ranges over it, in the
// order of the input or of completion. Its fields belong to the flow's mu.
type stream[In, Out any] struct {
	flow    *flow[In, Out]
	ordered bool
	slots   ring[slot[In, Out]] // if ordered, of all inputs pulled and not yielded
	hungry  bool                // the loop waits for a result
	ready   chan struct{}       // wakes it, see wake
}

// A slot is a place for a result.
type slot[In, Out any] struct {
	Completed[In, Out]
	err  error
	full bool
}

// streamOf runs f over seq while yield is called for each result.
//
// The feeder has a goroutine of its own: with the loop's goroutine to pull the
// input as well, a result would wait for the next input, which may be long in
// coming, or never come before the result is seen.
func streamOf[In, Out any](
	outer context.Context, b bound[In], ordered bool, seq iter.Seq[In],
	f func(context.Context, In) (Out, error), yield func(Completed[In, Out], error) bool,
) {
	ctx, cancel := context.WithCancel(outer)
	fl := newFlow(ctx, b, f, nil)
	s := &stream[In, Out]{flow: fl, ordered: ordered, ready: make(chan struct{}, 1)}
	fl.stream = s
	fl.window = fl.lookAhead

	// Deferred, for the loop's body may panic or end the goroutine.
	defer fl.wg.Wait()
	defer cancel()
	complete := false
	fl.wg.Go(func() {
		fed := false
		defer leave(&fed, func() {}, fl.end)
		complete = fl.feed(seq)
		fed = true
	})
	for {
		r, ok := s.next()
		if !ok {
			break
		}
		if !yield(r.Completed, r.err) {
			return
		}
	}
	if !complete {
		err := ErrGoexit // of seq
		if ctx.Err() != nil {
			err = endError(ctx, "before the end of the input")
		}
		yield(Completed[In, Out]{Index: -1}, err)
	}
}

// lookAhead is the window of a stream: as many again as may run at once.
func (fl *flow[In, Out]) lookAhead() int {
	if fl.limiter != nil {
		return 2 * max(fl.most, leastWindow/2)
	}
	return int(min(uint(fl.tasks)*2, ^uint(0)>>1))
}

// expect notes that an input has been pulled.
func (s *stream[In, Out]) expect() {
	if s.ordered {
		s.slots.push(slot[In, Out]{})
	}
}

// put takes a result.
func (s *stream[In, Out]) put(j job[In], out Out, err error) {
	r := slot[In, Out]{Completed[In, Out]{j.index, j.in, out}, err, true}
	if s.ordered {
		*s.slots.at(j.index - s.flow.done) = r
	} else {
		s.slots.push(r)
	}
	if s.slots.at(0).full {
		s.wake()
	}
}

func (s *stream[In, Out]) wake() {
	if s.hungry {
		s.hungry = false
		wake(s.ready)
	}
}

// next waits for the next result. It says false when all have been had.
func (s *stream[In, Out]) next() (slot[In, Out], bool) {
	for {
		r, state := s.tryNext()
		switch state {
		case taken:
			return r, true
		case over:
			return r, false
		}
		<-s.ready
	}
}

type streamState int

const (
	taken streamState = iota
	over
	hungry
)

func (s *stream[In, Out]) tryNext() (slot[In, Out], streamState) {
	fl := s.flow
	fl.mu.Lock()
	defer fl.mu.Unlock()
	switch {
	case s.slots.count > 0 && s.slots.at(0).full:
		r := s.slots.pop()
		fl.leave()
		return r, taken
	case fl.fed && fl.done == fl.pulled:
		return slot[In, Out]{}, over
	}
	s.hungry = true
	return slot[In, Out]{}, hungry
}
