package adaptive

import (
	"time"

	"github.com/penstock-go/penstock"
)

// A window sums up what Vegas and Gradient2 see of about a second: a limit that is
// changed by single samples follows their noise.
type window struct {
	end      time.Time
	n        int
	sum      time.Duration
	inFlight int // the most
	refused  bool
}

const (
	windowTime    = time.Second
	windowSamples = 10
)

// add adds an operation, and reports whether the window is complete. If so it
// returns what was in it, and begins another.
func (w *window) add(now time.Time, o Observation) (seen window, complete bool) {
	switch o.Outcome {
	case penstock.Success:
		w.n++
		w.sum += o.Latency
	case penstock.Overload:
		w.refused = true
	default:
		return window{}, false
	}
	w.inFlight = max(w.inFlight, o.InFlight)
	if w.end.IsZero() {
		w.end = now.Add(windowTime)
	}
	if now.Before(w.end) || w.n < windowSamples && !w.refused {
		return window{}, false
	}
	seen = *w
	*w = window{end: now.Add(windowTime)}
	return seen, true
}

// latency returns the mean in seconds, or 0 where nothing succeeded.
func (w *window) latency() float64 {
	if w.n == 0 {
		return 0
	}
	return w.sum.Seconds() / float64(w.n)
}
