package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-go/penstock/fleet"
	"github.com/penstock-go/penstock/report"
	"github.com/spf13/cobra"
)

// A loadedInput is what tells the list of a fleet from another: what is read,
// and how.
type loadedInput struct {
	Parts    json.RawMessage `json:"parts"`
	Format   string          `json:"format"`
	Column   string          `json:"column,omitempty"`
	IDColumn string          `json:"id_column,omitempty"`
	BaseURL  string          `json:"base_url,omitempty"`
}

// load puts the list into the store, for others to fetch.
func (f *fetchFlags) load(cmd *cobra.Command, args []string) error {
	if _, err := f.options(); err != nil { // else all workers would find it, one after another
		return err
	}
	request, err := f.shared(cmd)
	if err != nil {
		return err
	}
	in, err := f.openSource(args, cmd.InOrStdin())
	if err != nil {
		return err
	}
	o := fleet.LoadOptions{Chunk: f.fleet.chunk, Pending: f.fleet.pending, Lease: f.store.lease}
	err = f.describeTo(&o, in, request)
	if err == nil {
		err = f.loadFrom(cmd, in, o)
	}
	return errors.Join(err, in.Close())
}

func (f *fetchFlags) describeTo(o *fleet.LoadOptions, in *input, request sharedRequest) error {
	parts, err := in.fingerprint()
	if err != nil {
		return err
	}
	o.Input, err = json.Marshal(loadedInput{parts, f.format, f.column, f.idColumn, f.baseURL})
	if err != nil {
		return err
	}
	o.Request, err = json.Marshal(request)
	return err
}

func (f *fetchFlags) loadFrom(cmd *cobra.Command, in *input, o fleet.LoadOptions) error {
	if o.Lease < time.Second {
		return usagef("--lease 30s: longer than a worker may stall", "--lease %v is too short for a fleet: the least is 1s", o.Lease)
	}
	say := func(string) {}
	if !f.show.quiet {
		say = func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) }
	}
	client, done, err := fleetStore(cmd, &f.store, say)
	if err != nil {
		return err
	}
	defer done()
	stopped := heedStop(cmd.Context(), func() {})
	defer stopped.release()
	news := &loadNews{say: say, name: f.fleet.name, mute: f.show.progress == "none"}
	o.Progress = news.progress
	l, err := fleet.NewLoader(stopped.ctx, client, f.fleet.name, o)
	if err != nil {
		return f.loadError(err)
	}
	at, ended := l.Loaded()
	switch {
	case ended:
		say(fmt.Sprintf("fleet %s: all %s items are loaded already", f.fleet.name, report.Number(at.Items)))
		return nil
	case at.Items > 0:
		say(fmt.Sprintf("fleet %s: going on after %s items", f.fleet.name, report.Number(at.Items)))
	}
	err = l.Load(stopped.ctx, in)
	at, _ = l.Loaded()
	if sig, ok := errors.AsType[signalError](err); ok {
		say(fmt.Sprintf("stopped by %s: %s items are loaded; the same command goes on there", sigName(sig.sig), report.Number(at.Items)))
		return &exitError{code: exitOf(sig.sig)}
	}
	if err != nil {
		return f.loadError(err)
	}
	say(fmt.Sprintf("fleet %s: all %s items are loaded; penstock fleet status %s --store %s tells how far the workers are",
		f.fleet.name, report.Number(at.Items), f.fleet.name, quoted(f.store.where())))
	return nil
}

// loadError says why the list cannot be loaded, and what to do.
func (f *fetchFlags) loadError(err error) error {
	name := f.fleet.name
	remove := "choose another name, or penstock fleet rm " + name + " --store " + quoted(f.store.where())
	switch {
	case errors.Is(err, fleet.ErrOtherInput):
		return usagef("name the same input as in the beginning; or "+remove, "the fleet %s was begun with another input", name)
	case errors.Is(err, fleet.ErrOtherRequest):
		return usagef("give the flags of the requests (-X, -H, -d, --timeout, ...) as in the beginning; or "+remove, "the fleet %s was begun with other requests", name)
	case errors.Is(err, fleet.ErrReplaced):
		return &exitError{exitFailed, &hintedError{fmt.Errorf("another penstock fetch --fleet %s has taken over", name), "let it be the only one"}}
	case errors.Is(err, fleet.ErrBehind):
		return &exitError{exitStopped, &hintedError{
			errors.New("the store has gone back further than what is kept here"), "the same command goes on from there",
		}}
	case errors.Is(err, fleet.ErrAway), errors.Is(err, fleet.ErrGone):
		return fleetError(name, &f.store, err)
	}
	return fmt.Errorf("loading the fleet %s: %w", name, err)
}

// loadNews tells how far a loader is: a line a minute, and what holds it up.
type loadNews struct {
	say  func(string)
	name string
	mute bool
	last time.Time
	away bool
}

func (n *loadNews) progress(at fleet.Loaded) {
	now := time.Now()
	if n.last.IsZero() {
		n.last = now
	}
	switch {
	case at.Away && !n.away:
		n.say("the store is away: waiting for it")
	case !at.Away && n.away:
		n.say("the store is back")
	case !n.mute && now.Sub(n.last) >= time.Minute:
		line := fmt.Sprintf("fleet %s: %s items are loaded", n.name, report.Number(at.Items))
		if at.Full {
			line += "; the store holds as many chunks as it may (--pending), and more go in as workers settle them"
		}
		n.say(line)
		n.last = now
	}
	n.away = at.Away
}
