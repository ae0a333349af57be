package origin

import "time"

// What the tests of the pure parts need, and nothing else.

type (
	Gauge = gauge
	Stay  = stay
	Seen  = seen
)

const (
	MaxItemNumber = maxItemNumber
	MaxOtherKeys  = maxOtherKeys
)

// NewStay is a stay in one gauge and, if it is not nil, in another.
func NewStay(one, overall *Gauge) *Stay {
	s := new(Stay)
	s.of(one, overall)
	return s
}

func (s *stay) Enter(settle func()) { s.enter(settle) }
func (s *stay) Leave()              { s.leave() }
func (s *stay) Abandon()            { s.abandon() }
func (g *gauge) Now() int           { return g.now() }
func (g *gauge) Peak() int          { return int(g.peak.Load()) }

// Windows books arrivals and returns the most in 1 s, in 100 ms, and the burst.
func Windows(rate float64, at []time.Duration) (second, tenth int, burst float64) {
	a := newArrivals(rate)
	for _, t := range at {
		a.add(t)
	}
	return a.windows[0].most, a.windows[1].most, a.meter.most
}

func NewSeen() Seen                      { return newSeen() }
func (s *seen) Item(n uint64)            { s.item(n) }
func (s *seen) Other(h uint64)           { s.other(h) }
func (s *seen) Counts() (d, r, u uint64) { return s.distinct, s.repeats, s.untracked }

// Identity says whether two requests are the same.
func Identity(path, query string) any {
	n, isItem, hash := identity(path, query)
	return [3]any{n, isItem, hash}
}

// QuickItem reads a request header that ends with an empty line.
func QuickItem(request string) (uint64, bool) {
	q := []byte(request)
	if len(q) < len(quickStart)+4 || string(q[:len(quickStart)]) != string(quickStart) {
		return 0, false
	}
	return quickItem(q[:len(q)-2])
}

// Route is a line of the index.
type Route struct{ Name, Form, Example string }

// Routes are all paths, in the order of the index.
func Routes() []Route {
	var rs []Route
	for _, r := range routeOrder {
		rs = append(rs, Route{r.name, r.form, r.example})
	}
	return rs
}
