package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/compress"
	"github.com/spf13/cobra"
)

func newFetch() *cobra.Command {
	var f fetchFlags
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

Every long flag can also be set by a variable: PENSTOCK_MAX_CONCURRENT=50 is
--max-concurrent 50.

Ctrl-C stops starting and finishes what is in flight; a second one drops it.
Exit codes: 0 every item was accepted; 1 the run itself failed; 2 usage;
3 finished, some items failed for good; 130, 143 stopped by a signal.`,
		Example: `  penstock fetch urls.txt -o out.jsonl
  penstock fetch -c 50 --per-host 5 --rate 100/s urls.txt.gz -o out.jsonl.zst
  cat urls.txt | penstock fetch -c 20 --order completion | jq -r 'select(.ok) | .url'
  penstock fetch --column website companies.csv -L --bodies none
  penstock fetch --base-url https://api.example.com -H @auth.txt batch.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flagsFromEnv(cmd); err != nil {
				return err
			}
			return f.run(cmd, args)
		},
	}
	f.register(cmd)
	return cmd
}

// run opens everything before anything is sent, and then fetches.
func (f *fetchFlags) run(cmd *cobra.Command, args []string) error {
	opts, err := f.options()
	if err != nil {
		return err
	}
	src, err := f.openSource(args, cmd.InOrStdin())
	if err != nil {
		return err
	}
	if f.dryRun {
		return f.rehearse(cmd, src)
	}
	out, err := createOutput(f.output, cmd.OutOrStdout())
	if err != nil {
		return err
	}
	r := fetchRun{
		opts: opts, src: src, out: out, order: f.order,
		progress: f.progress, grace: f.grace, stderr: cmd.ErrOrStderr(),
	}
	_, err = r.run(cmd.Context())
	return err
}

// An output is where the records go.
type output struct {
	io.Writer

	name    string // "" for stdout
	closers []io.Closer
}

// createOutput makes the file name, which must not exist.
func createOutput(name string, stdout io.Writer) (*output, error) {
	if name == "" || name == "-" {
		return &output{Writer: stdout}, nil
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case errors.Is(err, os.ErrExist):
		return nil, usagef("choose another name, or remove it first", "%s exists and is not overwritten", name)
	case err != nil:
		return nil, usagef("name a file in a folder that can be written to", "cannot write %v", pathReason(err))
	}
	w := compress.NewWriter(name, file)
	return &output{Writer: w, name: name, closers: []io.Closer{w, file}}, nil
}

// pathReason is an error about a file without the name of the system call.
func pathReason(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", pe.Path, pe.Err)
	}
	return err
}

// Close closes the file, if it is one.
func (o *output) Close() error {
	var errs []error
	for _, c := range o.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// outputError says what happened to the output, with a hint where there is
// one.
func (o *output) explain(err error) error {
	name := o.name
	if name == "" {
		name = "standard output"
	}
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%s: the disk is full; what was written up to there is whole lines but the last", name)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// flushEvery is how long a record may wait in a buffer: short for a reader at
// the other end of a pipe, longer where each flush costs compression.
func (o *output) flushEvery() time.Duration {
	if o.name == "" {
		return 100 * time.Millisecond
	}
	return time.Second
}

func orderOf(word string) fetch.Order {
	if word == "completion" {
		return fetch.CompletionOrder
	}
	return fetch.InputOrder
}
