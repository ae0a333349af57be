package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fetch/journal"
	"github.com/penstock-go/penstock/fleet"
	"github.com/penstock-go/penstock/internal/compress"
	"github.com/penstock-go/penstock/redislimit"
	"github.com/redis/rueidis"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// notForWork are flags of penstock fetch that have no meaning for a worker.
var notForWork = []string{
	"format", "column", "id-column", "base-url", "only", "dedup", "dedup-memory", "order", "dry-run",
	"fleet", "chunk", "pending",
}

// workFlags are the flags of penstock work: those of fetch, less notForWork.
type workFlags struct {
	fetchFlags

	fleetName string
	voice     voice
}

func newWork() *cobra.Command {
	f := &workFlags{}
	cmd := &cobra.Command{
		Use:   "work --fleet NAME --store URL -o FILE",
		Short: "Fetch a share of a list that penstock fetch --fleet has loaded",
		Long: `Work takes chunks of a fleet's list from the store, fetches them, and writes one
record a line to its own -o. Start it on as many machines as you like, at any
time; each ends when every item of the list has its record somewhere. Then
penstock merge makes one output of all of them.

A chunk is acknowledged when its records are on the disk. What a worker that is
killed, paused or cut off had in hand is taken over by others after the lease
(--lease of penstock fetch --fleet). Ctrl-C gives back what is not done. The same
command with --resume goes on with an output, under the name it had.

What a request is (-X, -d, -A, -L, --accept, --max-body, --timeout, --retries,
-i, --deny-private and headers) was said by penstock fetch --fleet and is the same
for all. Headers that hold secrets are not in the store: give them to each worker
by -H. What -c, --rate, --per-host, --per-host-rate and --policy say holds for all
workers together: the limits are in the store, by the name of the fleet or
--store-name.

Exit codes: 0 the list is done, every item here was accepted; 1 the run itself
failed; 2 usage; 3 done, some items failed for good; 4 the store is away or has
lost the fleet, go on with --resume; 130, 143 stopped by a signal.`,
		Example: `  penstock work --fleet crawl-7 --store redis://db1:6379 -o $(hostname).jsonl.zst
  penstock work --fleet crawl-7 --store redis://db1:6379 -o a.jsonl -c 200 --per-host 5
  penstock work --fleet crawl-7 --store redis://db1:6379 -o a.jsonl --resume`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flagsFromEnv(cmd); err != nil {
				return err
			}
			return f.run(cmd)
		},
	}
	f.register(cmd)
	return cmd
}

func (f *workFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.fleetName, "fleet", "", "the `NAME` of the fleet, as penstock fetch --fleet has it")
	all := newFetchWith(&f.fetchFlags).Flags()
	store := []string{"store", "store-name", "lease", "on-store-error"}
	for _, name := range store { // first, beside --fleet
		fl.AddFlag(all.Lookup(name))
	}
	all.VisitAll(func(flag *pflag.Flag) {
		if !slices.Contains(notForWork, flag.Name) && !slices.Contains(store, flag.Name) {
			fl.AddFlag(flag)
		}
	})
	fl.Lookup("store").Usage = "the `URL` of the Redis or Valkey that the list and the limits are in: redis://HOST:6379, rediss://, unix:///PATH"
	fl.Lookup("lease").Usage = "`TIME` after which what a dead process held of the limits is given to others (default: the fleet's)"
	fl.Lookup("lease").DefValue = "0s"
}

// run joins the fleet and fetches what it is given.
func (f *workFlags) run(cmd *cobra.Command) error {
	if err := f.check(); err != nil {
		return err
	}
	live, err := f.listen.open()
	if err != nil {
		return err
	}
	defer live.close()
	f.voice.set(func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) })
	client, done, err := fleetStore(cmd, &f.store, f.voice.say)
	if err != nil {
		return err
	}
	defer done()
	o := fleet.WorkerOptions{PID: os.Getpid(), Output: f.output, Logger: fleetLogger(f.voice.say)}
	if f.store.away == redislimit.Local {
		o.Patience = -1 // who goes on without the store waits for it
	}
	if o.ID, err = f.earlierID(); err != nil {
		return err
	}
	if o.Host, err = os.Hostname(); err != nil {
		o.Host = "unknown"
	}
	if full, err := filepath.Abs(f.output); err == nil {
		o.Output = full
	}
	w, err := fleet.Join(cmd.Context(), client, f.fleetName, o)
	if err != nil {
		return fleetError(f.fleetName, &f.store, err)
	}
	if err := f.adopt(cmd, w.Request()); err != nil {
		return err
	}
	return f.work(cmd, w, client, live)
}

func (f *workFlags) check() error {
	switch {
	case f.fleetName == "":
		return usagef("penstock work --fleet NAME --store redis://HOST:6379 -o out.jsonl", "--fleet is missing: work at which list?")
	case f.output == "" || f.output == "-":
		return usagef("-o out.jsonl, in a place that is this worker's alone", "a worker writes to a file: -o is missing")
	case f.fsync == "never":
		return usagef("--fsync 1s", "--fsync never: a chunk is acknowledged when its records are on the disk")
	}
	return nil
}

