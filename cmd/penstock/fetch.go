package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/penstock-go/penstock/internal/display"
	"github.com/penstock-go/penstock/internal/machine"
	"github.com/penstock-go/penstock/report"
	"github.com/spf13/cobra"
)

func newFetch() *cobra.Command { return newFetchWith(&fetchFlags{}) }

func newFetchWith(f *fetchFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fetch [flags] [FILE | - | URL...]",
		Short: "Fetch a list of URLs or API calls: the main job",
		Long: `Fetch reads URLs from files, arguments or standard input and writes one JSON
record a line for each of them, in input order, to standard output or to -o.

The input is one URL a line (blank lines and # comments are skipped), or a JSON
object a line: {"url", "id"?, "method"?, "headers"?, "body"?, "cost"?}, also in
the dialect of OpenAI's batches (custom_id, method, url, body), or CSV with a
header. Files may be .gz or .zst. A line that cannot be used becomes a record
with an error, and the run goes on.

With --fleet it fetches nothing, but loads the list into --store for penstock
work on any number of machines.

With --store, what -c, --rate, --per-host, --per-host-rate and --policy say holds
for all machines together that use the same store and --store-name.

Every long flag can also be set by a variable: PENSTOCK_MAX_CONCURRENT=50 is
--max-concurrent 50.

Ctrl-C stops starting and finishes what is in flight; a second one drops it.
A run with -o can be resumed after that, and after anything else that ends it:
the same command with --resume fetches what has no record yet.

Exit codes: 0 every item was accepted; 1 the run itself failed; 2 usage;
3 finished, some items failed for good; 4 stopped because the store is away;
130, 143 stopped by a signal.`,
		Example: `  penstock fetch urls.txt -o out.jsonl
  penstock fetch urls.txt -o out.jsonl --resume
  penstock fetch -c 50 --per-host 5 --rate 100/s urls.txt.gz -o out.jsonl.zst
  cat urls.txt | penstock fetch -c 20 --order completion | jq -r 'select(.ok) | .url'
  penstock fetch urls.txt -o out.jsonl --listen 127.0.0.1:8080   # watch it, pause it, change -c
  penstock fetch --column website companies.csv -L --bodies none
  penstock fetch --base-url https://api.example.com -H @auth.txt batch.jsonl
  penstock fetch -c 20 --rate 300/s --store redis://db1:6379 urls.txt -o out.jsonl
  penstock fetch --fleet crawl-7 --store redis://db1:6379 urls.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flagsFromEnv(cmd); err != nil {
				return err
			}
			return f.run(cmd, args)
		},
	}
	f.register(cmd)
	f.fleet.register(cmd.Flags())
	f.store.register(cmd.Flags())
	f.store.registerName(cmd.Flags())
	return cmd
}

// fit lowers limits that are more than this machine can give, and notes it.
func (f *fetchFlags) fit() (note string) {
	if f.auto && f.hosts.policy == "" && f.hosts.perHost == (perHost{}) {
		f.hosts.perHost.auto = true
	}
	if fits, why := f.room().Fit(f.concurrency); why != "" {
		if !f.auto {
			note = fmt.Sprintf("-c %d is more than this machine can do: %s; going on with -c %d", f.concurrency, why, fits)
		}
		f.concurrency = fits
	}
	return note
}

// room is what this machine can give. A body on its way into a file has that open.
func (f *fetchFlags) room() machine.Room {
	room := machine.Look()
	if f.bodies.where == bodiesFiles {
		room.FilesEach = 2
	}
	return room
}

// from says where the limits come from; lowered, that -c is not as it was typed.
func (f *fetchFlags) from(lowered bool) display.Limits {
	l := display.Limits{Concurrency: f.concurrency, From: "-c", PerHost: "--per-host"}
	switch {
	case lowered:
		l.From = "machine"
	case f.auto:
		l.From = "-c auto"
	}
	if f.hosts.policy != "" {
		l.PerHost = "policy"
	}
	if len(f.rate) > 0 {
		l.Rate = f.rate.String()
	}
	return l
}

// limits are those that were asked for, as the report tells of them.
func (f *fetchFlags) limits() report.Limits {
	l := report.Limits{
		Concurrency: f.concurrency, Auto: f.auto, PerHost: f.hosts.perHost.n, PerHostAuto: f.hosts.perHost.auto,
		Policy: f.hosts.policy,
	}
	if len(f.hosts.perHostRate) > 0 {
		l.HostRate = f.hosts.perHostRate.String()
	}
	if len(f.rate) > 0 {
		l.Rate = f.rate.String()
	}
	return l
}

// run opens everything before anything is sent, and then fetches.
func (f *fetchFlags) run(cmd *cobra.Command, args []string) error {
	if err := f.fleet.checkFlags(cmd, f.store.url); err != nil {
		return err
	}
	if f.fleet.name != "" {
		return f.load(cmd, args)
	}
	f.retriesSet = cmd.Flags().Changed("retries")
	note := f.fit()
	if f.report != "" {
		if err := mayReplace(f.report); err != nil {
			return err
		}
	}
	opts, err := f.options()
	if err != nil {
		return err
	}
	in, err := f.openSource(args, cmd.InOrStdin())
	if err != nil {
		return err
	}
	if f.dryRun {
		if note != "" {
			fmt.Fprintln(cmd.ErrOrStderr(), note)
		}
		return f.rehearse(cmd, opts, in)
	}
	var news voice
	news.set(func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) })
	store, err := f.store.open(cmd.Context(), news.say)
	if err == nil && store != nil {
		defer store.Close()
		err = f.share(&opts, store, cmp.Or(f.store.name, defaultStoreName), news.say)
	}
	if err != nil {
		return errors.Join(err, in.Close())
	}
	live, err := f.listen.open()
	if err != nil {
		return errors.Join(err, in.Close())
	}
	defer live.close()
	if live != nil {
		live.each = f.room().FilesEach
	}
	out, err := f.openOutput(cmd, in)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	opts.Bodies = f.bodyStore
	if opts.Dedup != nil {
		opts.Dedup.Done = out.outcome
	}
	total := f.count(cmd.Context(), args, out.earlier().Records)
	defer total.close()
	r := fetchRun{
		opts: opts, src: in, out: out, limits: f.limits(), report: f.report, total: total,
		show: f.show, shared: out.name == "" && isTerminal(cmd.OutOrStdout()), from: f.from(note != ""), note: note,
		live: live, grace: f.grace, stderr: cmd.ErrOrStderr(),
		policy: f.policy, policyFile: f.hosts.policy,
		voice: &news, explain: f.store.storeEnded,
	}
	return r.run(cmd.Context())
}
