package dashboard

import (
	"bytes"
	_ "embed" // the page's parts
	"html/template"
	"net/http"
	"sync"

	"github.com/penstock-go/penstock/report"
)

// What the page is made of, besides the report's style and scripts.
var (
	//go:embed page/live.html
	pageHTML string
	//go:embed page/live.css
	pageCSS string
	//go:embed page/live.js
	pageJS string
	//go:embed page/icon.svg
	iconSVG string
)

var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("live").Parse(pageHTML))
})

// assets are open to all: nothing is in them that the source does not tell.
func (p *Page) assets() {
	script, style := report.UPlot()
	for name, part := range map[string]struct{ kind, body string }{
		"uplot.js":  {"text/javascript", script},
		"charts.js": {"text/javascript", report.ChartScript()},
		"tables.js": {"text/javascript", report.TableScript()},
		"live.js":   {"text/javascript", pageJS},
		"style.css": {"text/css", style + report.ChartStyle() + pageCSS},
		"icon.svg":  {"image/svg+xml", iconSVG},
	} {
		p.mux.Handle("GET /assets/"+name, p.gate.open(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", part.kind+"; charset=utf-8")
			_, _ = w.Write([]byte(part.body))
		})))
	}
	p.mux.Handle("GET /{$}", p.gate.open(http.HandlerFunc(p.shell)))
}

// shell is the page before it knows anything.
func (p *Page) shell(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	if err := pageTemplate().Execute(&b, map[string]any{"TokenToRead": p.gate.needsToken(r)}); err != nil {
		text(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}
