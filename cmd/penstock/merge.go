package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fetch/journal"
	"github.com/penstock-go/penstock/fleet"
	"github.com/penstock-go/penstock/fleet/merge"
	"github.com/penstock-go/penstock/internal/compress"
	"github.com/penstock-go/penstock/report"
	"github.com/redis/rueidis"
	"github.com/spf13/cobra"
)

// fleetClient is short for what the commands of a fleet talk to.
type fleetClient = rueidis.Client

// mergeFlags are the flags of penstock merge.
type mergeFlags struct {
	output, missing, fleet string
	store                  storeFlags
	items                  int64
	memory                 int64
}

func newMerge() *cobra.Command {
	f := &mergeFlags{memory: merge.DefaultMemory}
	cmd := &cobra.Command{
		Use:   "merge [flags] OUT...",
		Short: "Make one output of those of several workers, in input order",
		Long: `Merge reads outputs of penstock work (and of penstock fetch), .gz and .zst as they
are, and writes exactly one record an item in input order, to stdout or to -o.

Where an item has more than one record, as after a takeover, the one that counts
is the accepted one; of two such, the one that began earlier. Whatever the order
of the arguments, the result is the same.

Of an output with a journal beside it, only what the journal calls safe is read:
so that of a worker that was killed, or still works, does no harm.

How many items there should be is known where a worker has ended with the list
done, from --items, or from the store (--fleet and --store). What is missing is
said in ranges of indexes; with --missing FILE they are written to a file that
penstock fetch --only @FILE takes.

Memory does not grow with the number of records. Outputs that are in no order are
sorted in a temporary file ($TMPDIR), as large as they are unpacked.

Exit codes: 0 every item has a record; 1 something failed; 2 usage; 4 items are
missing, and what there is was written.`,
		Example: `  penstock merge a.jsonl b.jsonl.zst c.jsonl -o all.jsonl
  penstock merge workers/*.jsonl.zst -o all.jsonl.zst --missing missing.txt
  penstock fetch urls.txt --only @missing.txt -o rest.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flagsFromEnv(cmd); err != nil {
				return err
			}
			return f.run(cmd, args)
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVarP(&f.output, "output", "o", "", "write to `FILE`, which must not exist (.gz and .zst compress), instead of stdout")
	fl.StringVar(&f.missing, "missing", "", "write the indexes that have no record to `FILE`, a range a line, for penstock fetch --only @FILE")
	fl.Int64Var(&f.items, "items", 0, "how many items, `N`, there are in the list (default: what the workers' summaries say, else the store)")
	fl.StringVar(&f.fleet, "fleet", "", "ask the --store how many items the fleet of this `NAME` has")
	f.store.registerURL(fl)
	fl.Lookup("store").Usage = fleetStoreUsage
	fl.Var(sizeValue{&f.memory}, "memory", "how much is sorted at a time")
	return cmd
}

func (f *mergeFlags) run(cmd *cobra.Command, args []string) error {
	if err := f.check(args); err != nil {
		return err
	}
	shares, err := openShares(args)
	if err != nil {
		return err
	}
	items, err := f.count(cmd, shares)
	if err != nil {
		return err
	}
	out, err := newResult(f.output, cmd.OutOrStdout())
	if err != nil {
		return err
	}
	gaps, err := newGaps(f.missing)
	if err != nil {
		return errors.Join(err, out.abandon())
	}
	stopped := heedStop(cmd.Context(), func() { _, _ = out.abandon(), gaps.abandon() })
	defer stopped.release()
	inputs := make([]merge.Input, 0, len(shares))
	for _, s := range shares {
		inputs = append(inputs, s.input())
	}
	r, err := merge.Merge(stopped.ctx, out, inputs, merge.Options{Items: items, Memory: int(f.memory), Missing: gaps.add})
	if err != nil {
		return errors.Join(f.explain(err), out.abandon(), gaps.abandon())
	}
	if err := errors.Join(out.finish(), gaps.finish()); err != nil {
		return f.explain(err)
	}
	return f.tell(cmd.ErrOrStderr(), r, items, gaps)
}

func (f *mergeFlags) check(args []string) error {
	switch {
	case len(args) == 0:
		return usagef("penstock merge a.jsonl b.jsonl -o all.jsonl", "merge what? name the outputs of the workers")
	case f.items < 0:
		return usagef("--items 1000000", "--items %d is negative", f.items)
	case f.fleet != "" && f.store.url == "":
		return usagef("--store redis://HOST:6379", "--fleet needs a --store that knows it")
	case f.memory > 1<<40:
		return usagef("--memory 64MiB", "--memory is more than there can be")
	}
	seen := map[string]bool{}
	for _, name := range args {
		clean := filepath.Clean(name)
		if seen[clean] {
			return usagef("name each output once", "%s is named twice", name)
		}
		seen[clean] = true
	}
	return nil
}

// count is how many items the list has, or 0 if nobody knows.
func (f *mergeFlags) count(cmd *cobra.Command, shares []*share) (int64, error) {
	if f.items > 0 {
		return f.items, nil
	}
	if f.fleet != "" {
		return f.ask(cmd, f.fleet, shares)
	}
	for _, s := range shares {
		if s.items > 0 {
			return s.items, nil
		}
	}
	if of := fleetOf(shares); of != nil && f.store.url != "" {
		items, err := f.ask(cmd, of.Fleet, shares)
		if err != nil { // nobody has asked for that
			fmt.Fprintf(cmd.ErrOrStderr(), "the store cannot tell how many items there are: %s\n", oneLine(err.Error()))
		}
		return items, nil
	}
	return 0, nil
}

// fleetOf is the fleet that the outputs are of, or nil if that is not known.
func fleetOf(shares []*share) *workInput {
	for _, s := range shares {
		if s.of != nil {
			return s.of
		}
	}
	return nil
}

// ask asks the store how many items a fleet has.
func (f *mergeFlags) ask(cmd *cobra.Command, name string, shares []*share) (int64, error) {
	client, done, err := fleetStore(cmd, &f.store, nil)
	if err != nil {
		return 0, err
	}
	defer done()
	s, err := fleet.Look(cmd.Context(), client, name)
	if err != nil {
		return 0, fleetError(name, &f.store, err)
	}
	if of := fleetOf(shares); of != nil && of.Input != digest(s.Input) {
		return 0, usagef("--items N says how many there are, without the store", "the fleet %s in the store has another list than these outputs", name)
	}
	if !s.LoadedAll {
		fmt.Fprintf(cmd.ErrOrStderr(), "the list of the fleet %s is not loaded to its end yet: there are more than its %s items\n", name, report.Number(s.Loaded))
	}
	return s.Loaded, nil
}

// tell says what was done, and what is missing.
func (f *mergeFlags) tell(w io.Writer, r merge.Result, items int64, gaps *gaps) error {
	for _, name := range r.Torn {
		fmt.Fprintf(w, "%s ends in the middle of a record, which is left out\n", name)
	}
	where := f.output
	if where == "" || where == "-" {
		where = "stdout"
	}
	fmt.Fprintf(w, "%s records in %s", report.Number(r.Records), where)
	if r.Failed > 0 {
		fmt.Fprintf(w, ", %s of them failed", report.Number(r.Failed))
	}
	if r.Duplicates > 0 {
		fmt.Fprintf(w, "; %s duplicates dropped", report.Number(r.Duplicates))
	}
	fmt.Fprintln(w)
	if r.Beyond > 0 {
		return &exitError{exitFailed, &hintedError{
			fmt.Errorf("%s records are of items beyond the %s that the list has: an output of another list is among them", report.Number(r.Beyond), report.Number(items)),
			"name the outputs of one fleet only",
		}}
	}
	if items == 0 {
		fmt.Fprintln(w, "how many items the list has is not known: nothing can be said of what may be missing at its end (--items, or --fleet and --store)")
	}
	if r.Missing == 0 {
		return nil
	}
	hint := "are all outputs named? penstock fleet status lists them; else --missing missing.txt, then penstock fetch INPUT --only @missing.txt -o rest.jsonl, and merge rest.jsonl too"
	if f.missing != "" {
		hint = "are all outputs named? penstock fleet status lists them; else penstock fetch INPUT --only @" + quoted(f.missing) + " -o rest.jsonl, and merge rest.jsonl too"
	}
	return &exitError{exitStopped, &hintedError{
		fmt.Errorf("%s items have no record: %s", report.Number(r.Missing), gaps), hint,
	}}
}

func (f *mergeFlags) explain(err error) error {
	if sig, ok := errors.AsType[signalError](err); ok {
		return &exitError{code: exitOf(sig.sig)}
	}
	if line, ok := errors.AsType[*merge.LineError](err); ok {
		return usagef("name outputs of penstock work or penstock fetch", "%v", line)
	}
	return pathReason(err)
}

// A share is an output to be merged, as it lies on the disk.
type share struct {
	name  string
	safe  int64 // bytes of it that the journal vouches for; -1 where there is none
	items int64 // of the whole list, if its summary knows
	of    *workInput
}

// openShares looks at the outputs before anything is written.
func openShares(names []string) ([]*share, error) {
	var shares []*share
	var first *share
	for _, name := range names {
		s, err := openShareFile(name)
		if err != nil {
			return nil, err
		}
		if s.of != nil {
			if first == nil {
				first = s
			}
			if s.of.Fleet != first.of.Fleet || s.of.Input != first.of.Input {
				return nil, usagef("name the outputs of one fleet only",
					"%s is of the fleet %s, and %s of %s, with another list", first.name, first.of.Fleet, name, s.of.Fleet)
			}
		}
		shares = append(shares, s)
	}
	return shares, nil
}

func openShareFile(name string) (*share, error) {
	s := &share{name: name, safe: -1}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, openError(name, err)
	case info.IsDir():
		return nil, usagef("name the outputs in it: "+quoted(filepath.Join(name, "out.jsonl")), "%s is a directory", name)
	}
	st, err := readJournal(name)
	switch {
	case err == nil:
		s.safe = st.Sizes[journal.Output]
		if info.Size() < s.safe {
			return nil, usagef("fetch it once more from its machine, after its journal",
				"%s is %d bytes, and its journal vouches for %d: the copy is not whole", name, info.Size(), s.safe)
		}
		var of workInput
		if json.Unmarshal(st.Header.Input, &of) == nil && of.Worker != "" {
			s.of = &of
		}
	case !errors.Is(err, os.ErrNotExist):
		return nil, usagef("put the journal of this output beside it, or remove the one that is there", "%s: %v", fetch.JournalPath(name), pathReason(err))
	}
	if text, err := os.ReadFile(fetch.SummaryPath(name)); err == nil {
		var sum runSummary
		if json.Unmarshal(text, &sum) == nil && sum.Output != "" && sum.Fleet != nil && sum.Fleet.Finished {
			s.items = sum.Fleet.Items
		}
	}
	return s, nil
}

// input is the share as merge reads it.
func (s *share) input() merge.Input {
	return merge.Input{Name: s.name, Cut: s.safe < 0, Open: func() (io.ReadCloser, error) {
		file, err := os.Open(s.name)
		if err != nil {
			return nil, pathReason(err)
		}
		var r io.Reader = file
		if s.safe >= 0 {
			r = io.LimitReader(file, s.safe)
		}
		plain, err := compress.NewReader(r)
		if err != nil {
			return nil, errors.Join(usagef("is it a whole .gz or .zst file?", "%s: %v", s.name, err), file.Close())
		}
		return &both{plain, file}, nil
	}}
}

// both closes a reader and what it reads from.
type both struct {
	io.ReadCloser

	file io.Closer
}

func (b *both) Close() error { return errors.Join(b.ReadCloser.Close(), b.file.Close()) }

// gaps are the ranges of indexes that have no record: in a file, and the first of
// them in memory, for people.
type gaps struct {
	path  string
	file  *os.File
	w     *bufio.Writer
	first []string
	more  int64
	err   error
}

func newGaps(path string) (*gaps, error) {
	g := &gaps{path: path}
	if path == "" {
		return g, nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil, usagef("choose another name, or remove the file", "%s exists and is not overwritten", path)
		}
		return nil, createError(path, err)
	}
	g.file, g.w = file, bufio.NewWriter(file)
	return g, nil
}

func (g *gaps) add(from, to int64) {
	line := fmt.Sprint(from)
	if to > from {
		line = fmt.Sprintf("%d-%d", from, to)
	}
	if len(g.first) < 10 {
		g.first = append(g.first, line)
	} else {
		g.more++
	}
	if g.w != nil {
		if _, err := g.w.WriteString(line + "\n"); g.err == nil {
			g.err = err
		}
	}
}

func (g *gaps) String() string {
	s := strings.Join(g.first, ", ")
	if g.more > 0 {
		s += fmt.Sprintf(" and %s more ranges", report.Number(g.more))
	}
	return s
}

func (g *gaps) finish() error {
	if g.file == nil {
		return nil
	}
	return errors.Join(g.err, g.w.Flush(), g.file.Close())
}

func (g *gaps) abandon() error {
	if g.file == nil {
		return nil
	}
	return errors.Join(g.file.Close(), os.Remove(g.path))
}
