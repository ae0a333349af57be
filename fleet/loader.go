package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/redis/rueidis"
)

// Defaults of LoadOptions.
const (
	DefaultChunk   = 1000
	DefaultPending = 64
	DefaultLease   = 30 * time.Second
)

// LoadOptions are the manners of a Loader. The zero value is good.
type LoadOptions struct {
	// Input is a fingerprint of the list: a fleet that was begun with another is
	// not loaded further.
	Input json.RawMessage
	// Request is what all workers are to know; see Worker.Request. It must be
	// the same each time.
	Request json.RawMessage
	// Chunk is how many items there are in a chunk; 0 means 1,000. A chunk has
	// fewer where they are more than 4 MiB.
	Chunk int
	// Pending is how many chunks may be in Redis, in hand or not; 0 means 64.
	Pending int
	// Lease is how long a worker that is not heard of keeps what it has in hand;
	// 0 means 30 s, the least is a second. What the fleet was begun with stays.
	Lease time.Duration
	// Patience is how long Redis may be away before Load gives up; 0 means the
	// lease.
	Patience time.Duration
	// Progress, if not nil, is called with how much is loaded, now and then, from
	// the goroutine of Load.
	Progress func(Loaded)
}

// Loaded is how far a Loader has come.
type Loaded struct {
	// Items and Chunks are loaded, by this Loader or one before it.
	Items, Chunks int64
	// Full says that it waits for room: workers have to settle chunks first.
	Full bool
	// Away says that it waits for Redis.
	Away bool
}

func (o *LoadOptions) setDefaults() error {
	switch {
	case o.Chunk < 0 || o.Pending < 0 || o.Patience < 0:
		return errors.New("fleet: a negative number of items, of chunks, or a negative time")
	case o.Lease != 0 && o.Lease < time.Second:
		return fmt.Errorf("fleet: a lease of %v is too short, the least is 1s", o.Lease)
	}
	if o.Chunk == 0 {
		o.Chunk = DefaultChunk
	}
	if o.Pending == 0 {
		o.Pending = DefaultPending
	}
	if o.Lease == 0 {
		o.Lease = DefaultLease
	}
	if o.Patience == 0 {
		o.Patience = o.Lease
	}
	if o.Progress == nil {
		o.Progress = func(Loaded) {}
	}
	return nil
}

// A Loader puts a list into Redis. It is for one goroutine at a time.
type Loader struct {
	client rueidis.Client
	o      LoadOptions
	keys   []string
	id     string // of the fleet
	self   string
	at     Loaded
	ended  bool
	// sent are the last chunks that were sent, the newest last: Redis may lose
	// them, and a pipe cannot be read twice.
	sent []sentChunk
}

type sentChunk struct {
	number, first int64
	items         int
	data          []byte
}

// NewLoader begins the fleet of that name, or takes up its loading where it
// stopped. A Loader that is still at it then ends with ErrReplaced. The error is
// ErrName, ErrOtherInput, ErrOtherRequest, or Redis'.
func NewLoader(ctx context.Context, client rueidis.Client, name string, o LoadOptions) (*Loader, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	l := &Loader{client: client, o: o, keys: keys(name), self: token()}
	r, err := texts(openScript.Exec(ctx, client, l.keys, []string{
		token(), string(o.Input), string(o.Request), millis(o.Lease), l.self, millis(keep),
	}), 5)
	if err != nil {
		return nil, err
	}
	switch r[0] {
	case "input":
		return nil, ErrOtherInput
	case "request":
		return nil, ErrOtherRequest
	}
	l.id, l.ended = r[1], r[4] == "1"
	l.at.Items, _ = strconv.ParseInt(r[2], 10, 64)
	l.at.Chunks, _ = strconv.ParseInt(r[3], 10, 64)
	return l, nil
}

// Loaded tells how much was loaded, and whether that is all.
func (l *Loader) Loaded() (at Loaded, ended bool) { return l.at, l.ended }

