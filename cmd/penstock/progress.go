package main

import (
	"cmp"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/display"
	"github.com/spf13/pflag"
)

// showFlags say what is shown of a run while it goes on.
type showFlags struct {
	progress string
	quiet    bool
}

func (f *showFlags) register(fl *pflag.FlagSet) {
	f.progress = "auto"
	fl.Var(choiceValue{&f.progress, []string{"auto", "plain", "json", "none"}}, "progress",
		"what is told on stderr: auto is a block of lines on a terminal and else plain, a line a minute; json is an object a line")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "print errors only: no progress, no summary")
}

// mode is how to show the run on w. shared says that the records go to a
// terminal, between which nothing can be drawn again.
func (f *showFlags) mode(w io.Writer, shared bool) display.Mode {
	switch {
	case f.quiet:
		return display.Quiet
	case f.progress == "json":
		return display.JSON
	case f.progress == "none":
		return display.None
	case f.progress == "auto" && !shared && isTerminal(w) && os.Getenv("TERM") != "dumb":
		return display.Live
	}
	return display.Plain
}

// startShow begins to show the run.
func (r *fetchRun) startShow(engine *fetch.Engine) *display.Display {
	return display.Start(display.Options{
		Stats: engine.Stats, Buckets: engine.Buckets, Limits: r.from, Total: r.total.get,
		Mode: r.show.mode(r.stderr, r.shared), Out: r.stderr,
		Size:  func() (int, int) { return terminalSize(r.stderr) },
		Color: isColorful(r.stderr), Unicode: isUnicode(),
	})
}

// heedStatus prints how the run stands when SIGUSR1 asks for it, and draws anew
// when the shell has given the terminal back, until stop is called.
func heedStatus(show *display.Display) (stop func()) {
	ch, quit := make(chan os.Signal, 4), make(chan struct{})
	for _, sig := range []os.Signal{askStatus, goOn} {
		if sig != nil {
			signal.Notify(ch, sig)
		}
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case sig := <-ch:
				if sig == goOn {
					show.Redraw()
				} else {
					show.Status()
				}
			case <-quit:
				return
			}
		}
	})
	return func() {
		signal.Stop(ch)
		close(quit)
		done.Wait()
	}
}

// isUnicode says whether the locale is one of UTF-8, as Windows' terminals are.
func isUnicode() bool {
	locale := strings.ToUpper(cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG")))
	return runtime.GOOS == "windows" || strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8")
}
