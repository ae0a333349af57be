package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/penstock-go/penstock/fetch"
)

// TextOptions are the manners of WriteText. The zero value is good.
type TextOptions struct {
	// Width is how many columns there are; 0 means 80, and 40 is the least.
	Width int
	// Color lets the escape sequences of terminals in.
	Color bool
	// Next are commands that may be typed next, with a word on each.
	Next []Command
}

// A Command is something to type, and what for.
type Command struct{ Line, What string }

const (
	textErrors = 5
	textHosts  = 5
	textNext   = 3
)

// WriteText writes d as a summary of one screen. The only error is w's.
func WriteText(w io.Writer, d Data, o TextOptions) error {
	o.Width = max(40, cmp.Or(o.Width, 80))
	t := text{TextOptions: o, d: d}
	t.head()
	t.statuses()
	t.errors()
	t.latency()
	t.hosts()
	t.finding()
	t.next()
	_, err := w.Write(t.out.Bytes())
	return err
}

// A text is a summary in the making.
type text struct {
	TextOptions

	d   Data
	out bytes.Buffer
}

const (
	bold  = "\x1b[1m"
	faint = "\x1b[2m"
	red   = "\x1b[31m"
	reset = "\x1b[0m"
)

func (t *text) paint(style, s string) string {
	if !t.Color || s == "" {
		return s
	}
	return style + s + reset
}

// line writes s, cut to the width: the only way out for what servers or inputs
// have named. styled is how s begins with colors in it.
func (t *text) line(s string) { t.out.WriteString(fit(s, t.Width) + "\n") }

// heading begins a block; what follows is indented by its width.
const indent = 12

func (t *text) block(heading, s string) {
	s = fit(s, t.Width-indent)
	t.out.WriteString(t.paint(faint, fmt.Sprintf("%-*s", indent, heading)) + s + "\n")
}

// wrap writes words under a heading, in as many lines as they need.
func (t *text) wrap(heading string, words []string) {
	line := ""
	for _, w := range words {
		if line != "" && width(line)+width(w)+1 > t.Width-indent {
			t.block(heading, line)
			heading, line = "", ""
		}
		line = strings.TrimPrefix(line+" "+w, " ")
	}
	if line != "" {
		t.block(heading, line)
	}
}

// head is the counts and rates.
func (t *text) head() {
	c := t.d.Counts
	failed := Number(c.Failed) + " failed"
	items := " items: "
	if c.Records == 1 {
		items = " item: "
	}
	line := Number(c.Records) + items + Number(c.OK) + " ok, "
	if c.Failed > 0 {
		failed = t.paint(red, failed)
	}
	t.line(t.paint(bold, line) + failed)
	if n := len(t.d.Parts); n > 0 {
		t.line(fmt.Sprintf("%s items were done before; run number %d of this output", Number(c.Records-t.d.Parts[n-1].Records), n))
	}
	words := []string{
		Size(c.Bytes) + " in " + Seconds(t.d.Seconds) + ",",
		PerSecond(float64(t.d.measured()) / max(t.d.Seconds, 0.001)),
	}
	if c.MaxInFlight > 0 {
		words = append(words, fmt.Sprintf("on average, at most %d in flight", c.MaxInFlight))
	}
	t.line(strings.Join(words, " "))
	var more []string
	for _, x := range []struct {
		n    int64
		text string
	}{
		{c.Retries, "retries"},
		{c.Redirects, "redirects"},
		{c.Spilled, "waited for their host in a file of up to " + Size(c.SpillBytes)},
		{c.Shortages, "times this machine ran out of files, ports or buffers, and the run slowed down"},
	} {
		if x.n > 0 {
			more = append(more, Number(x.n)+" "+x.text)
		}
	}
	if len(more) > 0 {
		t.wrap("besides", strings.Fields(strings.Join(more, ", ")))
	}
	for _, note := range t.d.Notes {
		t.wrap("note", strings.Fields(note))
	}
}

// measured is how many records Seconds has something to do with.
func (d Data) measured() int64 {
	n := d.Counts.Records
	for _, p := range d.Parts {
		if p.Unmeasured {
			n -= p.Records
		}
	}
	return n
}

func (t *text) statuses() {
	var words []string
	for _, s := range slices.Sorted(maps.Keys(t.d.Statuses)) {
		words = append(words, fmt.Sprintf("%d: %s ", s, Number(t.d.Statuses[s])))
	}
	t.wrap("statuses", words)
}

// errors are the classes, each with an example.
func (t *text) errors() {
	heading := "errors"
	for i, e := range t.d.Errors {
		if i == textErrors {
			t.block("", fmt.Sprintf("and %d more classes", len(t.d.Errors)-i))
			break
		}
		t.block(heading, fmt.Sprintf("%s: %s, such as %s", e.Class, Number(e.Count), printable(cmp.Or(e.URL, e.Message))))
		heading = ""
	}
}

