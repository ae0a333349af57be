package dashboard

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Options say what a page shows and who may see it. There must be a Run or at
// least one Limiter; everything else may be left out.
type Options struct {
	// Title is what the page is called; "" means "Penstock".
	Title string
	// Run is the run to show, or nil.
	Run *Run
	// Limiters are the limits to show, each under a name of its own.
	Limiters []Limiter
	// Token is what a request must know to change something; "" means a random
	// one, which Page.Token tells.
	Token string
	// TokenToRead asks for the token of everyone who wants to read. Without it,
	// requests over loopback may read without.
	TokenToRead bool
	// Hosts are the names, without port, that requests may be for, besides
	// localhost and addresses.
	Hosts []string
	// Version is Penstock's, or the program's, for the page's foot.
	Version string
}

// A Page is the handler that Handler returns. Its methods are safe for
// concurrent use.
type Page struct {
	opts    Options
	gate    gate
	mux     *http.ServeMux
	history *history
	quit    chan struct{}
	closing sync.Once
	work    sync.WaitGroup // what takes samples

	changing sync.Mutex // held while a limiter is paused, resumed or set

	mu        sync.Mutex // of what follows
	frame     frame
	rendering bool // the next one
	readers   int
	paused    map[string]int // limiters, and what their limit was
}

// Handler returns a page, which takes a sample of its limiters twice a second
// until it is closed. The error says what is wrong with o.
//
// Readers never hold up the run: what they get is rendered at most once a second
// for all of them, and one that takes nothing for half a minute is let go,
// whatever it has asked for.
func Handler(o Options) (*Page, error) {
	if o.Run == nil && len(o.Limiters) == 0 {
		return nil, errors.New("dashboard: neither a Run nor a Limiter to show")
	}
	if o.Run != nil && (o.Run.Data == nil || o.Run.Stats == nil) {
		return nil, errors.New("dashboard: a Run needs Data and Stats; see Engine")
	}
	names := map[string]bool{}
	for _, l := range o.Limiters {
		switch {
		case l.Name == "" || l.Stats == nil:
			return nil, errors.New("dashboard: a Limiter needs a Name and Stats")
		case names[l.Name]:
			return nil, fmt.Errorf("dashboard: two Limiters are called %q", l.Name)
		}
		names[l.Name] = true
	}
	o.Title = cmp.Or(o.Title, "Penstock")
	o.Token = cmp.Or(o.Token, rand.Text())
	p := &Page{
		opts: o, gate: newGate(o), quit: make(chan struct{}), history: newHistory(o.Limiters, time.Now()),
		paused: map[string]int{},
	}
	p.route()
	if len(o.Limiters) > 0 {
		p.work.Go(p.sample)
	}
	return p, nil
}

// Token is what a request must know to change something.
func (p *Page) Token() string { return p.opts.Token }

// Close ends the page: those who read its events get the last state, and are
// then let go. It returns when the page takes no samples any more. It may be
// called more than once, and the error is always nil.
func (p *Page) Close() error {
	p.closing.Do(func() { close(p.quit) })
	p.work.Wait()
	return nil
}

// ServeHTTP answers a request.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	// For one answer; what takes longer puts it off. Where it cannot be set, it is
	// the server's to do.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience))
	p.mux.ServeHTTP(w, r)
}

// contentPolicy lets the page have what it is made of, and be in nobody's frame.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (p *Page) route() {
	p.mux = http.NewServeMux()
	p.assets()
	metrics := p.metrics()
	p.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok") })
	p.mux.Handle("GET /status", p.gate.toRead(http.HandlerFunc(p.status)))
	p.mux.Handle("GET /events", p.gate.toRead(http.HandlerFunc(p.events)))
	p.mux.Handle("GET /metrics", p.gate.toRead(metrics))
	p.mux.Handle("GET /debug/pprof/{name...}", p.gate.toRead(http.HandlerFunc(profile)))
	p.mux.Handle("POST /pause", p.gate.toChange(p.control(p.pause)))
	p.mux.Handle("POST /resume", p.gate.toChange(p.control(p.resume)))
	p.mux.Handle("POST /limit", p.gate.toChange(p.control(p.limit)))
}

// text answers in a line.
func text(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(line + "\n"))
}
