package penstock

import (
	"context"
	"errors"
	"iter"
	"math"
	"sync"
)

// leastWindow is the window of a stream under a Limiter while few tasks run.
const leastWindow = 64

// spareWorkers are kept beyond the most permits that were held at once. A
// worker that gives its permit back may be overtaken by the next job, which
// then starts another worker.
const spareWorkers = 8

// A flow runs the tasks of a sequence: one goroutine feeds it, which pulls the
// inputs, and workers run the tasks, started when there is a task for which
// none is free, and kept for the next one. What becomes of a result is up to
// sink, or to the stream that the flow belongs to.
type flow[In, Out any] struct {
	bound[In]
	ctx  context.Context // the tasks', kept for the length of the gathering
	f    func(context.Context, In) (Out, error)
	sink func(index int, out Out, err error) // takes each result, if not nil
	// window is how many inputs may have been pulled and not be done with.
	window func() int
	every  bool // pull the inputs that the context's end keeps from starting, too

	wg   sync.WaitGroup // workers, and a stream's feeder
	room chan struct{}  // wakes the feeder, see wake

	mu      sync.Mutex
	work    sync.Cond        // wakes free workers
	queue   ring[job[In]]    // pulled, not started
	idle    int              // workers that wait and that nobody has woken
	begun   int              // workers there are
	pulled  int              // inputs
	done    int              // inputs that take no more part in the window
	permits int              // held
	most    int              // permits at once
	fed     bool             // there will be no more input
	starve  bool             // the feeder waits for room
	stream  *stream[In, Out] // where results go if not to sink
}

// A job is a task on its way to a worker.
type job[In any] struct {
	in     In
	index  int
	permit Permit // nil under a plain number
}

func newFlow[In, Out any](
	ctx context.Context, b bound[In],
	f func(context.Context, In) (Out, error), sink func(int, Out, error),
) *flow[In, Out] {
	fl := &flow[In, Out]{bound: b, ctx: ctx, f: f, sink: sink, room: make(chan struct{}, 1)}
	fl.work.L = &fl.mu
	fl.window = func() int { return fl.tasks }
	if b.limiter != nil {
		fl.window = func() int { return math.MaxInt } // the limiter decides
	}
	return fl
}

// run feeds the flow from the calling goroutine and returns when all tasks
// have ended. It says whether it came to the end of seq. abort is called when
// the calling goroutine panics or ends, as others' code may make it do that is
// run on it: seq, the cost of an input, the limiter.
func (fl *flow[In, Out]) run(seq iter.Seq[In], abort func()) (complete bool) {
	returned := false
	defer func() {
		if !returned {
			abort()
		}
		fl.end()
		fl.wg.Wait()
	}()
	complete = fl.feed(seq)
	returned = true
	return complete
}

// feed gives seq to the workers until its end or the context's, and says
// whether it was the former. It pulls an input only when there is room for it.
func (fl *flow[In, Out]) feed(seq iter.Seq[In]) (complete bool) {
	if fl.ctx.Err() != nil && !fl.every {
		return false
	}
	for v := range seq {
		fl.give(v)
		if !fl.waitForRoom() && !fl.every {
			return false
		}
	}
	return true
}

// give starts the task of input v, or queues it for the next free worker.
// Under a limiter it waits for a permit first.
func (fl *flow[In, Out]) give(v In) {
	j := job[In]{in: v, index: fl.pull()}
	err := fl.ctx.Err()
	switch {
	case err != nil:
		err = notStarted(fl.ctx)
	case fl.limiter != nil:
		j.permit, err = fl.limiter.AcquirePermit(fl.ctx, fl.costOf(v))
	}
	if err != nil {
		var none Out
		fl.finish(j, none, err, Unused)
		return
	}
	if j.permit != nil {
		fl.count(1)
	}
	fl.mu.Lock()
	defer fl.mu.Unlock()
	fl.queue.push(j)
	if fl.idle > 0 {
		fl.idle-- // here, so that two jobs never count on one worker
		fl.work.Signal()
		return
	}
	if fl.limiter != nil || fl.begun < fl.tasks {
		fl.begun++
		fl.wg.Add(1)
		go fl.runJobs()
	}
}

func (fl *flow[In, Out]) pull() int {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	index := fl.pulled
	fl.pulled++
	if fl.stream != nil {
		fl.stream.expect()
	}
	return index
}

// waitForRoom waits until one more input may be pulled. It says false when the
// context has ended.
func (fl *flow[In, Out]) waitForRoom() bool {
	for fl.ctx.Err() == nil {
		fl.mu.Lock()
		fl.starve = fl.pulled-fl.done >= fl.window()
		starve := fl.starve
		fl.mu.Unlock()
		if !starve {
			return true
		}
		select {
		case <-fl.room:
		case <-fl.ctx.Done():
		}
	}
	return false
}

// end tells the workers that there will be no more input.
func (fl *flow[In, Out]) end() {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	fl.fed = true
	fl.work.Broadcast()
	if fl.stream != nil {
		fl.stream.wake()
	}
}

// runJobs is a worker.
func (fl *flow[In, Out]) runJobs() {
	var j job[In]
	ended := false
	defer leave(&ended, func() {
		var none Out
		fl.finish(j, none, ErrGoexit, outcomeOf(fl.ctx, ErrGoexit))
		fl.wg.Add(1)
		go fl.runJobs()
	}, fl.wg.Done)
	for {
		var ok bool
		if j, ok = fl.next(); !ok {
			break
		}
		if fl.ctx.Err() != nil {
			var none Out
			fl.finish(j, none, notStarted(fl.ctx), Unused)
			continue
		}
		out, err := fl.f(fl.ctx, j.in)
		fl.finish(j, out, err, outcomeOf(fl.ctx, err))
	}
	ended = true
}

// next waits for a job. It says false when there will be none for this worker.
func (fl *flow[In, Out]) next() (job[In], bool) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	for fl.queue.count == 0 {
		if fl.fed || fl.limiter != nil && fl.begun > fl.most+spareWorkers {
			fl.begun--
			return job[In]{}, false
		}
		fl.idle++
		fl.work.Wait()
	}
	return fl.queue.pop(), true
}

// finish hands a result on and gives the permit back. An error has cancelled
// the others, where it does, before its permit could start one of them.
func (fl *flow[In, Out]) finish(j job[In], out Out, err error, o Outcome) {
	if fl.sink != nil {
		fl.sink(j.index, out, err)
	}
	if j.permit != nil {
		fl.count(-1) // first, so that the count never exceeds the permits
		j.permit.Release(o)
	}
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if fl.sink != nil {
		fl.leave()
		return
	}
	fl.stream.put(j, out, err)
}

func (fl *flow[In, Out]) count(n int) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	fl.permits += n
	fl.most = max(fl.most, fl.permits)
}

// leave takes an input out of the window, with mu held.
func (fl *flow[In, Out]) leave() {
	fl.done++
	if fl.starve && fl.pulled-fl.done < fl.window() {
		fl.starve = false
		wake(fl.room)
	}
}

// wake wakes the one goroutine that receives from c, now or when it next does.
// The channel has room for one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// outcomeOf is what a Limiter may learn from the error of a task that was
// given ctx.
func outcomeOf(ctx context.Context, err error) Outcome {
	switch {
	case err == nil:
		return Success
	case onlyEnded(ctx, err), errors.Is(err, ErrGoexit):
		return Ignored
	case errors.Is(err, ErrOverload):
		return Overload
	}
	return Failure
}
