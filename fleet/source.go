package fleet

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/redis/rueidis"
)

// block is how long one waits for a new chunk before looking for abandoned ones.
const block = 500 * time.Millisecond

// Source is the items of the chunks that the worker takes. It ends when the
// Loader has loaded all and every chunk is settled, by whomever: until then it
// waits, for the chunks of those who may die. Its errors are Err's.
func (w *Worker) Source() fetch.Source { return source{w} }

type source struct{ w *Worker }

// Next returns the next item, under a number of the worker's own: an Engine wants
// numbers that grow, and a chunk that was taken over is an old one.
func (s source) Next(ctx context.Context) (fetch.Item, error) { return s.w.nextItem(ctx) }

func (w *Worker) nextItem(ctx context.Context) (fetch.Item, error) {
	for {
		if err := w.Err(); err != nil {
			return fetch.Item{}, err
		}
		if ctx.Err() != nil {
			return fetch.Item{}, context.Cause(ctx)
		}
		it, wait, have := w.handOut(time.Now())
		switch {
		case have:
			return it, nil
		case wait != nil:
			select {
			case <-wait:
			case <-ctx.Done():
			case <-w.ctx.Done():
			}
			continue
		}
		if err := w.take(ctx); err != nil {
			return fetch.Item{}, err
		}
	}
}

// handOut returns the next item in hand; or what to wait for before there is one;
// or neither, where another chunk is to be taken.
func (w *Worker) handOut(now time.Time) (it fetch.Item, wait <-chan struct{}, have bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.reading; h != nil && !h.lost && h.more() {
		// Where a pause or an outage has lasted for a lease it may be another's.
		if now.Sub(h.renewed) > w.meta.lease*9/10 {
			w.beatSoon()
			return it, w.changed, false
		}
		it = h.items[h.at]
		it.Index = w.next
		w.places[w.next] = place{h, h.at}
		h.at++
		w.next++
		return it, nil, true
	}
	w.reading = nil
	if len(w.held) >= w.o.Hold {
		return it, w.changed, false
	}
	return it, nil, false
}

// take takes a chunk into hand, or waits a while for one. The error is io.EOF if
// there are none any more, or one that will not pass.
func (w *Worker) take(ctx context.Context) error {
	w.mu.Lock()
	own := w.own
	w.mu.Unlock()
	before := time.Now()
	r, err := takeScript.Exec(ctx, w.client, w.keys, []string{w.meta.id, w.o.ID, millis(w.meta.lease), own}).ToArray()
	if err != nil {
		return w.failed(ctx, err)
	}
	_ = w.reached(nil)
	status, err := word(r, 0)
	switch {
	case err != nil:
		return err
	case status == "ok" && len(r) == 4:
		entry, err1 := word(r, 1)
		times, err2 := word(r, 2)
		fields, err3 := r[3].AsStrMap()
		if err1 != nil || err2 != nil || err3 != nil {
			return fmt.Errorf("fleet: a chunk that is none of ours: %w", firstOf(err1, err2, err3))
		}
		return w.hold(entry, times, fields, before)
	case status == "none" && own != "":
		w.mu.Lock()
		w.own = ""
		w.mu.Unlock()
		return nil
	case status == "none" && len(r) == 3:
		ended, err1 := word(r, 1)
		left, err2 := word(r, 2)
		if err := firstOf(err1, err2); err != nil {
			return err
		}
		if ended == "1" && left == "0" {
			return io.EOF
		}
		return w.await(ctx)
	}
	return ErrGone
}

// failed is what a call that came to nothing means: a pause, or the end.
func (w *Worker) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := w.reached(err); err != nil {
		return err
	}
	pause(ctx, 50*time.Millisecond)
	return nil
}

// await waits for a new chunk; whatever happens, to look again is what is next.
func (w *Worker) await(ctx context.Context) error {
	before := time.Now()
	cmd := w.client.B().Xreadgroup().Group("workers", w.o.ID).Count(1).Block(block.Milliseconds()).Streams().Key(w.keys[1]).Id(">").Build()
	// A call that blocks has no deadline of the client's: a network that swallows
	// everything would hold it for ever.
	limited, cancel := context.WithTimeout(ctx, block+max(w.meta.lease/4, time.Second))
	defer cancel()
	r, err := w.client.Do(limited, cmd).AsXRead()
	if rueidis.IsRedisNil(err) {
		_ = w.reached(nil)
		return nil
	}
	if err != nil {
		return w.failed(ctx, err)
	}
	for _, e := range r[w.keys[1]] {
		if err := w.hold(e.ID, "1", e.FieldValues, before); err != nil {
			return err
		}
	}
	return nil
}

// hold takes a chunk into hand that Redis has given out not before the time now.
func (w *Worker) hold(entry, times string, fields map[string]string, now time.Time) error {
	if fields["id"] != w.meta.id {
		return ErrGone
	}
	items, err := decode([]byte(fields["data"]))
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(fields["items"]); err != nil || n != len(items) || n == 0 {
		return fmt.Errorf("fleet: a chunk of %d items that says it has %q", len(items), fields["items"])
	}
	h := newHold(entry, times, items, now, w.out.Done)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.own != "" {
		w.own = "(" + entry
	}
	if was := w.held[entry]; was != nil {
		// Our own, after a pause that nobody else has made use of.
		was.time, was.renewed = times, now
		return nil
	}
	if was := w.lost[entry]; was != nil {
		// It is back: others have died over it. What we have of it counts.
		delete(w.lost, entry)
		was.time, was.renewed, was.lost, was.settling = times, now, false, false
		h = was
	}
	if times != "1" {
		w.told.Taken++
	}
	w.held[entry] = h
	w.reading = h
	if h.left == 0 {
		w.settleSoon()
	}
	w.notify()
	return nil
}

func word(r []rueidis.RedisMessage, i int) (string, error) {
	if i >= len(r) {
		return "", fmt.Errorf("fleet: a reply of %d elements", len(r))
	}
	return r[i].ToString()
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
