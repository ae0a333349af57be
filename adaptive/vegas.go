package adaptive

import (
	"math"
	"time"
)

// Vegas estimates how many of those in flight wait in a queue, as limit × (1 -
// least latency / latency), and keeps that between three and six times the
// logarithm of the limit (Brakmo and Peterson, TCP Vegas: new techniques for
// congestion detection and avoidance, SIGCOMM 1994; with the thresholds of
// VegasLimit in github.com/Netflix/concurrency-limits). It looks at windows of a
// second. Each 30 windows the least latency is taken anew.
//
// Where the latency varies by itself the least one is no measure of it, and Vegas
// allows too little.
type Vegas struct {
	min, max int
	limit    float64
	window   window
	least    float64 // latency without a queue, seconds
	windows  int     // since it was taken
}

const vegasProbe = 30 // windows between new least latencies

// NewVegas returns a Vegas between two limits that begins with start.
func NewVegas(minimum, maximum, start int) *Vegas {
	minimum, maximum, start = bounds(minimum, maximum, start)
	return &Vegas{min: minimum, max: maximum, limit: float64(start)}
}

// Limit returns the limit in force.
func (v *Vegas) Limit() int { return int(v.limit) }

// Observe learns from an operation.
func (v *Vegas) Observe(now time.Time, o Observation) Reason {
	w, ok := v.window.add(now, o)
	if !ok {
		return ""
	}
	before := v.Limit()
	v.limit = min(max(v.next(&w), float64(v.min)), float64(v.max))
	return changed(before, v.Limit())
}

// next returns the limit after a window.
func (v *Vegas) next(w *window) float64 {
	step := max(1, math.Log10(v.limit))
	if w.refused {
		return v.limit - step
	}
	latency := w.latency()
	v.windows++
	if v.least == 0 || latency < v.least || v.windows >= vegasProbe {
		v.least, v.windows = latency, 0
	}
	queue := math.Ceil(v.limit * (1 - v.least/latency))
	switch {
	case 2*w.inFlight < v.Limit():
	case queue <= step:
		return v.limit + 6*step
	case queue < 3*step:
		return v.limit + step
	case queue > 6*step:
		return v.limit - step
	}
	return v.limit
}
