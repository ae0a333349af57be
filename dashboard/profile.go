package dashboard

import (
	"fmt"
	"html"
	"net/http"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"strings"
	"time"
)

// profile serves what net/http/pprof does, but for the command line, which may
// hold secrets. Importing that package would put it all on
// http.DefaultServeMux, open to everyone.
func profile(w http.ResponseWriter, r *http.Request) {
	switch name := r.PathValue("name"); name {
	case "":
		profiles(w)
	case "profile":
		timed(w, r, 30, "the processor's", func() error { return pprof.StartCPUProfile(w) }, pprof.StopCPUProfile)
	case "trace":
		timed(w, r, 1, "an execution", func() error { return trace.Start(w) }, trace.Stop)
	default:
		found := pprof.Lookup(name)
		if found == nil {
			text(w, http.StatusNotFound, "there is no profile "+strconv.Quote(name))
			return
		}
		debug, err := strconv.Atoi(r.FormValue("debug"))
		if err != nil || debug < 0 {
			debug = 0
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		if debug > 0 {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		_ = found.WriteTo(w, debug)
	}
}

// profiles is a list of all.
func profiles(w http.ResponseWriter) {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html><html lang=\"en\"><title>profiles</title><h1>Profiles</h1><ul>\n")
	for _, p := range pprof.Profiles() {
		name := html.EscapeString(p.Name())
		fmt.Fprintf(&b, "<li><a href=\"%s?debug=1\">%s</a>: %d\n", name, name, p.Count())
	}
	b.WriteString("<li><a href=\"profile?seconds=5\">profile</a>: of the processor, 5 seconds\n" +
		"<li><a href=\"trace?seconds=1\">trace</a>: of the execution, 1 second\n</ul></html>\n")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(b.String()))
}

// mostSeconds is how long a profile can take.
const mostSeconds = 600

// timed runs start, and stop after the seconds that were asked for, or when the
// reader is gone.
func timed(w http.ResponseWriter, r *http.Request, seconds float64, what string, start func() error, stop func()) {
	if given := r.FormValue("seconds"); given != "" {
		n, err := strconv.ParseFloat(given, 64)
		if err != nil || !(n > 0 && n <= mostSeconds) {
			text(w, http.StatusBadRequest, fmt.Sprintf("seconds %q: write a number up to %d", given, mostSeconds))
			return
		}
		seconds = n
	}
	d := time.Duration(seconds * float64(time.Second))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d + time.Minute)) // where it cannot be set, so be it
	w.Header().Set("Content-Type", "application/octet-stream")
	if err := start(); err != nil {
		text(w, http.StatusConflict, what+" profile cannot be had now: "+err.Error())
		return
	}
	defer stop()
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}
