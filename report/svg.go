package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// The drawing area of an SVG chart, in its own units.
const (
	svgWidth, svgHeight      = 520, 220
	svgLeft, svgRight        = 54, 12
	svgTop, svgBottom        = 12, 26
	svgPlotWide, svgPlotHigh = svgWidth - svgLeft - svgRight, svgHeight - svgTop - svgBottom
	svgPoints                = 260 // most of a line; more cannot be seen
)

// svg draws c. Colors are classes, so that the page's style has them.
func (c Chart) svg() template.HTML {
	s := svgChart{c: c, stacked: c.stacked()}
	s.scale()
	fmt.Fprintf(&s.out, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, svgWidth, svgHeight, html.EscapeString(c.Title))
	s.axes()
	for i := len(c.Series) - 1; i >= 0; i-- { // stacks from the highest down, each in front of it
		s.series(c.Series[i], s.stacked[i])
	}
	s.marks()
	s.out.WriteString("</svg>")
	return template.HTML(s.out.String()) //nolint:gosec // made here, of escaped text and numbers
}

// stacked is each series as it is drawn: those of stacks on top of each other.
func (c Chart) stacked() []Column {
	var sum Column
	list := make([]Column, len(c.Series))
	for i, s := range c.Series {
		list[i] = s.Y
		if s.Kind != "stack" {
			continue
		}
		top := make(Column, len(s.Y))
		for k, v := range s.Y {
			top[k] = v
			if sum != nil {
				top[k] += sum[k]
			}
		}
		list[i], sum = top, top
	}
	return list
}

type svgChart struct {
	c          Chart
	stacked    []Column
	out        strings.Builder
	from, to   float64 // of x
	top, ystep float64
}

func (s *svgChart) scale() {
	most := 0.0
	for _, y := range s.stacked {
		for _, v := range y {
			if !math.IsNaN(v) {
				most = max(most, v)
			}
		}
	}
	s.ystep = nice(max(most, 1e-9) / 4)
	if s.c.Unit == "B/s" {
		s.ystep = math.Exp2(math.Ceil(math.Log2(max(most, 1) / 4)))
	}
	s.top = s.ystep * math.Ceil(max(most, 1e-9)/s.ystep)
	if n := len(s.c.X); n > 0 {
		s.from, s.to = s.c.X[0], s.c.X[n-1]
	}
	switch {
	case s.c.Kind == "time":
		s.from = 0
	default:
		s.from, s.to = s.from-2, s.to+1
	}
	if s.to <= s.from {
		s.to = s.from + 1
	}
}

// nice is the least of 1, 2, 5, 10, ... that is not less than v.
func nice(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= v*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}

func (s *svgChart) x(v float64) float64 {
	return svgLeft + svgPlotWide*(v-s.from)/(s.to-s.from)
}

func (s *svgChart) y(v float64) float64 { return svgTop + svgPlotHigh*(1-v/s.top) }

func (s *svgChart) axes() {
	for v := 0.0; v <= s.top*(1+1e-9); v += s.ystep {
		fmt.Fprintf(&s.out, `<path class="grid" d="M%d %.1fH%d"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`,
			svgLeft, s.y(v), svgWidth-svgRight, svgLeft-6, s.y(v)+4, html.EscapeString(axisText(v, s.c.Unit)))
	}
	for _, t := range s.xticks() {
		fmt.Fprintf(&s.out, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, s.x(t.X), svgHeight-7, html.EscapeString(t.Text))
	}
}

// xticks are the labels under the chart.
func (s *svgChart) xticks() (list []Mark) {
	if s.c.Kind == "latency" {
		decades := (s.to - s.from) / LatencyStep
		for at := LatencyStep * math.Ceil(s.from/LatencyStep); at <= s.to; at += LatencyStep {
			for _, m := range []float64{1, 2, 5} {
				v := at + LatencyStep*math.Log10(m)
				if v <= s.to && (m == 1 || decades < 2) {
					list = append(list, Mark{v, Milliseconds(m * math.Pow(10, at/LatencyStep) / 1000)})
				}
			}
		}
		return list
	}
	step := niceTime((s.to - s.from) / 5)
	for v := 0.0; v <= s.to; v += step {
		list = append(list, Mark{v, clock(v, step)})
	}
	return list
}

// niceTime is a step of a time axis that is not less than v seconds.
func niceTime(v float64) float64 {
	if v <= 30 {
		if v > 10 {
			return math.Ceil(v/15) * 15
		}
		return nice(v)
	}
	for _, s := range []float64{60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400} {
		if s >= v {
			return s
		}
	}
	return 86400 * nice(v/86400)
}

