package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
	"github.com/spf13/cobra"
)

func newLimits() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "limits",
		Short: "See and change the limits that machines share in a store",
		Long: `Limits shows what a store (Redis or Valkey) knows of shared limits, and changes
them while they are in use.

What penstock fetch --store shares goes by --store-name, which is "fetch" unless
it is given: NAME for all requests, NAME/HOST:PORT for a host, NAME/KEY for a
bucket of a policy.`,
		Example: `  penstock limits ls --store redis://db1:6379
  penstock limits set fetch 20 --store redis://db1:6379
  penstock limits set fetch/api.example.com:443 100/s --store redis://db1:6379`,
		Args: noCommandOf,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLimitsList(), newLimitsSet())
	return cmd
}

func newLimitsList() *cobra.Command {
	var f storeFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls [flags] [NAME]",
		Short: "List the limits of a store: how many are in use, who waits, who holds",
		Long: `Ls prints a line for each limit that is in use or was set: the limit and its
rates, how many permits are out, how many demands wait and for how long the first
of them has, and the processes that hold, as HOST:PID with how many. A limit that
finds itself is marked with (auto) behind what it is now, and the process that
finds it with "leads". With NAME it prints that limit alone.`,
		Example: `  penstock limits ls --store redis://db1:6379
  penstock limits ls fetch --json --store redis://db1:6379 | jq '.holders[]'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("penstock limits ls "+quoted(args[0]), "limits ls takes one name or none")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(cmd, func(ctx context.Context, s *redislimit.Store) error {
				list, err := lookAt(ctx, s, args)
				if err != nil {
					return f.limitError(args, err)
				}
				if asJSON {
					return printLimitsJSON(cmd.OutOrStdout(), list)
				}
				return printLimits(cmd.OutOrStdout(), list)
			})
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	f.registerURL(fl)
	fl.BoolVar(&asJSON, "json", false, "print a JSON object a line for each limit")
	return cmd
}

func newLimitsSet() *cobra.Command {
	var f storeFlags
	cmd := &cobra.Command{
		Use:   "set [flags] NAME N|RATE",
		Short: "Change a limit for all who share it, while it is in use",
		Long: `Set changes the limit NAME at once for all who share it: how many permits may be
out (a number), or how often (100/s, 5000/m; several with commas). What was set
holds for 30 days without use, whatever the commands that use it say.

Nothing is ended: where more are at work than the new number, none starts until
the excess is done. 0 lets nothing new start, and fails nothing, until another
number is set.`,
		Example: `  penstock limits set fetch 20 --store redis://db1:6379
  penstock limits set fetch/api.example.com:443 100/s --store redis://db1:6379`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("penstock limits set fetch 20, or 100/s for a rate", "limits set takes a name and what it is to be")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			change, err := parseChange(args[1])
			if err != nil {
				return err
			}
			return f.with(cmd, func(ctx context.Context, s *redislimit.Store) error {
				before, err := s.Look(ctx, args[0])
				unused := errors.Is(err, redislimit.ErrUnknown)
				if err == nil || unused {
					err = change(ctx, s, args[0])
				}
				if err != nil {
					return f.limitError(args[:1], err)
				}
				return sayChange(cmd.OutOrStdout(), before, args, unused)
			})
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	f.registerURL(fl)
	return cmd
}

// with calls do with the store, which it closes.
func (f *storeFlags) with(cmd *cobra.Command, do func(context.Context, *redislimit.Store) error) error {
	if err := flagsFromEnv(cmd); err != nil {
		return err
	}
	if f.url == "" {
		return usagef("--store redis://HOST:6379, or PENSTOCK_STORE in the environment", "%s needs a --store", cmd.CommandPath())
	}
	s, err := f.open(cmd.Context(), nil)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(cmd.Context(), storePatience)
	defer stop()
	return errors.Join(do(ctx, s), s.Close())
}

