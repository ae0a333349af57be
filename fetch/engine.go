package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ErrDrained says that Drain ended a run before all of its items were done.
var ErrDrained = errors.New("fetch: stopped before all items were done")

// A SinkError is the sink's error that ended a run.
type SinkError struct{ Err error }

func (e *SinkError) Error() string { return "writing records: " + e.Err.Error() }

// Unwrap returns the sink's error.
func (e *SinkError) Unwrap() error { return e.Err }

// An Advancer is a Sink that wants to know how far a run has come, for
// instance in order to write in input order.
type Advancer interface {
	// Advance says that every item with an index below low has had its
	// record, in this run or before it. It is called by several goroutines at
	// once, so that a lower low may come after a higher one. When a run
	// ends with all items done, the last call is for math.MaxInt64 and comes
	// alone. A call may leave what is to be done to another that is under way.
	Advance(low int64) error
}

// An Engine is one run. Its methods are safe for concurrent use.
type Engine struct {
	opts   Options
	header http.Header
	sched  *scheduler
	tally  tally
	dedup  *dedup // nil if every item is fetched
	sink   Sink
	order  Advancer
	spare  spareBuffers
	jobs   sync.Pool // of *job

	conduit      conduit
	ownTransport bool // made here, so its idle connections are closed here

	fail     context.CancelCauseFunc
	draining context.Context //nolint:containedctx // a flag that can be waited for, not a request's context
	drain    context.CancelFunc
	ran      atomic.Bool
	halted   atomic.Pointer[SharedError] // why nothing new may start
	workers  sync.WaitGroup
}

// New prepares a run. It fails on numbers that make no sense.
func New(o Options) (*Engine, error) {
	own := o.Transport == nil
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	e := &Engine{opts: o, sched: newScheduler(o), dedup: newDedup(o.Dedup), header: http.Header{}, ownTransport: own}
	for name, values := range o.Header {
		e.header[http.CanonicalHeaderKey(name)] = values
	}
	e.conduit.init(o.Transport, o.Concurrency)
	e.draining, e.drain = context.WithCancel(context.Background())
	return e, nil
}

// Run fetches all items of src under the limits of o; see Engine.Run.
func Run(ctx context.Context, src Source, sink Sink, o Options) (Summary, error) {
	e, err := New(o)
	if err != nil {
		return Summary{}, err
	}
	return e.Run(ctx, src, sink)
}

// Run fetches all items of src and returns when each has its record, or when
// ctx ends, Drain was called, or the source or sink failed. All that it
// started has then stopped. The summary counts what was done in every case.
//
// Items that were not finished when the run ended have no record. The error
// is nil if there are none; else it wraps ErrDrained, the context's cause, or
// the source's or sink's error. An Engine runs once.
func (e *Engine) Run(ctx context.Context, src Source, sink Sink) (Summary, error) {
	if e.ran.Swap(true) {
		return Summary{}, errors.New("fetch: an Engine runs only once")
	}
	ctx, e.fail = context.WithCancelCause(ctx)
	defer e.fail(nil)
	e.sink = sink
	e.order, _ = sink.(Advancer)
	e.tally.start(time.Now())

	reading, stopReading := context.WithCancelCause(ctx)
	defer stopReading(nil)
	stop1 := context.AfterFunc(e.draining, func() { stopReading(ErrDrained) })
	defer stop1()
	stop2 := context.AfterFunc(ctx, e.sched.stop)
	defer stop2()

	e.sched.halt = func(err error) { e.sched.asks.Go(func() { e.halt(err) }) }
	e.sched.decode, e.sched.fail = e.decodeSpilled, func(err error) { e.fail(err) }
	e.sched.spawn = func() { e.workers.Go(func() { e.work(ctx) }) }
	err := e.read(reading, src)
	e.sched.awaitEnd()
	e.workers.Wait()
	e.sched.stop()
	e.sched.asks.Wait()
	e.sched.spill.close()
	if !e.sched.unfinished() {
		e.advance(math.MaxInt64)
	}
	if e.ownTransport {
		e.conduit.closeIdle()
	}
	e.tally.end(time.Now())
	return e.Stats().Summary, e.verdict(ctx, err)
}

// Drain lets nothing new start; Run returns when what is in flight is done.
func (e *Engine) Drain() {
	e.sched.stop()
	e.drain()
}

// read admits the items of src until it ends or the run does.
func (e *Engine) read(ctx context.Context, src Source) error {
	all, next := false, int64(0)
	defer func() { e.sched.end(all) }()
	if c, ok := src.(io.Closer); ok {
		defer c.Close()
	}
	for ctx.Err() == nil && e.sched.await() {
		it, err := src.Next(ctx)
		if err == io.EOF {
			all = true
			return nil
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("reading the input: %w", err)
		}
		if it.Index < next {
			return fmt.Errorf("reading the input: item %d after item %d: the numbers must grow", it.Index, next-1)
		}
		next = it.Index + 1
		if e.earlier(&it) {
			continue
		}
		if !e.sched.begin(it.Index) {
			return nil
		}
		e.admit(it)
	}
	return nil
}

func (e *Engine) admit(it Item) {
	e.tally.item()
	now := time.Now()
	j, bad := e.newJob(it, now)
	if bad != nil {
		e.put(&Record{
			Index: it.Index, ID: it.ID, URL: redactedURL(it.URL), Raw: it.raw(),
			Error: bad, Started: now,
		})
		e.advance(e.sched.reject(it.Index))
		return
	}
	if e.duplicate(j) {
		return
	}
	e.sched.admit(j)
}

// put gives a record to the sink; a sink that fails ends the run.
func (e *Engine) put(r *Record) {
	if err := e.sink.Write(r); err != nil {
		e.fail(&SinkError{Err: err})
		return
	}
	e.tally.record(r)
}

func (e *Engine) advance(low int64) {
	if e.order == nil {
		return
	}
	if err := e.order.Advance(low); err != nil {
		e.fail(&SinkError{Err: err})
	}
}

// verdict is the error of a run whose reading ended with err.
func (e *Engine) verdict(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if sinkErr, ok := errors.AsType[*SinkError](cause); ok {
		return sinkErr
	}
	switch {
	case err == nil && !e.sched.unfinished():
		return nil // whatever has ended since has interrupted nothing
	case cause != nil:
		return cause
	case err != nil:
		return err
	}
	if halted := e.halted.Load(); halted != nil {
		return halted
	}
	return ErrDrained
}
