package dashboard

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/penstock-go/penstock/report"
)

const (
	sampleEvery = 500 * time.Millisecond
	maxSamples  = 600 // then two become one, and the next ones are as long as these
	maxCharted  = 20  // limiters; of the others there are the figures
)

// A history is what the limiters' charts are drawn from.
type history struct {
	mu      sync.Mutex
	started time.Time
	length  time.Duration // of a sample
	limits  []Limiter
	of      [][]moment // for each limit
	part    []moment   // the samples that are not complete
	parts   int        // what they are made of
	last    []Figures
}

// A moment is how a limit stood during one sample. Means are sums over n.
type moment struct {
	t                     float64 // seconds since the start, at its end
	n                     int
	limit, inUse, waiting float64
	acquired, seconds     float64
}

func newHistory(limits []Limiter, now time.Time) *history {
	return &history{
		started: now, length: sampleEvery, limits: limits,
		of: make([][]moment, len(limits)), part: make([]moment, len(limits)),
	}
}

// sample takes samples until the page is closed.
func (p *Page) sample() {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	p.history.add(time.Now(), p.figures())
	for {
		select {
		case now := <-tick.C:
			p.history.add(now, p.figures())
		case <-p.quit:
			return
		}
	}
}

// figures asks all limiters. No lock is held: they are the user's.
func (p *Page) figures() []Figures {
	all := make([]Figures, len(p.opts.Limiters))
	for i, l := range p.opts.Limiters {
		all[i] = l.Stats()
	}
	return all
}

// add takes a sample of all.
func (h *history) add(now time.Time, all []Figures) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := now.Sub(h.started).Seconds()
	for i, f := range all {
		m := moment{t: t, n: 1, limit: float64(f.Limit), inUse: float64(f.InUse), waiting: float64(f.Waiting)}
		if h.last != nil {
			m.acquired, m.seconds = float64(max(0, f.Acquired-h.last[i].Acquired)), sampleEvery.Seconds()
		}
		h.part[i] = h.part[i].with(m)
	}
	h.last = all
	if h.parts++; time.Duration(h.parts)*sampleEvery < h.length {
		return
	}
	for i, m := range h.part {
		h.of[i] = append(h.of[i], m)
		h.part[i] = moment{}
	}
	h.parts = 0
	if len(all) > 0 && len(h.of[0]) >= maxSamples {
		h.halve()
	}
}

// with is m and what came after it.
func (m moment) with(next moment) moment {
	return moment{
		t: next.t, n: m.n + next.n, limit: m.limit + next.limit, inUse: m.inUse + next.inUse, waiting: m.waiting + next.waiting,
		acquired: m.acquired + next.acquired, seconds: m.seconds + next.seconds,
	}
}

// halve makes one of every two samples. The caller holds mu.
func (h *history) halve() {
	h.length *= 2
	for i, list := range h.of {
		half := list[:0]
		for k := 0; k+1 < len(list); k += 2 {
			half = append(half, list[k].with(list[k+1]))
		}
		h.of[i] = half
	}
}

// charts are two for each of the first limits.
func (h *history) charts() (list []report.Chart) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, l := range h.limits[:min(maxCharted, len(h.limits))] {
		x := make([]float64, len(h.of[i]))
		var inUse, limit, waiting, rate report.Column
		for k, m := range h.of[i] {
			x[k] = m.t
			inUse = append(inUse, m.inUse/float64(m.n))
			waiting = append(waiting, m.waiting/float64(m.n))
			limit = append(limit, positive(m.limit/float64(m.n)))
			rate = append(rate, ratio(m.acquired, m.seconds))
		}
		list = append(list, report.Chart{
			ID: fmt.Sprintf("use-%d", i), Title: l.Name, Note: "Permits that are out, how many there may be, and who waits.", Kind: "time", X: x,
			Series: []report.Series{
				{Name: "in use", Color: "accent", Kind: "area", Y: inUse},
				{Name: "waiting", Color: "warn", Kind: "line", Y: waiting},
				{Name: "limit", Color: "ink", Kind: "step", Y: limit},
			},
		}, report.Chart{
			ID: fmt.Sprintf("rate-%d", i), Title: l.Name + ": pace", Note: "Acquires a second.", Kind: "time", Unit: "/s", X: x,
			Series: []report.Series{{Name: "acquired", Color: "ok", Kind: "area", Y: rate}},
		})
	}
	return list
}

// positive is a gap where there is no limit.
func positive(v float64) float64 {
	if v <= 0 {
		return math.NaN()
	}
	return v
}

func ratio(a, b float64) float64 {
	if b <= 0 {
		return math.NaN()
	}
	return a / b
}