// Load loads src, less what was loaded before, and says that this was all. It
// waits where there are Pending chunks in Redis, until ctx ends. The items of src
// are numbered from 0 without a gap. After an error the fleet is as it was, and
// another Loader with the same list can go on.
//
// The error is ErrReplaced, ErrGone, ErrBehind, ErrAway, src's, or the cause of
// ctx's end.
func (l *Loader) Load(ctx context.Context, src fetch.Source) error {
	if l.ended {
		return nil
	}
	ctx, end := l.live(ctx)
	defer end()
	for {
		items, err := l.read(ctx, src)
		if err != nil && err != io.EOF {
			return err
		}
		if len(items) > 0 {
			data, err := encode(items)
			if err != nil {
				return err
			}
			if err := l.add(ctx, sentChunk{l.at.Chunks + 1, items[0].Index, len(items), data}); err != nil {
				return err
			}
		}
		if err == io.EOF {
			l.ended = true
			return l.add(ctx, sentChunk{number: l.at.Chunks + 1})
		}
	}
}

// live says once a second, or four times a lease, that the loader lives, however
// slowly src gives, until end is called. What it returns ends when another has taken
// over, or the fleet is gone. An error of Redis is for the next chunk to meet.
func (l *Loader) live(ctx context.Context) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var saying sync.WaitGroup
	saying.Go(func() {
		for {
			word, err := aliveScript.Exec(ctx, l.client, l.keys, []string{l.id, l.self, millis(keep)}).ToString()
			switch {
			case err == nil && word == "replaced":
				cancel(ErrReplaced)
			case err == nil && word == "gone":
				cancel(ErrGone)
			}
			if !pause(ctx, min(l.o.Lease/4, time.Second)) {
				return
			}
		}
	})
	return ctx, func() {
		cancel(nil)
		saying.Wait()
	}
}

// read reads the items of the next chunk. With io.EOF they are the last.
func (l *Loader) read(ctx context.Context, src fetch.Source) ([]fetch.Item, error) {
	items := make([]fetch.Item, 0, min(l.o.Chunk, 4096))
	for bytes := 0; len(items) < l.o.Chunk && bytes < mostBytes; {
		it, err := src.Next(ctx)
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return items, err
		}
		if it.Index < l.at.Items {
			continue // loaded before
		}
		bytes += size(&it)
		items = append(items, it)
	}
	return items, nil
}

// add puts a chunk, or the end, into Redis as soon as there is room, and those
// before it which Redis has lost.
func (l *Loader) add(ctx context.Context, c sentChunk) error {
	queue := []sentChunk{c}
	for len(queue) > 0 {
		c := queue[0]
		r, err := l.send(ctx, c)
		if err != nil {
			return err
		}
		switch r[0] {
		case "ok":
			l.loaded(c)
			queue = queue[1:]
		case "full":
			l.at.Full = true
			l.o.Progress(l.at)
			if !pause(ctx, 100*time.Millisecond) {
				return context.Cause(ctx)
			}
			l.at.Full = false
		case "behind":
			has, _ := strconv.ParseInt(r[1], 10, 64)
			again := l.since(has)
			if len(again) == 0 || again[0].number >= c.number {
				return ErrBehind
			}
			for i, s := range again {
				if s.number >= c.number {
					again = again[:i]
					break
				}
			}
			queue = append(again, queue...)
		case "replaced":
			return ErrReplaced
		default:
			return ErrGone
		}
	}
	return nil
}

// loaded notes that c is in Redis.
func (l *Loader) loaded(c sentChunk) {
	if c.items == 0 || c.number <= l.at.Chunks {
		return // the end, or one that was sent again
	}
	if l.sent = append(l.sent, c); len(l.sent) > 2*l.o.Pending {
		l.sent = l.sent[1:]
	}
	l.at.Items, l.at.Chunks = c.first+int64(c.items), c.number
	l.o.Progress(l.at)
}

// since returns the chunks after the one of that number, if they are all there.
func (l *Loader) since(number int64) []sentChunk {
	for i, c := range l.sent {
		if c.number == number+1 {
			return append([]sentChunk(nil), l.sent[i:]...)
		}
	}
	return nil
}

// send asks Redis to take c until it answers.
func (l *Loader) send(ctx context.Context, c sentChunk) ([]string, error) {
	args := []string{
		l.id, l.self, decimal(c.number), decimal(c.first), strconv.Itoa(c.items), rueidis.BinaryString(c.data),
		strconv.Itoa(l.o.Pending), millis(keep),
	}
	try := retry{patience: l.o.Patience}
	for {
		r, err := texts(loadScript.Exec(ctx, l.client, l.keys, args), 1)
		if err == nil {
			l.at.Away = false
			return r, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		l.at.Away = true
		l.o.Progress(l.at)
		if err := try.again(ctx, err); err != nil {
			return nil, err
		}
	}
}
