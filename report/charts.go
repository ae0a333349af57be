package report

import (
	"fmt"
	"math"
	"strconv"
)

// A Chart is what one chart of a page shows, for whoever draws it: the page's
// script with uPlot, or this package as SVG.
type Chart struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Note says in a sentence what is to be seen.
	Note string `json:"note,omitempty"`
	// Kind is "time" (X are seconds of work) or "latency" (X are steps of a
	// logarithmic scale, LatencyStep to a decade, 0 being a microsecond).
	Kind string `json:"kind"`
	// Unit is that of Y: "/s", "ms", "B/s" or "".
	Unit   string    `json:"unit"`
	X      []float64 `json:"x"`
	Series []Series  `json:"series"`
	Marks  []Mark    `json:"marks,omitempty"`
}

// LatencyStep is how many steps of a latency chart are ten times as much.
const LatencyStep = 24

// A Series is one line, area or row of bars.
type Series struct {
	Name string `json:"name"`
	// Color is the name of a variable of the page's style.
	Color string `json:"color"`
	// Kind is "line", "step", "area", "stack" (an area on top of those of the
	// series before it; Y is this one's own part) or "bars".
	Kind string `json:"kind"`
	Y    Column `json:"y"`
}

// A Mark is a moment at which something happened.
type Mark struct {
	X    float64 `json:"x"`
	Text string  `json:"text"`
}

// A Column is a series' values; what is not a number is null in JSON: a gap.
type Column []float64

// MarshalJSON writes the values with at most four digits that say something.
func (c Column) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i, v := range c {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			b = append(b, "null"...)
		case v == math.Trunc(v) && math.Abs(v) < 1e15:
			b = strconv.AppendInt(b, int64(v), 10)
		default:
			b = strconv.AppendFloat(b, v, 'g', 4, 64)
		}
	}
	return append(b, ']'), nil
}

// most marks that a chart has.
const maxMarks = 40

// Charts are those of d that have something to show, in the order of the page.
func (d Data) Charts() []Chart {
	var list []Chart
	if len(d.Timeline.T) > 0 {
		list = append(list, d.throughput(), d.inFlight(), d.percentiles())
	}
	if len(d.Latency.Total.To) > 0 {
		list = append(list, d.histogram())
	}
	if len(d.Timeline.T) > 0 {
		list = append(list, d.byStatus())
		if d.Counts.Retries > 0 && !d.FromRecords {
			list = append(list, d.retries())
		}
		list = append(list, d.traffic())
	}
	return list
}

// timed is a chart over time, with the moments at which the run was resumed.
func (d Data) timed(c Chart) Chart {
	c.Kind = "time"
	c.X, c.Series = d.spread(c.Series)
	at := 0.0
	for i, p := range d.Parts {
		if i > 0 && !p.Unmeasured && at > 0 {
			c.Marks = append(c.Marks, Mark{round3(at), "resumed " + p.Started.UTC().Format("2006-01-02 15:04")})
		}
		at += p.Seconds
	}
	if len(c.Marks) > maxMarks {
		c.Marks = c.Marks[:maxMarks]
	}
	return c
}

// spread puts the middle of each step on the X axis, and a gap where steps are
// missing.
func (d Data) spread(in []Series) (x []float64, out []Series) {
	t := d.Timeline
	out = make([]Series, len(in))
	copy(out, in)
	for s := range out {
		out[s].Y = make(Column, 0, len(t.T))
	}
	for i := range t.T {
		if i > 0 && t.T[i]-t.T[i-1] > 1.6*t.Step {
			x = append(x, round3(t.T[i-1]+t.Step))
			for s := range out {
				out[s].Y = append(out[s].Y, math.NaN())
			}
		}
		x = append(x, round3(t.T[i]+d.width(i)/2))
		for s := range out {
			out[s].Y = append(out[s].Y, in[s].Y[i])
		}
	}
	return x, out
}

// width is how long step i was: the last one may be cut off by the end.
func (d Data) width(i int) float64 {
	w := d.Timeline.Step
	if i+1 < len(d.Timeline.T) {
		w = min(w, d.Timeline.T[i+1]-d.Timeline.T[i])
	} else if left := d.Seconds - d.Timeline.T[i]; left > 0 {
		w = min(w, left)
	}
	return max(w, 0.25*d.Timeline.Step, 1e-3)
}

// perSecond is a column of counts as rates.
func (d Data) perSecond(counts []int64) Column {
	c := make(Column, len(counts))
	for i, n := range counts {
		c[i] = float64(n) / d.width(i)
	}
	return c
}

func (d Data) throughput() Chart {
	series := []Series{{"ok", "ok", "stack", d.perSecond(d.Timeline.OK)}}
	if d.Counts.Failed > 0 {
		series = append(series, Series{"failed", "bad", "stack", d.perSecond(d.Timeline.Failed)})
	}
	return d.timed(Chart{ID: "throughput", Title: "Throughput", Unit: "/s", Note: "Records a second.", Series: series})
}

