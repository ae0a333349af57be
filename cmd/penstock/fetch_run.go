package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fetch/policy"
	"github.com/penstock-go/penstock/internal/display"
	"github.com/penstock-go/penstock/report"
)

// forceAfter is how long a second Ctrl-C leaves for flushing.
const forceAfter = 1500 * time.Millisecond

// A fetchRun is one run of the engine with what a person sees of it.
type fetchRun struct {
	opts   fetch.Options
	src    fetch.Source
	out    *output
	limits report.Limits
	report string // the HTML file, or ""
	live   *livePage
	grace  time.Duration
	stderr io.Writer

	show   showFlags
	shared bool           // the records go to a terminal
	from   display.Limits // where the limits come from
	total  *total         // items; nil if nobody counts them
	note   string         // to be said first; ""

	policy     *policy.Reloader
	policyFile string // "" where there is none to read again

	voice   *voice            // what is to speak through the display; nil if nothing is
	explain func(error) error // says more of how the run has ended; may be nil
}

// run fetches, shows progress, heeds signals, and prints the summary. The
// error holds the exit code.
func (r *fetchRun) run(ctx context.Context) error {
	engine, err := fetch.New(r.opts)
	if err != nil {
		return errors.Join(err, r.out.sink.Close())
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	rec := report.NewRecorder(report.Options{
		Stats: engine.Stats, Buckets: engine.Buckets, Limits: r.limits, Output: r.out.name, Version: version(), Earlier: r.out.measured,
	})
	show := r.startShow(engine)
	stopStatus := heedStatus(show)
	defer stopStatus()
	if r.note != "" {
		show.Say(r.note)
	}
	if r.voice != nil {
		r.voice.set(show.Say)
		defer r.voice.set(func(line string) { fmt.Fprintln(r.stderr, line) })
	}
	stopReloading := r.reloadOnHangup(engine, show)
	defer stopReloading()
	signals := r.heed(engine, cancel, show)
	if err := r.live.start(engine, rec, show.Say); err != nil {
		show.Stop()
		signals.stop()
		return errors.Join(err, r.out.sink.Close())
	}
	rec.Start()
	sum, err := engine.Run(ctx, r.src, rec.Wrap(r.out.sink))
	closeErr := r.out.sink.Close()
	show.Stop()
	sig := signals.stop()

	if err == nil && closeErr != nil {
		err = r.out.explain(closeErr)
	} else if we, ok := errors.AsType[*fetch.SinkError](err); ok {
		err = r.out.explain(we.Err)
	}
	if r.explain != nil {
		err = r.explain(err)
	}
	rec.Stop(ended(err, sig))
	r.live.close()
	data := rec.Data()
	data.Notes = append(data.Notes, dedupNotes(sum)...)
	switch {
	case err != nil:
	case data.Counts.Records == 0:
		data.Notes = append(data.Notes, "the input held no items: blank lines and # comments are none.")
	case sum.Records == 0:
		data.Notes = append(data.Notes, "nothing was left to do.")
	}
	r.summarize(show, data)
	verdict := r.verdict(show, sum, err, sig)
	err = errors.Join(verdict, r.out.writeSummary(sum, verdict, data), r.writeReport(data))
	return r.tell(show, err)
}

// ended is how the run came to its end.
func ended(err error, sig os.Signal) report.Ended {
	switch {
	case err == nil:
		return report.Finished
	case sig != nil:
		return report.Stopped
	}
	return report.Failed
}

func (r *fetchRun) writeReport(data report.Data) error {
	if r.report == "" {
		return nil
	}
	return writeHTML(r.report, data)
}

// verdict turns how the run ended into the exit code.
func (r *fetchRun) verdict(show *display.Display, sum fetch.Summary, err error, sig os.Signal) error {
	_, dropped := errors.AsType[signalError](err)
	switch {
	case sig != nil && (dropped || errors.Is(err, fetch.ErrDrained)):
		show.Say(fmt.Sprintf("stopped by %s: %s", sigName(sig), r.out.howToGoOn(sum)))
		return &exitError{code: exitOf(sig)}
	case err != nil:
		if exit, ok := errors.AsType[*exitError](err); ok {
			return exit
		}
		return &exitError{code: exitFailed, err: err}
	case sum.Failed+r.out.earlier().Failed > 0: // also where this run had nothing left to do
		return &exitError{code: exitItems}
	}
	return nil
}

// interrupts is what the run does about signals.
type interrupts struct {
	ch    chan os.Signal
	quit  chan struct{}
	done  chan struct{}
	first os.Signal
}

// heed lets the first signal drain the engine, and the second, or the end of
// the grace, cancel it.
func (r *fetchRun) heed(engine *fetch.Engine, cancel context.CancelCauseFunc, show *display.Display) *interrupts {
	in := &interrupts{ch: make(chan os.Signal, 2), quit: make(chan struct{}), done: make(chan struct{})}
	signal.Notify(in.ch, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer close(in.done)
		select {
		case in.first = <-in.ch:
		case <-in.quit:
			return
		}
		engine.Drain() // first: stderr may be a pipe that nobody reads
		show.Say(fmt.Sprintf("%s: finishing %s; once more drops them", sigName(in.first), inFlight(engine.Stats().InFlight)))
		grace := time.NewTimer(r.grace)
		defer grace.Stop()
		select {
		case <-in.ch:
		case <-grace.C:
			show.Say(fmt.Sprintf("not finished within the grace of %v: dropped", r.grace))
		case <-in.quit:
			return
		}
		cancel(signalError{in.first})
		in.force()
	}()
	return in
}

func inFlight(n int) string {
	switch n {
	case 0:
		return "what is in flight"
	case 1:
		return "the request in flight"
	}
	return fmt.Sprintf("the %d requests in flight", n)
}

// force ends the process where flushing hangs, as on a pipe nobody reads.
func (in *interrupts) force() {
	force := time.NewTimer(forceAfter)
	defer force.Stop()
	select {
	case <-force.C:
		os.Exit(exitOf(in.first)) //nolint:forbidigo // run hangs in a write that nobody reads
	case <-in.quit:
	}
}

// stop ends the heeding and returns the first signal, if there was one.
func (in *interrupts) stop() os.Signal {
	signal.Stop(in.ch)
	close(in.quit)
	<-in.done
	return in.first
}
