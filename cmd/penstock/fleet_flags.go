package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/penstock-go/penstock/fleet"
	"github.com/redis/rueidis"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// fleetFlags are those of penstock fetch for a list that many machines work at.
type fleetFlags struct {
	name           string
	chunk, pending int
}

func (f *fleetFlags) register(fl *pflag.FlagSet) {
	f.chunk, f.pending = fleet.DefaultChunk, fleet.DefaultPending
	fl.StringVar(&f.name, "fleet", "", "fetch nothing here: load the list into --store under this `NAME`, for penstock work --fleet NAME on any number of machines")
	fl.Var(countValue{&f.chunk, 1}, "chunk", "items in a chunk, which is what a worker takes at a time (with --fleet)")
	fl.Var(countValue{&f.pending, 1}, "pending", "most chunks in the store at a time; the rest waits here (with --fleet)")
}

// onlyForFleet are flags that mean nothing without --fleet.
var onlyForFleet = []string{"chunk", "pending"}

// notForLoader are flags that are for those who fetch.
var notForLoader = []string{
	"max-concurrent", "rate", "per-host", "per-host-rate", "policy", "ignore-quotas", "spill-max",
	"dedup", "dedup-memory", "connect-timeout", "insecure", "proxy", "transport", "http1.1", "http2",
	"only", "output", "resume", "fsync", "order", "bodies", "report", "grace", "dry-run", "on-store-error", "store-name", "listen", "listen-token",
}

// checkFlags refuses flags that the command line has no use for.
func (f *fleetFlags) checkFlags(cmd *cobra.Command, store string) error {
	if f.name == "" {
		for _, name := range onlyForFleet {
			if cmd.Flags().Changed(name) {
				return usagef("penstock fetch --fleet NAME --store redis://HOST:6379 urls.txt", "--%s is for --fleet", name)
			}
		}
		return nil
	}
	if err := fleet.CheckName(f.name); err != nil {
		return usagef("--fleet crawl-7, say", "--fleet: %v", err)
	}
	for _, name := range notForLoader {
		if cmd.Flags().Changed(name) {
			return usagef("leave it out here; penstock work takes it, and --help says which are shared",
				"--%s is for those who fetch, and --fleet only loads the list", name)
		}
	}
	if store == "" {
		return usagef("--store redis://HOST:6379", "--fleet needs a --store to put the list into")
	}
	return nil
}

// fleetStore connects to the store of a fleet. The second result ends it.
func fleetStore(cmd *cobra.Command, f *storeFlags, say func(string)) (rueidis.Client, func(), error) {
	store, err := f.open(cmd.Context(), say)
	if err != nil {
		return nil, nil, err
	}
	if store == nil {
		return nil, nil, usagef("--store redis://HOST:6379, the one that the fleet was loaded into", "--store is missing")
	}
	client, err := store.Client(cmd.Context())
	if err != nil {
		return nil, nil, errors.Join(f.unreachable(err), store.Close())
	}
	return client, func() { _ = store.Close() }, nil
}

// fleetError says what an error about a fleet means, and what to do.
func fleetError(name string, f *storeFlags, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fleet.ErrName):
		return usagef("--fleet crawl-7, say", "%v", err)
	case errors.Is(err, fleet.ErrNone):
		return usagef("penstock fleet ls --store "+quoted(f.where())+" lists them; penstock fetch --fleet NAME loads one",
			"there is no fleet %s in %s", name, f.where())
	case errors.Is(err, fleet.ErrVersion):
		return usagef("use the same version everywhere", "the fleet %s was %v", name, err)
	case errors.Is(err, fleet.ErrAway):
		return &exitError{exitStopped, &hintedError{
			fmt.Errorf("the store is away: %s", oneLine(err.Error())), "the same command goes on when it is back (with --resume, if it has an -o)",
		}}
	case errors.Is(err, fleet.ErrGone):
		return &exitError{exitStopped, &hintedError{
			fmt.Errorf("the fleet %s is no longer in the store: somebody has removed it, or the store has lost it", name),
			"load it again by the same penstock fetch --fleet, then go on with --resume: what has its record is not fetched again",
		}}
	}
	return f.unreachable(err)
}

// roundAge is an age as people say it.
func roundAge(d time.Duration) string {
	switch {
	case d < 0:
		return "never"
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
