package report

import (
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Generator is in the first 1,000 bytes of every page that WriteHTML makes.
const Generator = `<meta name="generator" content="penstock report`

// What a page is made of. uPlot is https://github.com/leeoniya/uPlot, under the
// licence in uplot/LICENSE.
var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/charts.js
	chartsJS string
	//go:embed page/tables.js
	tablesJS string
	//go:embed page/page.js
	pageJS string
	//go:embed uplot/uPlot.iife.min.js
	uplotJS string
	//go:embed uplot/uPlot.min.css
	uplotCSS string
	//go:embed uplot/LICENSE
	uplotLicense string
)

// UPlot returns the script and the style of uPlot 1.6, for other pages; it
// defines uPlot. Its licence is at the head of both.
func UPlot() (script, style string) {
	head := "/*!\nuPlot 1.6.32, https://github.com/leeoniya/uPlot\n\n" + uplotLicense + "*/\n"
	return head + uplotJS, head + uplotCSS
}

// ChartScript returns a script that draws a Chart, as it is in JSON, with
// uPlot: penstockChart(element, chart, sync) returns {update(chart), destroy()}.
// Colors are the style's variables of the page: see ChartStyle.
func ChartScript() string { return chartsJS }

// TableScript returns a script that lets a table with the class sortable be
// sorted by a click: penstockSortable(table, order) returns the order, to be
// given to it when the table has been made anew.
func TableScript() string { return tablesJS }

// ChartStyle returns the style of WriteHTML's page.
func ChartStyle() string { return pageCSS }

// A page is what the template shows.
type page struct {
	Data
	CSP            string
	Style, Library template.CSS
	Scripts        []template.JS
	Charts         []pageChart
	JSON           template.JS
	Title          string
	Key            []keyFigure
	Shares         []shareRow
	Phases         []phaseRow
	Bars           []phaseBar
	ShareHosts     bool // some of Shares names a host
}

type pageChart struct {
	Chart

	SVG template.HTML
}

type keyFigure struct{ Name, Value, Class string }

type shareRow struct {
	Share

	Color, Text string
	Width       string
	X           string
}

type phaseRow struct {
	Name, Color string
	Distribution
}

type phaseBar struct{ Color, Name, X, Width, Text string }

// pageTemplate is made when it is needed: it takes a millisecond, which few runs have
// a use for.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(pageFuncs).Parse(pageHTML))
})

var pageFuncs = template.FuncMap{
	"number": Number, "ms": Milliseconds, "seconds": Seconds, "size": Size, "percent": Percent,
	"utc":     func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") },
	"upper":   upperFirst,
	"share":   func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) },
	"most":    Host.most,
	"change":  Change.text,
	"rate":    func(part, whole int64) float64 { return float64(part) / max(1, float64(whole)) },
	"failure": func(n int64) bool { return n > 0 },
	"width":   func(n, of int64) string { return fmt.Sprintf("%.1f", 100*float64(n)/max(1, float64(of))) },
}

// WriteHTML writes d as one HTML file: it needs no network and nothing else,
// and without JavaScript its charts are drawn all the same. The error is w's,
// or says that d cannot be shown.
func WriteHTML(w io.Writer, d Data) error {
	p, err := newPage(d)
	if err != nil {
		return err
	}
	return pageTemplate().Execute(w, p)
}

func newPage(d Data) (*page, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	p := d.facts()
	charts := d.Charts()
	for _, c := range charts {
		p.Charts = append(p.Charts, pageChart{c, c.svg()})
	}
	text, err := json.Marshal(charts) // which leaves no < to end the script with
	if err != nil {
		return nil, err
	}
	p.JSON = template.JS(text) //nolint:gosec // it is JSON
	script, style := UPlot()
	p.Library, p.Style = template.CSS(style), template.CSS(pageCSS)                                                   //nolint:gosec // embedded
	p.Scripts = []template.JS{template.JS(script), template.JS(chartsJS), template.JS(tablesJS), template.JS(pageJS)} //nolint:gosec // embedded
	p.CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; style-src" + hashes(style, pageCSS) +
		"; script-src" + hashes(script, chartsJS, tablesJS, pageJS)
	return p, nil
}

// facts are all of the page but its charts.
func (d Data) facts() *page {
	p := &page{Data: d, Title: d.title(), Key: d.keyFigures(), Shares: shareRows(d.Shares), Phases: d.phases()}
	p.Bars = phaseBars(p.Phases)
	p.ShareHosts = slices.ContainsFunc(p.Shares, func(r shareRow) bool { return r.Host != "" })
	return p
}

// hashes allow exactly these parts of the page.
func hashes(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		sum := sha256.Sum256([]byte(p))
		b.WriteString(" 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'")
	}
	return b.String()
}

func (d Data) title() string {
	return fmt.Sprintf("%s items in %s", Number(d.Counts.Records), Seconds(d.Seconds))
}

func (d Data) keyFigures() []keyFigure {
	c := d.Counts
	list := []keyFigure{
		{"accepted", Number(c.OK), "good"},
		{"failed", Number(c.Failed), ""},
		{"on average", PerSecond(float64(d.measured()) / max(d.Seconds, 0.001)), ""},
		{"median latency", Milliseconds(d.Latency.Total.P50), ""},
		{"99th percentile", Milliseconds(d.Latency.Total.P99), ""},
		{"of bodies", Size(c.Bytes), ""},
	}
	if c.Failed > 0 {
		list[1].Class = "bad"
	}
	if c.MaxInFlight > 0 {
		list = append(list, keyFigure{"most in flight", Number(int64(c.MaxInFlight)), ""})
	}
	list = append(list, keyFigure{"retries", Number(c.Retries), ""})
	if c.Redirects > 0 {
		list = append(list, keyFigure{"redirects", Number(c.Redirects), ""})
	}
	if c.Shortages > 0 {
		list = append(list, keyFigure{"shortages of this machine", Number(c.Shortages), "bad"})
	}
	return list
}

const shareRowsMost = 12

// shareRows are the shares with their place in a bar of 1,000 units.
func shareRows(shares []Share) []shareRow {
	at := 0.0
	var rows []shareRow
	for i, s := range shares[:min(shareRowsMost, len(shares))] {
		wide := 1000 * s.Share
		rows = append(rows, shareRow{
			Share: s, Text: ReasonText(s.Reason), Color: fmt.Sprintf("w%d", min(i, 5)),
			X: fmt.Sprintf("%.1f", at), Width: fmt.Sprintf("%.1f", max(0, wide-2)),
		})
		at += wide
	}
	return rows
}

func (d Data) phases() []phaseRow {
	l := d.Latency
	if l.Total.Count == 0 {
		return nil
	}
	return []phaseRow{
		{"waiting", "w3", l.Waiting},
		{"connecting", "w2", l.Connect},
		{"first byte", "w0", l.FirstByte},
		{"body", "w1", l.Body},
		{"total", "", l.Total},
	}
}

// phaseBars show the means of what the server and the network took.
func phaseBars(rows []phaseRow) []phaseBar {
	if len(rows) < 4 {
		return nil
	}
	all := 0.0
	for _, r := range rows[1:4] {
		all += r.Mean
	}
	var bars []phaseBar
	at := 0.0
	for _, r := range rows[1:4] {
		wide := 1000 * r.Mean / max(all, 1e-9)
		bars = append(bars, phaseBar{r.Color, r.Name, fmt.Sprintf("%.1f", at), fmt.Sprintf("%.1f", max(0, wide-2)), Milliseconds(r.Mean)})
		at += wide
	}
	return bars
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