func (d Data) inFlight() Chart {
	t := d.Timeline
	series := []Series{{"in flight", "accent", "area", Column(t.InFlight)}}
	if limits := positive(t.Limit); limits != nil {
		series = append(series, Series{"limit", "ink", "step", limits})
	}
	c := Chart{ID: "inflight", Title: "In flight against the limit", Note: "Requests at once, and how many there may be.", Series: series}
	if d.FromRecords {
		c.Title, c.Note = "In flight", "As far as records tell: the last attempt of each."
	}
	c = d.timed(c)
	for _, ch := range d.Changes {
		if ch.Host == "" && (ch.Kind == "concurrency" || ch.Kind == "paused") && len(c.Marks) < maxMarks {
			c.Marks = append(c.Marks, Mark{ch.T, ch.text()})
		}
	}
	return c
}

// text says what was changed.
func (c Change) text() string {
	s := fmt.Sprintf("%s to %s", number(c.From), number(c.To))
	switch {
	case c.Kind == "paused" && c.To > 0:
		s = "paused"
	case c.Kind == "paused":
		s = "resumed"
	case c.Kind == "rate":
		s = fmt.Sprintf("%s/s to %s/s", number(c.From), number(c.To))
	}
	if c.Why != "" {
		s += ": " + c.Why
	}
	return s
}

func number(v float64) string {
	if v == 0 {
		return "none"
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

func (d Data) percentiles() Chart {
	t := d.Timeline
	return d.timed(Chart{
		ID: "percentiles", Title: "Latency over time", Unit: "ms", Note: "Of whole requests: the half, nine of ten, 99 of 100 took no longer.",
		Series: []Series{
			{"p99", "p99", "line", positive(t.P99)},
			{"p90", "p90", "line", positive(t.P90)},
			{"p50", "p50", "line", positive(t.P50)},
		},
	})
}

// positive has gaps where v is 0; nil if it is so everywhere.
func positive(v []float64) Column {
	c := make(Column, len(v))
	some := false
	for i, x := range v {
		c[i] = x
		if x <= 0 {
			c[i] = math.NaN()
		} else {
			some = true
		}
	}
	if !some && len(v) > 0 {
		return nil
	}
	return c
}

// histogram has a bar for each step of the scale, empty ones too.
func (d Data) histogram() Chart {
	total := d.Latency.Total
	c := Chart{ID: "histogram", Title: "Latency of all", Kind: "latency", Note: "How many requests took how long, on a logarithmic scale."}
	var y Column
	for i, to := range total.To {
		at := math.Round(LatencyStep * math.Log10(max(to*1000, 1)))
		for len(c.X) > 0 && c.X[len(c.X)-1] < at-1 {
			c.X, y = append(c.X, c.X[len(c.X)-1]+1), append(y, 0)
		}
		if n := len(c.X); n > 0 && c.X[n-1] == at {
			y[n-1] += float64(total.N[i])
			continue
		}
		c.X, y = append(c.X, at), append(y, float64(total.N[i]))
	}
	c.Series = []Series{{"requests", "accent", "bars", y}}
	for _, p := range []struct {
		name string
		ms   float64
	}{{"p50", total.P50}, {"p99", total.P99}} {
		c.Marks = append(c.Marks, Mark{round3(LatencyStep * math.Log10(max(p.ms*1000, 1))), p.name + " " + Milliseconds(p.ms)})
	}
	return c
}

func (d Data) byStatus() Chart {
	t := d.Timeline
	c := Chart{ID: "statuses", Title: "Statuses", Unit: "/s", Note: "Records a second, by class of status."}
	for _, s := range []struct {
		name, color string
		n           []int64
	}{
		{"1xx", "s1", t.S1xx},
		{"2xx", "s2", t.S2xx},
		{"3xx", "s3", t.S3xx},
		{"4xx", "s4", t.S4xx},
		{"5xx", "s5", t.S5xx},
		{"no response", "s0", t.Errors},
	} {
		if anyOf(s.n) {
			c.Series = append(c.Series, Series{s.name, s.color, "stack", d.perSecond(s.n)})
		}
	}
	return d.timed(c)
}

func anyOf(v []int64) bool {
	for _, n := range v {
		if n > 0 {
			return true
		}
	}
	return false
}

func (d Data) retries() Chart {
	return d.timed(Chart{
		ID: "retries", Title: "Retries", Unit: "/s", Note: "Attempts that failed and were to be repeated, and the items that waited for it.",
		Series: []Series{
			{"retries", "warn", "area", d.perSecond(d.Timeline.Retries)},
			{"waiting", "ink", "line", Column(d.Timeline.Backoff)},
		},
	})
}

func (d Data) traffic() Chart {
	return d.timed(Chart{
		ID: "traffic", Title: "Traffic", Unit: "B/s", Note: "Bytes of bodies, decompressed.",
		Series: []Series{{"bytes", "accent", "area", d.perSecond(d.Timeline.Bytes)}},
	})
}
