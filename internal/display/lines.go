package display

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
)

// Style is how a terminal is written to. The zero value is good: 80 columns of
// ASCII in one color.
type Style struct {
	Width   int  // columns; 0 means 80, 20 is the least
	Color   bool // escape sequences for colors
	Unicode bool // for the bar, and for what is cut off
}

const (
	faint = "\x1b[2m"
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	reset = "\x1b[0m"
)

// A field is one figure of a line. Where there is no room for all of them, those
// with the lowest keep go first; what is 0 goes first of all.
type field struct {
	text  string
	width int // that it is filled up to, where there is room, so that nothing jumps
	keep  int
	color string
}

// A line is a heading and its fields.
type line struct {
	name   string
	fields []field
}

// columns counts them, whatever the locale says.
var columns = runewidth.Condition{StrictEmojiNeutral: true}

// Lines renders s as a block. No line is wider than the style's width less one:
// a terminal may go to the next line after its last column.
func (s State) Lines(o Style) []string {
	o.Width = max(20, cmp.Or(o.Width, 80))
	all := []line{s.rateLine(), s.flightLine(), s.waitLine(), s.statusLine()}
	if l := s.errorLine(); len(l.fields) > 0 {
		all = append(all, l)
	}
	if s.Slowest.Name != "" {
		all = append(all, s.slowLine())
	}
	out := []string{s.doneLine(o)}
	for _, l := range all {
		out = append(out, o.render(l))
	}
	return out
}

// indent is how far the figures are from the edge: as in the summary, less where
// there is little room.
func (o Style) indent() int {
	if o.Width < 60 {
		return 10
	}
	return 12
}

func (o Style) gap() int {
	if o.Width < 60 {
		return 2
	}
	return 3
}

func (o Style) paint(style, s string) string {
	if !o.Color || style == "" || s == "" {
		return s
	}
	return style + s + reset
}

func (o Style) heading(name string) string {
	return o.paint(faint, name) + strings.Repeat(" ", max(0, o.indent()-len(name)))
}

// render makes l fit.
func (o Style) render(l line) string {
	room := o.Width - 1 - o.indent()
	fields := slices.Clone(l.fields)
	padded := o.Width >= 60
	for len(fields) > 1 && o.length(fields, padded) > room {
		least := 0
		for i, f := range fields {
			if f.keep <= fields[least].keep {
				least = i
			}
		}
		fields = slices.Delete(fields, least, least+1)
	}
	var b strings.Builder
	b.WriteString(o.heading(l.name))
	for i, f := range fields {
		text := cut(f.text, room, o.Unicode)
		b.WriteString(o.paint(f.color, text))
		if i < len(fields)-1 {
			b.WriteString(strings.Repeat(" ", f.fill(padded)+o.gap()))
		}
	}
	return b.String()
}

// fill is how many blanks make f as wide as it wants to be.
func (f field) fill(padded bool) int {
	if !padded {
		return 0
	}
	return max(0, f.width-columns.StringWidth(f.text))
}

func (o Style) length(fields []field, padded bool) int {
	n := 0
	for i, f := range fields {
		n += columns.StringWidth(f.text)
		if i < len(fields)-1 {
			n += f.fill(padded) + o.gap()
		}
	}
	return n
}

// cut makes s at most that wide.
func cut(s string, width int, unicode bool) string {
	if columns.StringWidth(s) <= width {
		return s
	}
	tail := "..."
	if unicode {
		tail = "…"
	}
	return columns.Truncate(s, width, tail)
}

// doneLine is how far the run is.
func (s State) doneLine(o Style) string {
	done := report.Number(s.Stats.Records)
	if s.Total <= 0 {
		return o.render(line{"done", []field{{text: done, keep: 2}, {text: report.Number(s.Stats.Items) + " read", keep: 1}}})
	}
	total := report.Number(s.Total)
	done = strings.Repeat(" ", max(0, len(total)-len(done))) + done + " of " + total
	share := min(1, float64(s.Stats.Records)/float64(s.Total))
	percent, left := fmt.Sprintf("%3d %%", int(100*share)), ""
	if s.Left > 0 {
		left = fmt.Sprintf("%6s left", span(s.Left))
	}
	words := fmt.Sprintf("%s  %s  %-11s", done, percent, left)
	room := min(60, o.Width-1-o.indent()-len(words)-o.gap())
	if room < 6 {
		l := line{"done", []field{{text: strings.TrimSpace(done), keep: 3}, {text: strings.TrimSpace(percent), keep: 1}}}
		if s.Left > 0 {
			l.fields = append(l.fields, field{text: strings.TrimSpace(left), keep: 2})
		}
		return o.render(l)
	}
	return strings.TrimRight(o.heading("done")+o.bar(share, room)+strings.Repeat(" ", o.gap())+words, " ")
}

