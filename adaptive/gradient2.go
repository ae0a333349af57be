package adaptive

import "time"

// Gradient2 compares the latency of a second with a mean over many: the limit is
// multiplied by 1.5 × long / short, within 0.5 and 1, and four are added (the
// algorithm and the numbers of Gradient2Limit in
// github.com/Netflix/concurrency-limits, 2018). A refusal counts as the least
// gradient.
//
// The long mean takes in the queue that Gradient2 itself lets grow, and a service
// that has become slower is taken for a queue.
type Gradient2 struct {
	min, max int
	limit    float64
	window   window
	long     float64 // seconds
	windows  float64
}

const (
	gradientLong      = 600 // windows in the long mean
	gradientWarm      = 10  // of which the first make a plain mean
	gradientTolerance = 1.5
	gradientQueue     = 4
	gradientSmoothing = 0.2
)

// NewGradient2 returns a Gradient2 between two limits that begins with start.
func NewGradient2(minimum, maximum, start int) *Gradient2 {
	minimum, maximum, start = bounds(minimum, maximum, start)
	return &Gradient2{min: minimum, max: maximum, limit: float64(start)}
}

// Limit returns the limit in force.
func (g *Gradient2) Limit() int { return int(g.limit) }

// Observe learns from an operation.
func (g *Gradient2) Observe(now time.Time, o Observation) Reason {
	w, ok := g.window.add(now, o)
	if !ok {
		return ""
	}
	before := g.Limit()
	g.limit = min(max(g.next(&w), float64(g.min)), float64(g.max))
	return changed(before, g.Limit())
}

// next returns the limit after a window.
func (g *Gradient2) next(w *window) float64 {
	gradient := 0.5
	if short := w.latency(); !w.refused {
		g.learn(short)
		if 2*w.inFlight < g.Limit() {
			return g.limit
		}
		gradient = min(max(gradientTolerance*g.long/short, 0.5), 1)
	}
	next := g.limit*gradient + gradientQueue
	return g.limit*(1-gradientSmoothing) + next*gradientSmoothing
}

// learn takes a window's latency into the long mean.
func (g *Gradient2) learn(short float64) {
	g.windows++
	weight := 1 / g.windows
	if g.windows > gradientWarm {
		weight = 2.0 / (gradientLong + 1)
	}
	g.long += (short - g.long) * weight
	if g.long > 2*short {
		g.long *= 0.95 // it was slower once: come down faster
	}
}