// A workInput is what the journal of a worker says of its input.
type workInput struct {
	Fleet  string `json:"fleet"`
	Input  string `json:"input"` // the hash of the list's fingerprint
	Worker string `json:"worker"`
}

func workInputOf(name string, w *fleet.Worker) workInput {
	return workInput{name, digest(w.Input()), w.ID()}
}

// earlierID is the name in the store that the output was begun under, or "".
func (f *workFlags) earlierID() (string, error) {
	if !f.resume {
		return "", nil
	}
	st, err := readJournal(f.output)
	if err != nil {
		return "", resumeError(f.output, err)
	}
	var in workInput
	if json.Unmarshal(st.Header.Input, &in) != nil || in.Worker == "" {
		return "", resumeError(f.output, fetch.ErrOtherInput)
	}
	return in.Worker, nil
}

func readJournal(output string) (*journal.State, error) {
	file, err := os.Open(fetch.JournalPath(output))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	st, _, err := journal.Read(file)
	return st, err
}

// work fetches until the list is done.
func (f *workFlags) work(cmd *cobra.Command, w *fleet.Worker, client rueidis.Client, live *livePage) error {
	f.retriesSet = cmd.Flags().Changed("retries")
	note := f.fit()
	if live != nil {
		live.each = f.room().FilesEach
	}
	if f.report != "" {
		if err := mayReplace(f.report); err != nil {
			return err
		}
	}
	opts, err := f.options()
	if err != nil {
		return err
	}
	opts.Header, opts.Body = f.fleetHeader, f.fleetBody
	// What a dead worker held of the limits is back when its chunks are.
	if !cmd.Flags().Changed("lease") {
		f.store.lease = w.Lease()
	}
	store, err := f.store.open(cmd.Context(), f.voice.say)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := f.share(&opts, store, cmp.Or(f.store.name, f.fleetName), f.voice.say); err != nil {
		return err
	}
	out, err := f.openShare(w)
	if err != nil {
		return err
	}
	opts.Bodies = f.bodyStore
	r := fetchRun{
		opts: opts, src: w.Source(), out: out, limits: f.limits(), report: f.report,
		show: f.show, from: f.from(note != ""), note: note, grace: f.grace, stderr: cmd.ErrOrStderr(),
		policy: f.policy, policyFile: f.hosts.policy, voice: &f.voice, live: live,
		explain: func(err error) error {
			if err == nil {
				out.fleet.finished(cmd.Context(), client)
				return nil
			}
			return f.store.storeEnded(workError(f.fleetName, &f.store, w, err))
		},
	}
	return r.run(cmd.Context())
}

// A fleetSummary is what a worker's summary says of the whole.
type fleetSummary struct {
	Name string `json:"name"`
	// Finished says that every item of the list has a record somewhere, and
	// Items how many there are.
	Finished bool  `json:"finished"`
	Items    int64 `json:"items,omitempty"`
}

// finished notes how many items there were. It is for penstock merge, which can
// do without.
func (s *fleetSummary) finished(ctx context.Context, client rueidis.Client) {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	if st, err := fleet.Look(ctx, client, s.Name); err == nil && st.Finished() {
		s.Finished, s.Items = true, st.Loaded
	}
}

// workError says why the work has ended.
func workError(name string, store *storeFlags, w *fleet.Worker, err error) error {
	if errors.Is(err, fleet.ErrAway) || errors.Is(err, fleet.ErrGone) {
		return fleetError(name, store, err)
	}
	if cause := w.Err(); cause != nil {
		return fleetError(name, store, cause)
	}
	return err
}

// openShare makes, or with --resume opens, the output of the worker, and starts
// its heartbeats.
func (f *workFlags) openShare(w *fleet.Worker) (*output, error) {
	in, err := json.Marshal(workInputOf(f.fleetName, w))
	if err != nil {
		return nil, err
	}
	f.order = "completion"
	o, err := f.fileOptionsFor(in)
	if err != nil {
		return nil, err
	}
	delete(o.Options, "--order")
	var file *fetch.File
	if f.resume {
		if file, err = fetch.ResumeFile(f.output, o); err != nil {
			return nil, resumeError(f.output, err)
		}
		if err := os.Remove(fetch.SummaryPath(f.output)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, errors.Join(fmt.Errorf("the old summary: %w", pathReason(err)), file.Close())
		}
	} else if file, err = fetch.CreateFile(f.output, o); err != nil {
		return nil, createError(f.output, err)
	}
	w.Start(file)
	out := &output{sink: w, file: file, name: f.output, share: w, fleet: &fleetSummary{Name: f.fleetName}}
	out.measured = measured(f.output, file.Earlier())
	return out, nil
}

// compressedBy is the Compressor for a file of that name, which says whether it
// is compressed at all.
func compressedBy(name string) func(w io.Writer) fetch.Compressor {
	return func(w io.Writer) fetch.Compressor { return compress.NewWriter(name, w) }
}

// A voice says lines, at first to stderr and later through a display.
type voice struct {
	mu   sync.Mutex
	line func(string)
}

func (v *voice) set(say func(string)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.line = say
}

func (v *voice) say(line string) {
	v.mu.Lock()
	say := v.line
	v.mu.Unlock()
	say(line)
}
