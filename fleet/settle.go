package fleet

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/redis/rueidis"
)

// Write gives a record to the output, under the number that its item has in the
// list.
func (w *Worker) Write(r *fetch.Record) error {
	w.mu.Lock()
	p, ok := w.places[r.Index]
	delete(w.places, r.Index)
	w.mu.Unlock()
	if !ok {
		return errors.New("fleet: a record of no item")
	}
	rec := *r // the caller's stays as it was
	rec.Index = p.in.items[p.at].Index
	if err := w.out.Write(&rec); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p.in.done[p.at] = true
	p.in.left--
	w.told.Records++
	if !r.OK {
		p.in.failed++
		w.told.Failed++
	}
	if p.in.ripe() {
		w.settleSoon()
	}
	return nil
}

func (w *Worker) settleSoon() { poke(w.ripe) }

func (w *Worker) beatSoon() { poke(w.beat) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// settles settles chunks when all their items have records, until the work ends.
func (w *Worker) settles() {
	for {
		select {
		case <-w.ripe:
		case <-w.ctx.Done():
			return
		}
		ripe := w.ripened()
		if len(ripe) == 0 {
			continue
		}
		// An output that has failed ends the run by itself.
		if err := w.out.Commit(); err != nil {
			continue
		}
		for _, h := range ripe {
			w.settle(h)
		}
	}
}

func (w *Worker) ripened() []*hold {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ripe []*hold
	for _, h := range w.held {
		if h.ripe() {
			ripe = append(ripe, h)
		}
	}
	return ripe
}

// settle acknowledges a chunk whose records are safe, as soon as Redis hears it.
func (w *Worker) settle(h *hold) {
	for {
		verdict, err := w.acknowledge(w.ctx, h)
		if err == nil {
			_ = w.reached(nil)
			w.settled(h, verdict)
			return
		}
		if w.ctx.Err() != nil {
			return
		}
		if err := w.reached(err); err != nil {
			w.fail(err)
			return
		}
		if !pause(w.ctx, 50*time.Millisecond) {
			return
		}
	}
}

// acknowledge says that all items of h have a record that is safe.
func (w *Worker) acknowledge(ctx context.Context, h *hold) (string, error) {
	entry, times := w.ticket(h, true)
	return settleScript.Exec(ctx, w.client, w.keys, []string{
		w.meta.id, w.o.ID, entry, times, "done", strconv.Itoa(len(h.items)), decimal(h.failed), millis(keep), "0",
	}).ToString()
}

// ticket is what says that h is ours; with settling, for the last time.
func (w *Worker) ticket(h *hold, settling bool) (entry, times string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h.settling = h.settling || settling
	return h.entry, h.time
}

// settled takes h out of hand.
func (w *Worker) settled(h *hold, verdict string) {
	switch verdict {
	case "gone":
		w.fail(ErrGone)
		return
	case "lost":
		w.lose(h)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held[h.entry] == h {
		delete(w.held, h.entry)
	}
	w.told.Chunks++
	w.notify()
}

// lose notes that a chunk is another's. The records that it has here stay; its
// items that the engine has not yet are not fetched.
func (w *Worker) lose(h *hold) {
	w.mu.Lock()
	again := h.lost
	h.lost = true
	if w.held[h.entry] == h {
		delete(w.held, h.entry)
		w.remember(h)
	}
	if !again {
		w.told.Lost++
	}
	w.notify()
	w.mu.Unlock()
	if !again {
		first, last := h.span()
		w.o.Logger.Warn("lost to another worker: not heard of for a lease", "first", first, "last", last)
	}
}

// remember keeps a chunk that was lost, in case that it comes back: as many as may
// be in hand, since few do, and each is a chunk of memory. The caller holds mu.
func (w *Worker) remember(h *hold) {
	for entry := range w.lost {
		if len(w.lost) < w.o.Hold {
			break
		}
		delete(w.lost, entry)
	}
	w.lost[h.entry] = h
}

// leave settles what can be settled and gives back the rest; with safe, in such a
// way that only items without a record are fetched again.
func (w *Worker) leave(ctx context.Context, safe bool) {
	w.mu.Lock()
	held := make([]*hold, 0, len(w.held))
	for _, h := range w.held {
		held = append(held, h)
	}
	w.mu.Unlock()
	for _, h := range held {
		if err := w.giveBack(ctx, h, safe); err != nil {
			w.o.Logger.Warn("not given back: the lease will do it", "error", err)
			return
		}
	}
	w.mu.Lock()
	w.told.State = stateLeft
	w.held = map[string]*hold{}
	w.mu.Unlock()
	_ = w.sayAlive(ctx)
}

func (w *Worker) giveBack(ctx context.Context, h *hold, safe bool) error {
	if safe && h.left == 0 {
		verdict, err := w.acknowledge(ctx, h)
		if err == nil {
			w.settled(h, verdict)
		}
		return err
	}
	entry, times := w.ticket(h, true)
	args := []string{
		w.meta.id, w.o.ID, entry, times, "give", strconv.Itoa(len(h.items) - h.left), decimal(h.failed), millis(keep), millis(w.meta.lease),
	}
	if safe && h.left < len(h.items) {
		rest := h.rest()
		data, err := encode(rest)
		if err != nil {
			return err
		}
		args = append(args, decimal(rest[0].Index), strconv.Itoa(len(rest)), rueidis.BinaryString(data))
	}
	return settleScript.Exec(ctx, w.client, w.keys, args).Error()
}
