package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/penstock-go/penstock/fleet"
	"github.com/penstock-go/penstock/report"
	"github.com/spf13/cobra"
)

// fleetCommand is what the commands below penstock fleet have in common.
type fleetCommand struct {
	store storeFlags
	json  bool
}

// fleetStoreUsage is --store where no limits are shared.
const fleetStoreUsage = "the `URL` of the Redis or Valkey that the fleet is in: redis://HOST:6379, rediss://, unix:///PATH"

func newFleet() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "See how far the workers of a shared list are",
		Long: `Fleet looks at lists that penstock fetch --fleet has loaded into a store, for
penstock work on any number of machines: see docs/work.md.`,
		Example: `  penstock fleet status crawl-7 --store redis://db1:6379
  penstock fleet ls --store redis://db1:6379
  penstock fleet rm crawl-7 --store redis://db1:6379`,
		Args: noCommandOf,

		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newFleetStatus(), newFleetList(), newFleetRemove())
	return cmd
}

// noCommandOf says that a word is no command of cmd's.
func noCommandOf(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := cmd.CommandPath() + " --help lists the commands"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = cmd.CommandPath() + " " + near[0]
	}
	return usagef(hint, "unknown command %q of %s", args[0], cmd.CommandPath())
}

// oneFleet takes the name of a fleet.
func oneFleet(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef(cmd.CommandPath()+" crawl-7 --store redis://HOST:6379", "%s takes the name of one fleet, not %d", cmd.CommandPath(), len(args))
	}
	return nil
}

func newFleetStatus() *cobra.Command {
	var f fleetCommand
	cmd := &cobra.Command{
		Use:   "status NAME",
		Short: "Show a fleet's workers, progress, rate and time left",
		Long: `Status shows how much of a fleet's list is loaded and done, how fast, how long the
rest takes, and for each worker where its output is, how much it has done and
when it was last heard of.

An item is done when its chunk is acknowledged: its records are on a worker's
disk. Those of chunks in hand are counted as on the way.`,
		Example: `  penstock fleet status crawl-7 --store redis://db1:6379
  penstock fleet status crawl-7 --store redis://db1:6379 --json | jq .eta_seconds`,
		Args: oneFleet,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, func(c fleetClient) error {
				s, err := fleet.Look(cmd.Context(), c, args[0])
				if err != nil {
					return fleetError(args[0], &f.store, err)
				}
				if f.json {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(statusOf(s))
				}
				return writeStatus(cmd.OutOrStdout(), s)
			})
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	return cmd
}

func newFleetList() *cobra.Command {
	var f fleetCommand
	cmd := &cobra.Command{
		Use:     "ls",
		Short:   "List the fleets in a store",
		Long:    `Ls lists the fleets in a store, with how far each is. They stay for 30 days after their last use, or until penstock fleet rm.`,
		Example: `  penstock fleet ls --store redis://db1:6379`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd, func(c fleetClient) error { return f.list(cmd, c) })
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "print a JSON object a line")
	return cmd
}

func (f *fleetCommand) list(cmd *cobra.Command, c fleetClient) error {
	names, err := fleet.List(cmd.Context(), c)
	if err != nil {
		return f.store.unreachable(err)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	if len(names) > 0 && !f.json {
		fmt.Fprintln(w, "NAME\tDONE\tLOADED\tWORKERS\tRATE\tLEFT")
	}
	enc := json.NewEncoder(cmd.OutOrStdout())
	for _, name := range names {
		s, err := fleet.Look(cmd.Context(), c, name)
		if err != nil {
			continue // it has just gone
		}
		if f.json {
			if err := enc.Encode(statusOf(s)); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s/s\t%s\n", oneLine(name), report.Number(s.Done), loadedText(s), alive(s), report.Number(int64(s.Rate+0.5)), leftText(s))
	}
	return w.Flush()
}

func newFleetRemove() *cobra.Command {
	var f fleetCommand
	cmd := &cobra.Command{
		Use:   "rm NAME",
		Short: "Take a fleet's list out of the store",
		Long: `Rm takes a fleet out of the store. Its workers end with exit 4; what they have
written stays. Without it, a fleet goes 30 days after its last use.`,
		Example: `  penstock fleet rm crawl-7 --store redis://db1:6379`,
		Args:    oneFleet,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, func(c fleetClient) error {
				return fleetError(args[0], &f.store, fleet.Remove(cmd.Context(), c, args[0]))
			})
		},
	}
	f.register(cmd)
	return cmd
}