// clock is a time since the start, on an axis with that step.
func clock(v, step float64) string {
	switch {
	case v == 0:
		return "0"
	case step < 1:
		return fmt.Sprintf("%.3g s", v)
	case step < 15 || v < 60 && step < 60:
		return fmt.Sprintf("%.0f s", v)
	case step < 60:
		return fmt.Sprintf("%d:%02d", int(v)/60, int(v)%60)
	case step < 3600 && v < 3600:
		return fmt.Sprintf("%.0f min", v/60)
	case step < 86400:
		return fmt.Sprintf("%d:%02d h", int(v)/3600, int(v)/60%60)
	}
	return fmt.Sprintf("%.0f d", v/86400)
}

// axisText is a value of a y axis.
func axisText(v float64, unit string) string {
	switch {
	case v == 0:
		return "0"
	case unit == "ms":
		return trimmed(v, "ms", 1000, "s")
	case unit == "B/s":
		return strings.Replace(Size(int64(v+0.5)), ".0 ", " ", 1)
	case v >= 1e6:
		return trimmed(v/1e6, "M", 1000, "G")
	case v >= 1e4:
		return trimmed(v/1e3, "k", 1e9, "")
	}
	return trimmed(v, "", 1e18, "")
}

func trimmed(v float64, unit string, many float64, larger string) string {
	if v >= many {
		v, unit = v/many, larger
	}
	return strings.TrimSpace(fmt.Sprintf("%.4g %s", v, unit))
}

// series draws one; y is where it goes.
func (s *svgChart) series(of Series, y Column) {
	color := html.EscapeString(of.Color)
	if of.Kind == "bars" {
		width := max(1, svgPlotWide/(s.to-s.from)-1)
		for i, v := range y {
			if v > 0 {
				high := max(1, svgTop+svgPlotHigh-s.y(v))
				fmt.Fprintf(&s.out, `<rect class="f-%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`,
					color, s.x(s.c.X[i]-1), svgTop+svgPlotHigh-high, width, high)
			}
		}
		return
	}
	for _, run := range s.runs(y) {
		line := s.path(run, of.Kind == "step")
		switch of.Kind {
		case "area", "stack":
			base := svgTop + svgPlotHigh
			fill := "f"
			if of.Kind == "area" {
				fill = "a"
			}
			fmt.Fprintf(&s.out, `<path class="%s-%s" d="%sL%.1f %dL%.1f %dZ"/>`, fill, color, line, run[len(run)-1][0], base, run[0][0], base)
		}
		if of.Kind != "stack" {
			fmt.Fprintf(&s.out, `<path class="l-%s%s" d="%s"/>`, color, dashed(of.Kind), line)
		}
	}
}

func dashed(kind string) string {
	if kind == "step" {
		return " dash"
	}
	return ""
}

// runs are the points of y without its gaps, and not more than can be seen:
// of neighbours the highest stays.
func (s *svgChart) runs(y Column) (list [][][2]float64) {
	every := len(y)/svgPoints + 1
	var run [][2]float64
	for i := 0; i < len(y); i += every {
		best := math.NaN()
		at := i
		for k := i; k < min(i+every, len(y)); k++ {
			if !math.IsNaN(y[k]) && !(best >= y[k]) {
				best, at = y[k], k
			}
		}
		if math.IsNaN(best) {
			if run != nil {
				list, run = append(list, run), nil
			}
			continue
		}
		run = append(run, [2]float64{s.x(s.c.X[at]), s.y(best)})
	}
	if run != nil {
		list = append(list, run)
	}
	return list
}

func (s *svgChart) path(run [][2]float64, steps bool) string {
	var b strings.Builder
	for i, p := range run {
		switch {
		case i == 0:
			fmt.Fprintf(&b, "M%.1f %.1f", p[0], p[1])
		case steps:
			fmt.Fprintf(&b, "H%.1fV%.1f", p[0], p[1])
		default:
			fmt.Fprintf(&b, "L%.1f %.1f", p[0], p[1])
		}
	}
	if len(run) == 1 {
		b.WriteString("h1")
	}
	return b.String()
}

func (s *svgChart) marks() {
	for _, m := range s.c.Marks {
		if m.X >= s.from && m.X <= s.to {
			fmt.Fprintf(&s.out, `<path class="mark" d="M%.1f %dv%d"><title>%s</title></path>`, s.x(m.X), svgTop, svgPlotHigh, html.EscapeString(m.Text))
		}
	}
}
