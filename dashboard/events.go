package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	frameEvery = time.Second
	maxReaders = 64
	patience   = 30 * time.Second // with a reader that takes nothing
)

// A frame is what all readers get, rendered once.
type frame struct {
	at        time.Time
	status    []byte // an event
	sections  []byte
	charts    []byte // of chartsAt, since they grow by a step at a time
	chartsAt  time.Time
	chartStep time.Duration
}

// current is the latest frame, rendered anew if it is as old as half the time
// between two; last says that it must be anew. Who comes while another renders
// gets what there is.
func (p *Page) current(last bool) frame {
	p.mu.Lock()
	f := p.frame
	if !last && !f.at.IsZero() && (p.rendering || time.Since(f.at) < frameEvery/2) {
		p.mu.Unlock()
		return f
	}
	p.rendering = true
	p.mu.Unlock()
	status, data := p.now()
	next := frame{at: time.Now(), charts: f.charts, chartsAt: f.chartsAt, chartStep: f.chartStep}
	next.status = event("status", status)
	if p.opts.Run != nil {
		if s, err := data.Sections(); err == nil {
			next.sections = event("sections", s)
		}
	}
	if last || next.at.Sub(next.chartsAt) >= next.chartStep-frameEvery/4 {
		next.charts = event("charts", append(data.Charts(), p.history.charts()...))
		next.chartsAt = next.at
		next.chartStep = time.Duration(data.Timeline.Step * float64(time.Second))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rendering = false
	if p.frame.at.Before(next.at) {
		p.frame = next
	}
	return next
}

// event is a server-sent event whose data is x in JSON, which has no line end.
func event(name string, x any) []byte {
	text, err := json.Marshal(x)
	if err != nil {
		return nil
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, text)
}

// events sends frames until the reader or the page is gone. Each reader is held
// up by itself alone.
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	if !p.enter() {
		w.Header().Set("Retry-After", "10")
		text(w, http.StatusServiceUnavailable, fmt.Sprintf("there are %d readers already", maxReaders))
		return
	}
	defer p.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx in between is not to keep it
	rc := http.NewResponseController(w)
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	var had frame
	for last := false; ; {
		f := p.current(last)
		if err := send(w, rc, &had, f); err != nil || last {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-p.quit:
			last = true
		}
	}
}

// send writes what is new in f.
func send(w http.ResponseWriter, rc *http.ResponseController, had *frame, f frame) error {
	_ = rc.SetWriteDeadline(time.Now().Add(patience)) // where it cannot be set, it is the server's to do
	parts := [][]byte{f.status}
	if !bytes.Equal(had.sections, f.sections) {
		parts = append(parts, f.sections)
	}
	if !had.chartsAt.Equal(f.chartsAt) {
		parts = append(parts, f.charts)
	}
	*had = f
	if _, err := w.Write(bytes.Join(parts, nil)); err != nil {
		return err
	}
	return rc.Flush()
}

func (p *Page) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.readers == maxReaders {
		return false
	}
	p.readers++
	return true
}

func (p *Page) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readers--
}