func (o Style) bar(share float64, width int) string {
	full, rest := "=", "-"
	if o.Unicode {
		full, rest = "━", "─"
	}
	n := int(share * float64(width))
	return o.paint(green, strings.Repeat(full, n)) + o.paint(faint, strings.Repeat(rest, width-n))
}

func (s State) rateLine() line {
	return line{"rate", []field{
		{text: rate(s.Rate) + " now", width: 11, keep: 5},
		{text: rate(s.Average) + " average", width: 15, keep: 3},
		{text: report.Size(s.Stats.Bytes), width: 8, keep: 2},
		{text: report.Size(int64(s.Bandwidth)) + "/s", width: 10, keep: 1},
		{text: span(s.Stats.Elapsed.Truncate(time.Second)) + " so far", keep: 4},
	}}
}

// flightLine is what is in flight against its limits.
func (s State) flightLine() line {
	limit := fmt.Sprintf("%d of %d", s.Stats.InFlight, s.Stats.Limit)
	if from := s.limitFrom(); from != "" {
		limit += " (" + from + ")"
	}
	l := line{"in flight", []field{{text: limit, width: 11, keep: 100}}}
	keep := 50
	for _, b := range s.Hosts {
		if b.Limit == 0 || b.InFlight == 0 || keep == 46 {
			continue
		}
		text := fmt.Sprintf("%s %d of %d", hostName(b.Key), b.InFlight, b.Limit)
		if from := s.hostFrom(b.Auto); from != "" {
			text += " (" + from + ")"
		}
		l.fields = append(l.fields, field{text: text, keep: keep})
		keep--
	}
	return l
}

// waitLine is why there is not more in flight.
func (s State) waitLine() line {
	l := line{"waiting", []field{{text: s.waiting(), width: 11, keep: 9}}}
	add := func(n int, keep int, text string) {
		if n > 0 {
			l.fields = append(l.fields, field{text: report.Number(int64(n)) + " " + text, keep: keep})
		}
	}
	add(s.Stats.Queued+s.Stats.Aside, 1, "queued")
	add(s.Stats.Backoff, 2, "to be retried")
	if s.Stats.Hosts > 1 || s.Wait.Reason != fetch.RetryAfter {
		add(s.Stats.Held, 3, plural(s.Stats.Held, "host on hold", "hosts on hold"))
	}
	return l
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// statusLine is what servers have answered: the most frequent is kept longest.
func (s State) statusLine() line {
	l := line{name: "statuses"}
	byCount := slices.SortedFunc(maps.Keys(s.Stats.Statuses), func(a, b int) int {
		return cmp.Or(cmp.Compare(s.Stats.Statuses[a], s.Stats.Statuses[b]), cmp.Compare(b, a))
	})
	for _, status := range slices.Sorted(maps.Keys(s.Stats.Statuses)) {
		n := report.Number(s.Stats.Statuses[status])
		color := ""
		if status >= 500 || status == 429 {
			color = red
		}
		l.fields = append(l.fields, field{text: fmt.Sprintf("%d: %s", status, n), keep: slices.Index(byCount, status), color: color})
	}
	if len(l.fields) == 0 {
		l.fields = []field{{text: "none yet"}}
	}
	return l
}

// errorLine is what has gone wrong; without fields if nothing has.
func (s State) errorLine() line {
	l := line{name: "failed"}
	if s.Stats.Failed > 0 {
		l.fields = append(l.fields, field{text: report.Number(s.Stats.Failed), keep: 1000, color: red})
	}
	classes := slices.SortedFunc(maps.Keys(s.Stats.Classes), func(a, b fetch.Class) int {
		return cmp.Or(cmp.Compare(s.Stats.Classes[b], s.Stats.Classes[a]), cmp.Compare(a, b))
	})
	for i, c := range classes {
		l.fields = append(l.fields, field{text: fmt.Sprintf("%s: %s", c, report.Number(s.Stats.Classes[c])), keep: 900 - i})
	}
	if s.Stats.Retries > 0 {
		if len(l.fields) == 0 {
			l.name = "retried"
		}
		l.fields = append(l.fields, field{text: report.Number(s.Stats.Retries) + plural(int(s.Stats.Retries), " retry", " retries"), keep: 950})
	}
	return l
}

func (s State) slowLine() line {
	return line{"slowest", []field{
		{text: span(s.Slowest.Left) + " left: " + hostName(s.Slowest.Name), keep: 2},
		{text: report.Number(int64(s.Slowest.Queue)) + " to go", keep: 1},
	}}
}
