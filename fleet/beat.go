package fleet

import (
	"context"
	"encoding/json"
	"time"
)

// States of a worker.
const (
	stateWorking = "working"
	stateWaiting = "waiting" // for a chunk
	stateLeft    = "left"
)

// told is what a worker says of itself.
type told struct {
	Host    string  `json:"host"`
	PID     int     `json:"pid"`
	Output  string  `json:"output"`
	Started int64   `json:"started"` // ms since 1970
	State   string  `json:"state"`
	Records int64   `json:"records"`
	Failed  int64   `json:"failed"`
	Chunks  int64   `json:"chunks"`
	Lost    int64   `json:"lost"`
	Taken   int64   `json:"taken_over"`
	Ahead   int64   `json:"ahead"` // of Records, those of chunks in hand
	Rate    float64 `json:"rate"`  // records a second
}

// beats sends heartbeats, a quarter lease apart at most, until the work ends.
func (w *Worker) beats() {
	// A second at most: it is also what status shows.
	every := min(w.meta.lease/4, time.Second)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := w.sayAlive(w.ctx); err != nil && w.ctx.Err() == nil {
			if err := w.reached(err); err != nil {
				w.fail(err)
			}
		}
		select {
		case <-tick.C:
		case <-w.beat:
		case <-w.ctx.Done():
			return
		}
	}
}

// sayAlive renews what is in hand, and hears what is not any more.
func (w *Worker) sayAlive(ctx context.Context) error {
	before := time.Now()
	held, text := w.report(before)
	args := []string{w.meta.id, w.o.ID, text, millis(keep)}
	for _, h := range held {
		args = append(args, h.entry, h.time)
	}
	r, err := texts(beatScript.Exec(ctx, w.client, w.keys, args), 1)
	if err != nil {
		return err
	}
	_ = w.reached(nil)
	if r[0] != "ok" {
		w.fail(ErrGone)
		return nil
	}
	gone := map[string]bool{}
	for _, entry := range r[1:] {
		gone[entry] = true
	}
	for _, h := range held {
		if gone[h.entry] {
			w.check(h)
			continue
		}
		w.mu.Lock()
		if h.of != nil && h.of.time == h.time {
			h.of.renewed = before
		}
		w.mu.Unlock()
	}
	w.mu.Lock()
	w.notify()
	w.mu.Unlock()
	return nil
}

// A heldTicket is a chunk in hand as it was when a heartbeat was sent.
type heldTicket struct {
	of          *hold
	entry, time string
}

// check looks whether a chunk that Redis does not call ours is lost: it may have
// been settled, or taken anew, since the heartbeat was sent.
func (w *Worker) check(t heldTicket) {
	w.mu.Lock()
	lost := w.held[t.entry] == t.of && t.of.time == t.time && !t.of.settling
	w.mu.Unlock()
	if lost {
		w.lose(t.of)
	}
}

// report is what is in hand, and what there is to tell.
func (w *Worker) report(now time.Time) ([]heldTicket, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.told
	t.Host, t.PID, t.Output = w.o.Host, w.o.PID, w.o.Output
	t.Rate = w.speed.at(now, t.Records)
	if t.State == "" {
		t.State = stateWaiting
		if len(w.held) > 0 {
			t.State = stateWorking
		}
	}
	held := make([]heldTicket, 0, len(w.held))
	for _, h := range w.held {
		held = append(held, heldTicket{h, h.entry, h.time})
		t.Ahead += int64(len(h.items) - h.left)
	}
	text, err := json.Marshal(t)
	if err != nil { // a rate that is no number, say
		text = []byte("{}")
	}
	return held, string(text)
}

// A speed is the rate of the last ten seconds or so.
type speed struct {
	times  [11]time.Time
	counts [11]int64
	n      int
}

func (s *speed) start(now time.Time) { s.times[0], s.n = now, 1 }

// at notes that there are n at the time now, and returns how many a second came.
func (s *speed) at(now time.Time, n int64) float64 {
	if last := (s.n - 1) % len(s.times); s.n > 0 && now.Sub(s.times[last]) >= 900*time.Millisecond {
		s.times[s.n%len(s.times)], s.counts[s.n%len(s.times)] = now, n
		s.n++
	}
	oldest := 0
	if s.n > len(s.times) {
		oldest = s.n % len(s.times)
	}
	passed := now.Sub(s.times[oldest]).Seconds()
	if s.n == 0 || passed <= 0 {
		return 0
	}
	return float64(n-s.counts[oldest]) / passed
}