func (t *text) latency() {
	l := t.d.Latency
	if l.Total.Count == 0 {
		return
	}
	t.out.WriteString(t.paint(faint, fmt.Sprintf("%-*s%9s %9s %9s %9s", indent, "latency", "p50", "p90", "p99", "max")[:min(indent+39, t.Width)]) + "\n")
	for _, p := range []struct {
		name string
		d    Distribution
	}{
		{"waiting", l.Waiting},
		{"connect", l.Connect},
		{"first byte", l.FirstByte},
		{"body", l.Body},
		{"total", l.Total},
	} {
		row := fmt.Sprintf("%9s %9s %9s %9s", Milliseconds(p.d.P50), Milliseconds(p.d.P90), Milliseconds(p.d.P99), Milliseconds(p.d.Max))
		if p.d.Count == 0 {
			row = fmt.Sprintf("%9s %9s %9s %9s", "-", "-", "-", "-")
		}
		t.block("  "+p.name, row)
	}
}

// hosts is the table of the most frequent ones. What does not fit is left out,
// from the right.
func (t *text) hosts() {
	if len(t.d.Hosts) == 0 {
		return
	}
	held, limit := false, false
	for _, h := range t.d.Hosts[:min(textHosts, len(t.d.Hosts))] {
		held, limit = held || h.Held > 0, limit || h.Limit > 0 || h.Rate != ""
	}
	row := func(items, ok, p50, p99, heldFor, most string) string {
		s := fmt.Sprintf("%11s %8s", items, ok)
		if t.Width >= 60 {
			s += fmt.Sprintf(" %9s %9s", p50, p99)
		}
		if held && t.Width >= 72 {
			s += fmt.Sprintf(" %8s", heldFor)
		}
		if limit && t.Width >= 72 {
			s += fmt.Sprintf(" %8s", most)
		}
		return s
	}
	head := row("items", "ok", "p50", "p99", "held", "limit")
	name := t.Width - width(head)
	longest := indent
	for _, h := range t.d.Hosts[:min(textHosts, len(t.d.Hosts))] {
		longest = max(longest, 3+width(printable(h.Host)))
	}
	name = min(name, longest)
	t.line(t.paint(faint, fmt.Sprintf("%-*s", name, "hosts")+head))
	for _, h := range t.d.Hosts[:min(textHosts, len(t.d.Hosts))] {
		t.line(pad("  "+printable(h.Host), name) + row(Number(h.Items), Percent(h.OK, h.Items), Milliseconds(h.P50), Milliseconds(h.P99),
			dash(h.Held > 0, Seconds(h.Held)), h.most()))
	}
	if n := t.d.HostCount - min(textHosts, len(t.d.Hosts)); n > 0 {
		about := ""
		if t.d.HostsOver {
			about = "about "
		}
		t.line(fmt.Sprintf("  and %s%s more", about, Number(int64(n))))
	}
}

// most is the host's limit, as short as can be.
func (h Host) most() string {
	switch {
	case h.Rate != "":
		return h.Rate
	case h.Limit > 0:
		return fmt.Sprint(h.Limit)
	}
	return "-"
}

func dash(ok bool, s string) string {
	if ok {
		return s
	}
	return "-"
}

func (t *text) finding() {
	f := t.d.Finding
	if f.Sentence == "" {
		return
	}
	s := f.Sentence
	if f.Advice != "" {
		s += "; " + f.Advice
	}
	if paused := t.d.paused(); paused > 0 && f.Cause != OnPause {
		s += "; it was paused by hand for " + Seconds(paused)
	}
	t.wrap("in short", strings.Fields(printable(s)))
}

// paused is for how many seconds somebody had paused the run.
func (d Data) paused() (seconds float64) {
	for _, s := range d.Shares {
		if s.Reason == fetch.Paused {
			seconds += s.Seconds
		}
	}
	return seconds
}

func (t *text) next() {
	heading := "next"
	for _, c := range t.Next[:min(textNext, len(t.Next))] {
		t.out.WriteString(t.paint(faint, fmt.Sprintf("%-*s", indent, heading)) + c.Line) // whole: it is to be copied
		if n := indent + width(c.Line) + width(c.What) + 4; n <= t.Width && c.What != "" {
			t.out.WriteString(t.paint(faint, "  # "+c.What))
		}
		t.out.WriteString("\n")
		heading = ""
	}
}

// columns counts them, whatever the locale says.
var columns = runewidth.Condition{StrictEmojiNeutral: true}

// width is how many columns s takes.
func width(s string) int { return columns.StringWidth(s) }

// fit cuts s to that many columns; escape sequences do not count.
func fit(s string, most int) string {
	n, cut := 0, 0
	for i := 0; i < len(s); {
		if s[i] == 0x1b {
			end := strings.IndexByte(s[i:], 'm')
			i += end + 1
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if n < most {
			cut = i // what is before it and one column more fit
		}
		n += columns.RuneWidth(r)
		i += size
	}
	if n <= most {
		return strings.TrimRight(s, " ")
	}
	s, colored := s[:cut]+"…", strings.Contains(s, "\x1b")
	if colored {
		s += reset
	}
	return s
}

// pad makes s that wide, cut or filled up.
func pad(s string, most int) string {
	s = fit(s, most-1)
	return s + strings.Repeat(" ", max(0, most-width(s)))
}

// printable takes out of s what could move a terminal's cursor, or turn the
// direction of what follows.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
}
