package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/penstock-go/penstock/internal/compress"
	"github.com/penstock-go/penstock/internal/export"
	"github.com/spf13/cobra"
)

// exportFlags are the flags of penstock export.
type exportFlags struct {
	output, format string
	columns        []string
	spreadsheet    bool
}

func newExport() *cobra.Command {
	f := exportFlags{format: "auto"}
	cmd := &cobra.Command{
		Use:   "export RUN",
		Short: "Turn the records of a run into CSV or Parquet",
		Long: `Export reads the records of a run, the -o file of penstock fetch (.gz and .zst
as they are) or - for stdin, and writes them as a table with a row a record.

The columns are always the same, whatever is in the records:
` + wrapNames(export.Columns()) + `
CSV is RFC 4180 in UTF-8. What is missing is an empty cell, headers are JSON,
and a body that is not text is base64 in body_binary. Values are as they came:
use --spreadsheet for a file that somebody will open in a spreadsheet program.

Parquet has int64 and int32 numbers, doubles, started as a timestamp in
microseconds (UTC), headers as a list of name and value, body as a string and
body_binary as bytes; what is missing is null. It is compressed by zstd.`,
		Example: `  penstock export out.jsonl -o out.parquet
  penstock export out.jsonl.zst --columns url,status,total_ms > out.csv
  penstock export out.jsonl -o out.csv --columns=-body,-body_binary --spreadsheet`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("penstock export out.jsonl -o out.parquet", "export takes one RUN, the -o file of penstock fetch, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flagsFromEnv(cmd); err != nil {
				return err
			}
			return f.run(cmd, args[0])
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVarP(&f.output, "output", "o", "", "write to `FILE`, which must not exist, instead of stdout (.csv.gz and .csv.zst compress)")
	fl.Var(choiceValue{&f.format, []string{"auto", "csv", "parquet"}}, "format", "what to make; auto goes by the name of -o, and is CSV on stdout")
	fl.StringSliceVar(&f.columns, "columns", nil, "only these `NAMES`, in this order; with a minus before each, all but these")
	fl.BoolVar(&f.spreadsheet, "spreadsheet", false, "CSV for Excel and its kin: a byte order mark, and an apostrophe before what they would take for a formula")
	return cmd
}

// wrapNames lists names in lines of less than 80 columns.
func wrapNames(names []string) string {
	var b strings.Builder
	line := " "
	for _, name := range names {
		if len(line)+1+len(name) > 78 {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + name
	}
	return b.String() + line + "\n"
}

// run checks everything first, so that nothing is left of a command that could
// not work.
func (f *exportFlags) run(cmd *cobra.Command, run string) error {
	o := export.Options{Columns: f.columns, Spreadsheet: f.spreadsheet}
	var err error
	if o.Format, err = f.outputFormat(); err != nil {
		return err
	}
	x, err := export.New(o)
	if err != nil {
		return usagef(f.columnsHint(), "%v", err)
	}
	stdout := f.output == "" || f.output == "-"
	if stdout && o.Format == export.Parquet && isTerminal(cmd.OutOrStdout()) {
		return usagef("-o out.parquet", "Parquet is not for a terminal")
	}
	file, err := openRun(run, cmd.InOrStdin())
	if err != nil {
		return err
	}
	defer file.Close()
	ctx, stop := exportSignals(cmd.Context())
	defer stop()
	in, err := unpackRun(ctx, run, file)
	if err != nil {
		return err
	}
	defer in.Close()
	warnUnfinished(cmd.ErrOrStderr(), run)
	var rows int64
	if stdout {
		rows, err = x.Run(ctx, cmd.OutOrStdout(), in)
	} else {
		rows, err = exportFile(ctx, x, f.output, in)
	}
	if err != nil {
		return explainExport(run, f.output, rows, err)
	}
	if !stdout {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d rows in %s\n", rows, f.output)
	}
	return nil
}

// columnsHint is --columns with what may have been meant.
func (f *exportFlags) columnsHint() string {
	all := export.Columns()
	names := slices.Clone(f.columns)
	for i, name := range names {
		bare, minus := strings.CutPrefix(name, "-")
		if near := nearest(bare, all); !slices.Contains(all, bare) && far(bare, near) < unlike {
			names[i] = strings.Repeat("-", len(name)-len(bare)) + near
		} else if !slices.Contains(all, bare) || minus != strings.HasPrefix(names[0], "-") {
			return "penstock export --help lists the columns"
		}
	}
	return "write --columns=" + strings.Join(slices.Compact(names), ",")
}

// outputFormat is that of --format, or of the name of -o.
func (f *exportFlags) outputFormat() (export.Format, error) {
	name := strings.ToLower(f.output)
	packed := strings.HasSuffix(name, ".gz") || strings.HasSuffix(name, ".zst")
	format := export.Format(f.format)
	if f.format == "auto" {
		bare := strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
		switch {
		case name == "", name == "-", strings.HasSuffix(bare, ".csv"):
			format = export.CSV
		case strings.HasSuffix(bare, ".parquet"):
			format = export.Parquet
		default:
			return "", usagef("--format csv or --format parquet, or a name that ends in .csv or .parquet", "cannot tell by the name %s what to make", f.output)
		}
	}
	if packed && format == export.Parquet {
		return "", usagef("leave out .gz or .zst", "Parquet is compressed already: %s could not be read", f.output)
	}
	return format, nil
}

// exportSignals ends the context with an exit code at Ctrl-C and SIGTERM.
func exportSignals(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	got := make(chan os.Signal, 1)
	signal.Notify(got, os.Interrupt, syscall.SIGTERM)
	quit := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case s := <-got:
			cancel(&exitError{exitOf(s), errors.New("stopped")})
		case <-quit:
		}
	}()
	return ctx, func() {
		signal.Stop(got)
		close(quit)
		<-ended
		cancel(nil)
	}
}

// explainExport says why there is no table, and what to do.
func explainExport(run, output string, rows int64, err error) error {
	if _, usage := errors.AsType[*usageError](err); usage {
		return err
	}
	if stopped, ok := errors.AsType[*exitError](err); ok {
		return stopped
	}
	if run == "-" {
		run = "standard input"
	}
	bad, ok := errors.AsType[*export.LineError](err)
	packed, broken := errors.AsType[*compress.Error](err)
	switch {
	case ok && errors.Is(err, export.ErrTorn), broken && errors.Is(packed, io.ErrUnexpectedEOF):
		return &hintedError{fmt.Errorf("%s, %w", run, bad), "finish the run by penstock fetch ... --resume, which cuts off what is torn"}
	case ok && errors.Is(err, export.ErrNotRecord):
		return usagef("export takes the -o file of penstock fetch", "%s, %v", run, bad)
	case ok:
		return fmt.Errorf("%s, %w", run, bad)
	case output == "" || output == "-":
		return fmt.Errorf("standard output: %w", pathReason(err))
	case errors.Is(err, syscall.ENOSPC):
		return &hintedError{fmt.Errorf("the disk is full after %d rows; %s was not made", rows, output), "make room, or leave out columns"}
	}
	return pathReason(err)
}