func (f *fleetCommand) register(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	f.store.registerURL(cmd.Flags())
	cmd.Flags().Lookup("store").Usage = fleetStoreUsage
}

func (f *fleetCommand) run(cmd *cobra.Command, do func(fleetClient) error) error {
	if err := flagsFromEnv(cmd); err != nil {
		return err
	}
	client, done, err := fleetStore(cmd, &f.store, nil)
	if err != nil {
		return err
	}
	defer done()
	return do(client)
}

// A jsonStatus is a fleet.Status with its times in seconds.
type jsonStatus struct {
	*fleet.Status

	Finished   bool         `json:"finished"`
	Lease      float64      `json:"lease_seconds"`
	LoaderSeen *float64     `json:"loader_seen_seconds,omitempty"`
	ETA        *float64     `json:"eta_seconds,omitempty"`
	Workers    []jsonWorker `json:"workers"`
}

type jsonWorker struct {
	fleet.WorkerStatus

	Seen  float64 `json:"seen_seconds"`
	Alive bool    `json:"alive"`
}

func statusOf(s *fleet.Status) jsonStatus {
	j := jsonStatus{Status: s, Finished: s.Finished(), Lease: s.Lease.Seconds(), Workers: []jsonWorker{}}
	if s.LoaderSeen >= 0 {
		seen := s.LoaderSeen.Seconds()
		j.LoaderSeen = &seen
	}
	if eta, ok := s.ETA(); ok {
		left := eta.Seconds()
		j.ETA = &left
	}
	for _, w := range s.Workers {
		j.Workers = append(j.Workers, jsonWorker{w, w.Seen.Seconds(), s.Alive(&w)})
	}
	return j
}

// writeStatus prints s for people.
func writeStatus(out io.Writer, s *fleet.Status) error {
	fmt.Fprintf(out, "fleet %s, begun %s\n", oneLine(s.Name), s.Created.Local().Format(time.DateTime))
	fmt.Fprintf(out, "  %s items loaded%s\n", report.Number(s.Loaded), loaderText(s))
	fmt.Fprintf(out, "  %s done (%s failed), %s on the way; %s/s, %s left\n",
		report.Number(s.Done), report.Number(s.Failed), report.Number(s.Ahead), report.Number(int64(s.Rate+0.5)), leftText(s))
	fmt.Fprintf(out, "  %d chunks in the store, %d of them in hand\n", s.Chunks, s.Pending)
	if len(s.Workers) == 0 {
		_, err := fmt.Fprintln(out, "no worker yet: penstock work --fleet "+oneLine(s.Name))
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "HOST\tPID\tSTATE\tRECORDS\tFAILED\tRATE\tIN HAND\tTAKEN OVER\tLOST\tHEARD OF\tOUTPUT")
	for _, k := range s.Workers {
		state := k.State
		if state != "left" && !s.Alive(&k) {
			state = "gone"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s/s\t%d\t%d\t%d\t%s ago\t%s\n", oneLine(k.Host), k.PID, oneLine(state),
			report.Number(k.Records), report.Number(k.Failed), report.Number(int64(k.Rate+0.5)), k.Hand, k.Taken, k.Lost, roundAge(k.Seen), oneLine(k.Output))
	}
	return w.Flush()
}

func loaderText(s *fleet.Status) string {
	switch {
	case s.LoadedAll:
		return ", which is all"
	case s.LoaderSeen < 0:
		return "; the loader has not begun"
	case s.LoaderSeen > s.Lease:
		return fmt.Sprintf("; the loader was last heard of %s ago: start it again with the same input", roundAge(s.LoaderSeen))
	}
	return "; the loader is at it"
}

func loadedText(s *fleet.Status) string {
	if s.LoadedAll {
		return report.Number(s.Loaded)
	}
	return report.Number(s.Loaded) + "+"
}

func leftText(s *fleet.Status) string {
	eta, ok := s.ETA()
	switch {
	case s.Finished():
		return "nothing"
	case !ok:
		return "unknown time"
	}
	return "about " + roundTime(eta).String()
}

func alive(s *fleet.Status) (n int) {
	for i := range s.Workers {
		if s.Alive(&s.Workers[i]) {
			n++
		}
	}
	return n
}
