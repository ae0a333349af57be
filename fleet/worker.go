package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/redis/rueidis"
)

// An Output takes the records of a worker; [fetch.File] in completion order is
// one.
type Output interface {
	fetch.Sink
	// Commit returns when all records that were written before are safe.
	Commit() error
	// Done reports whether an item has its record from an earlier run.
	Done(index int64) bool
	Close() error
}

// WorkerOptions are the manners of a Worker. The zero value is good.
type WorkerOptions struct {
	// ID names the worker in Redis. One that goes on with an output goes on
	// under the ID that it had, and so has at once what it had in hand; nobody
	// else may be at work under it. "" means a new one.
	ID string
	// Hold is how many chunks a worker has in hand at most; 0 means 8.
	Hold int
	// Patience is how long Redis may be away before the work ends with ErrAway;
	// 0 means a lease, negative for ever.
	Patience time.Duration
	// Host, PID and Output are for people; see Status.
	Host, Output string
	PID          int
	// Logger is told of chunks that were lost or taken over, and when Redis goes
	// and comes. Nil means silence.
	Logger *slog.Logger
}

// A Worker takes chunks of a fleet and settles them. Its methods are safe for
// concurrent use.
//
// Its life: Join, Start, an Engine's Run with Source and the Worker itself as the
// Sink, Close.
type Worker struct {
	client rueidis.Client
	o      WorkerOptions
	name   string
	keys   []string
	meta   meta
	out    Output

	ctx  context.Context //nolint:containedctx // ends with Close, or when the work has failed
	fail context.CancelCauseFunc
	wg   sync.WaitGroup
	beat chan struct{} // asks for a heartbeat
	ripe chan struct{} // a chunk may be settled

	mu      sync.Mutex
	changed chan struct{} // closed, and made anew, when something has
	held    map[string]*hold
	lost    map[string]*hold // what others have taken over
	reading *hold            // the one that Next gives out
	places  map[int64]place  // of the items that the engine has, by its numbers
	next    int64            // such a number
	own     string           // from where on to look for what it had in an earlier life; ""
	told    told
	speed   speed
	away    time.Time // when Redis went
	closing bool
}

// meta is what the state of a fleet says that does not change.
type meta struct {
	id      string
	input   json.RawMessage
	request json.RawMessage
	lease   time.Duration
}

// Join makes a worker of the fleet of that name. The error is ErrName, ErrNone,
// ErrVersion, or Redis'.
func Join(ctx context.Context, client rueidis.Client, name string, o WorkerOptions) (*Worker, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	w := &Worker{
		client: client, o: o, name: name, keys: keys(name),
		beat: make(chan struct{}, 1), ripe: make(chan struct{}, 1), changed: make(chan struct{}),
		held: map[string]*hold{}, lost: map[string]*hold{}, places: map[int64]place{},
	}
	w.own = "-"
	if w.o.ID == "" {
		w.o.ID, w.own = token(), ""
	}
	if w.o.Hold == 0 {
		w.o.Hold = 8
	}
	if w.o.Logger == nil {
		w.o.Logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if w.meta, err = readMeta(ctx, client, w.keys[0]); err != nil {
		return nil, err
	}
	if w.o.Patience == 0 {
		w.o.Patience = w.meta.lease
	}
	w.o.Patience = max(w.o.Patience, 0)
	w.ctx, w.fail = context.WithCancelCause(context.Background())
	// Of no moment: the next to join does it.
	_ = tidyScript.Exec(ctx, client, w.keys, []string{w.meta.id, millis(w.meta.lease)}).Error()
	return w, nil
}

func readMeta(ctx context.Context, client rueidis.Client, key string) (meta, error) {
	m, err := client.Do(ctx, client.B().Hgetall().Key(key).Build()).AsStrMap()
	if err != nil {
		return meta{}, err
	}
	switch m["version"] {
	case "":
		return meta{}, ErrNone
	case "1":
	default:
		return meta{}, ErrVersion
	}
	lease, err := strconv.ParseInt(m["lease"], 10, 64)
	if err != nil || lease <= 0 {
		return meta{}, fmt.Errorf("fleet: the lease in Redis is %q", m["lease"])
	}
	return meta{
		id: m["id"], lease: time.Duration(lease) * time.Millisecond,
		input: json.RawMessage(m["input"]), request: json.RawMessage(m["request"]),
	}, nil
}

// ID is the name of the worker in Redis.
func (w *Worker) ID() string { return w.o.ID }

// Input and Request are what the Loader was given.
func (w *Worker) Input() json.RawMessage { return w.meta.input }

// Request is what the Loader was given for all workers to know.
func (w *Worker) Request() json.RawMessage { return w.meta.request }

// Lease is the fleet's.
func (w *Worker) Lease() time.Duration { return w.meta.lease }

// Start begins the heartbeats of a worker that writes to out. It must be closed.
func (w *Worker) Start(out Output) {
	w.out = out
	w.told.Started = time.Now().UnixMilli()
	w.speed.start(time.Now())
	w.wg.Go(w.beats)
	w.wg.Go(w.settles)
}

// Err is why the work cannot go on: ErrAway, ErrGone, or nil.
func (w *Worker) Err() error {
	if err := context.Cause(w.ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Lost is how many chunks others have taken over from this worker.
func (w *Worker) Lost() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told.Lost
}

// Close settles what has its records, gives back the rest, which others then
// fetch, and closes the output. It waits for Redis for a few seconds. The error
// is the output's; what Redis was not told of is found out by the lease.
func (w *Worker) Close() error {
	w.mu.Lock()
	if w.closing {
		w.mu.Unlock()
		return nil
	}
	w.closing = true
	w.mu.Unlock()
	w.fail(nil)
	w.wg.Wait()
	err := w.out.Commit()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	w.leave(ctx, err == nil)
	return errors.Join(err, w.out.Close())
}

// notify lets those who wait for a change look again. The caller holds mu.
func (w *Worker) notify() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// reached notes how a call to Redis has ended, and returns an error that will not
// pass.
func (w *Worker) reached(err error) error {
	if lostStream(err) {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	w.mu.Lock()
	since, now := w.away, time.Now()
	switch {
	case err == nil:
		w.away = time.Time{}
	case since.IsZero():
		w.away = now
	}
	w.mu.Unlock()
	switch {
	case err == nil && !since.IsZero():
		w.o.Logger.Info("redis is back", "after", now.Sub(since).Round(time.Millisecond))
	case err == nil:
	case !passing(err):
		return err
	case since.IsZero():
		w.o.Logger.Warn("redis is away: what is in hand goes on", "error", err)
	case w.o.Patience > 0 && now.Sub(since) > w.o.Patience:
		return fmt.Errorf("%w since %v: %w", ErrAway, now.Sub(since).Round(time.Second), err)
	}
	return nil
}