// limitError is why a limit cannot be looked at, or changed.
func (f *storeFlags) limitError(names []string, err error) error {
	switch {
	case errors.Is(err, redislimit.ErrUnknown):
		return usagef("penstock limits ls --store "+quoted(f.where())+" lists those that are", "no limit %q is in use or was set", names[0])
	case errors.Is(err, redislimit.ErrName):
		return usagef("penstock limits ls --store "+quoted(f.where())+" lists those that are", "%s", ofStore(err))
	case errors.Is(err, redislimit.ErrKind):
		return usagef("penstock limits set "+quoted(names[0])+" 100/s", "%s is a rate, which has no number of permits", names[0])
	}
	return f.unreachable(err)
}

func lookAt(ctx context.Context, s *redislimit.Store, names []string) ([]redislimit.Info, error) {
	if len(names) == 0 {
		return s.List(ctx)
	}
	info, err := s.Look(ctx, names[0])
	return []redislimit.Info{info}, err
}

// parseChange reads what a limit is to be.
func parseChange(text string) (func(context.Context, *redislimit.Store, string) error, error) {
	if n, err := strconv.Atoi(text); err == nil {
		if n < 0 {
			return nil, usagef("0 lets nothing new start", "a limit of %d is less than none", n)
		}
		return func(ctx context.Context, s *redislimit.Store, name string) error { return s.SetLimit(ctx, name, n) }, nil
	}
	rates, err := rate.Parse(text)
	if err != nil {
		return nil, usagef("penstock limits set NAME 20, or 100/s for a rate", "%q is neither a number nor a rate", text)
	}
	return func(ctx context.Context, s *redislimit.Store, name string) error {
		return s.SetRates(ctx, name, fetch.Paced(rates)...)
	}, nil
}

// sayChange says what was changed, and what that means now.
func sayChange(w io.Writer, before redislimit.Info, args []string, unused bool) error {
	name, to := args[0], args[1]
	n, err := strconv.Atoi(to)
	var line string
	switch {
	case unused:
		line = fmt.Sprintf("%s is set to %s; nobody uses it now", name, to)
	case err != nil:
		line = fmt.Sprintf("%s is set to %s", name, to)
	default:
		line = fmt.Sprintf("%s is set to %d (it was %d)", name, n, before.Limit)
		if before.InUse > n {
			line += fmt.Sprintf("; %d are in use: none starts until the excess is done", before.InUse)
		}
	}
	_, err = fmt.Fprintln(w, line)
	return err
}

func printLimitsJSON(w io.Writer, list []redislimit.Info) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, info := range list {
		if err := enc.Encode(info); err != nil {
			return err
		}
	}
	return nil
}

func printLimits(w io.Writer, list []redislimit.Info) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "NAME\tLIMIT\tRATE\tIN USE\tWAITING\tLONGEST WAIT\tHOLDERS")
	for _, info := range list {
		limit, used, wait := "-", "-", "-"
		if info.Counted {
			limit, used = strconv.Itoa(info.Limit), strconv.Itoa(info.InUse)
		}
		if info.Adaptive {
			limit += " (auto)"
		}
		if info.Waiting > 0 {
			wait = roundTime(info.LongestWait).String()
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n",
			info.Name, limit, cmp.Or(info.Rates, "-"), used, info.Waiting, wait, holderList(info))
	}
	return tw.Flush()
}

// holderList is the processes that hold something, or of a rate those that use it.
func holderList(info redislimit.Info) string {
	var words []string
	for _, h := range info.Holders {
		word := fmt.Sprintf("%s:%d", oneLine(h.Host), h.PID)
		switch {
		case info.Counted && h.Leads:
			word += fmt.Sprintf(" (%d, leads)", h.InUse)
		case info.Counted:
			word += fmt.Sprintf(" (%d)", h.InUse)
		}
		words = append(words, word)
	}
	const most = 8
	if len(words) > most {
		words = append(slices.Clip(words[:most]), fmt.Sprintf("and %d more", len(info.Holders)-most))
	}
	return cmp.Or(strings.Join(words, ", "), "-")
}
