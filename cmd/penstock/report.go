package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/report"
	"github.com/spf13/cobra"
)

func newReport() *cobra.Command {
	output := ""
	cmd := &cobra.Command{
		Use:   "report RUN",
		Short: "Make an HTML page of a run: charts, hosts, errors, and what limited it",
		Long: `Report reads the summary that penstock fetch -o out.jsonl has left beside its
records, out.summary.json, and makes one HTML file of it that needs no network
and nothing else. Without -o it prints the summary, as fetch has done.

RUN is the -o file of penstock fetch. The file itself need not be there any
more. Where there is no summary, because the run was killed or is not over, it
is made of the records, with what they can tell.`,
		Example: `  penstock report out.jsonl -o report.html
  penstock report out.jsonl`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("penstock report out.jsonl -o report.html", "report takes one RUN, the -o file of penstock fetch, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flagsFromEnv(cmd); err != nil {
				return err
			}
			return makeReport(cmd, args[0], output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write the page to `FILE`; an older report there is replaced, nothing else is")
	return cmd
}

func makeReport(cmd *cobra.Command, run, output string) error {
	if output != "" && output != "-" {
		if err := mayReplace(output); err != nil {
			return err
		}
	}
	data, err := runData(cmd.Context(), run, cmd.InOrStdin())
	if err != nil {
		return err
	}
	switch output {
	case "":
		printSummary(cmd.OutOrStdout(), data, nextCommands(run, data))
		return nil
	case "-":
		return report.WriteHTML(cmd.OutOrStdout(), data)
	}
	if err := writeHTML(output, data); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s is written: open it in a browser\n", oneLine(output))
	return nil
}

// runData are the figures of a run: its summary, if it has one that belongs to
// the records that are there.
func runData(ctx context.Context, run string, stdin io.Reader) (report.Data, error) {
	run = strings.TrimSuffix(run, ".summary.json")
	path := fetch.SummaryPath(run)
	if text, err := os.ReadFile(path); err == nil && run != "-" {
		d, err := report.FromSummary(text)
		switch {
		case errors.Is(err, report.ErrNewer):
			return report.Data{}, usagef("update penstock", "%s: %v", path, err)
		case err != nil:
			return report.Data{}, usagef("name the -o file of penstock fetch", "%s: %v", path, err)
		case d != nil && (!isFile(run) || isOf(text, run)):
			return *d, nil
		}
	}
	return recordsData(ctx, run, stdin)
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// isOf says that nothing was written to the output since that summary.
func isOf(summary []byte, output string) bool {
	var s struct {
		Size int64 `json:"output_bytes"`
	}
	return json.Unmarshal(summary, &s) == nil && s.Size == fileSize(output)
}

// recordsData makes the figures of the records.
func recordsData(ctx context.Context, run string, stdin io.Reader) (report.Data, error) {
	file, err := openRun(run, stdin)
	if err != nil {
		return report.Data{}, err
	}
	defer file.Close()
	ctx, stop := exportSignals(ctx)
	defer stop()
	in, err := unpackRun(ctx, run, file)
	if err != nil {
		return report.Data{}, err
	}
	defer in.Close()
	data, err := report.FromRecords(&stoppable{ctx, in})
	switch {
	case errors.Is(err, report.ErrNoRecords):
		return data, usagef("report takes the -o file of penstock fetch", "%s, %v", run, err)
	case err != nil:
		return data, err
	}
	data.Output = run
	return data, nil
}

// A stoppable reader ends with the context.
type stoppable struct {
	ctx context.Context // an io.Reader has no other way to know
	r   io.Reader
}

func (s *stoppable) Read(b []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.r.Read(b)
}

// mayReplace says why a report cannot be written to path.
func mayReplace(path string) error {
	hint := "name a file in a folder that can be written to"
	if dir, err := os.Stat(filepath.Dir(path)); err != nil || !dir.IsDir() {
		return usagef(hint, "cannot write %s: there is no folder %s", path, filepath.Dir(path))
	}
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return usagef(hint, "cannot write %v", pathReason(err))
	}
	defer file.Close()
	begin := make([]byte, 1024)
	n, err := io.ReadFull(file, begin)
	if err != nil && n == 0 && err != io.EOF {
		return usagef(hint, "cannot write %v", pathReason(err))
	}
	if n > 0 && !strings.Contains(string(begin[:n]), report.Generator) {
		return usagef("choose another name, or remove the file", "%s exists and is no report: it is not overwritten", path)
	}
	return nil
}

// writeHTML makes the page, whole or not at all.
func writeHTML(path string, data report.Data) error {
	if err := mayReplace(path); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return usagef("name a file in a folder that can be written to", "cannot write %s: %v", path, errors.Unwrap(err))
	}
	defer func() { _ = os.Remove(temp.Name()) }() // after a rename it is not there any more
	err = errors.Join(temp.Chmod(0o644), report.WriteHTML(temp, data))
	if err := errors.Join(err, temp.Close()); err != nil {
		return fmt.Errorf("%s: %w", path, pathReason(err))
	}
	return os.Rename(temp.Name(), path)
}
