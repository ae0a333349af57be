package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/fetch/journal"
	"github.com/penstock-go/penstock/fleet"
	"github.com/penstock-go/penstock/report"
	"github.com/spf13/cobra"
)

// A closingSink is a sink that the command made.
type closingSink interface {
	fetch.Sink
	io.Closer
}

// An output is where the records go.
type output struct {
	sink  closingSink
	file  *fetch.File   // what sink writes to, if it is a file
	name  string        // "" for stdout
	quiet bool          // not to be told of in the summary
	share *fleet.Worker // whose records these are; nil where all are here
	fleet *fleetSummary // for the summary; nil where all records are here
	// measured is what is known of the runs that this one goes on with.
	measured *report.Data
}

// openOutput makes, or with --resume opens, the file of -o.
func (f *fetchFlags) openOutput(cmd *cobra.Command, in *input) (*output, error) {
	if f.output == "" || f.output == "-" {
		if f.resume {
			return nil, usagef("penstock fetch ... -o out.jsonl --resume", "--resume goes on with a file: -o is missing")
		}
		o := fetch.JSONLOptions{Order: f.recordOrder()}
		var err error
		if o.Bodies, o.BodyPath, err = f.openBodies(); err != nil {
			return nil, err
		}
		return &output{sink: fetch.NewJSONL(cmd.OutOrStdout(), o)}, nil
	}
	o, err := f.fileOptions(in)
	if err != nil {
		return nil, err
	}
	if !f.resume {
		file, err := fetch.CreateFile(f.output, o)
		return &output{sink: file, file: file, name: f.output}, createError(f.output, err)
	}
	file, err := fetch.ResumeFile(f.output, o)
	if err != nil {
		return nil, resumeError(f.output, err)
	}
	if !f.dedup { // which has to see the requests that were made before
		in.skip(file)
	}
	before := measured(f.output, file.Earlier())
	// What it says is not so any more, and a run that is killed says nothing.
	if err := os.Remove(fetch.SummaryPath(f.output)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("the old summary: %w", pathReason(err)), file.Close())
	}
	return &output{sink: file, file: file, name: f.output, measured: before}, nil
}

func (f *fetchFlags) fileOptions(in *input) (fetch.FileOptions, error) {
	fingerprint, err := in.fingerprint()
	if err != nil {
		return fetch.FileOptions{}, err
	}
	o, err := f.fileOptionsFor(fingerprint)
	if in.only != "" {
		o.Options["--only"] = in.only
	}
	return o, err
}

// fileOptionsFor is the manners of a file for an input with that fingerprint.
func (f *fetchFlags) fileOptionsFor(fingerprint json.RawMessage) (o fetch.FileOptions, err error) {
	o = fetch.FileOptions{
		Order: f.recordOrder(), Input: fingerprint, Outcomes: f.dedup,
		Options: map[string]string{"--order": f.order, "--bodies": f.bodies.String()},
	}
	switch f.fsync {
	case "always":
		o.Sync = fetch.SyncAlways
	case "never":
		o.Sync = fetch.SyncNever
	}
	o.Compress = compressedBy(f.output)
	if f.bodies.where == bodiesWARC {
		o.Archive, o.BodyPath, err = f.openArchive()
		o.ArchiveInfo = map[string]string{"software": "penstock/" + version()}
		return o, err
	}
	o.Bodies, o.BodyPath, err = f.openBodies()
	return o, err
}

func (f *fetchFlags) recordOrder() fetch.Order {
	if f.order == "completion" {
		return fetch.CompletionOrder
	}
	return fetch.InputOrder
}

// createError says why an output cannot be made, and what to do.
func createError(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fetch.ErrExists) && !isPlainFile(name):
		return usagef("-o out.jsonl names the file itself; without -o the records go to stdout", "%s is not a file", name)
	case errors.Is(err, fetch.ErrExists) && strings.HasPrefix(err.Error(), name+" ") && fileSize(fetch.JournalPath(name)) > 0:
		return usagef("go on with it by --resume, or choose another name", "%s exists and is not overwritten", name)
	case errors.Is(err, fetch.ErrExists) && strings.Contains(err.Error(), ".warc.gz "):
		return usagef("choose another folder, or another -o: the archive has its name", "%v: it is of another run", err)
	case errors.Is(err, fetch.ErrExists):
		return usagef("choose another name, or remove the file", "%v and is not overwritten", err)
	}
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		err = pe.Err // its name is that of a file beside it
	}
	return usagef("name a file in a folder that is there and can be written to", "cannot write %s: %v", name, err)
}

func isPlainFile(name string) bool {
	info, err := os.Stat(name)
	return err != nil || info.Mode().IsRegular()
}

// resumeError says why an output cannot be gone on with, and what to do.
func resumeError(name string, err error) error {
	hint := "leave out --resume and choose another -o to begin anew"
	switch {
	case errors.Is(err, os.ErrNotExist):
		if _, gone := os.Stat(name); gone != nil {
			return usagef("leave out --resume to begin", "there is no %s to go on with", name)
		}
		return usagef(hint, "%s cannot be gone on with: %v", name, pathReason(err))
	case errors.Is(err, fetch.ErrOtherInput):
		hint = "name the same input as in the beginning, or choose another -o"
	case errors.Is(err, fetch.ErrOtherOptions):
		hint = "give that option as it was, or choose another -o"
	case errors.Is(err, journal.ErrLocked):
		hint = "wait for it to end, or choose another -o"
	case errors.Is(err, journal.ErrNewer):
		hint = "update penstock, or choose another -o"
	}
	return usagef(hint, "%s cannot be gone on with: %v", name, pathReason(err))
}

// pathReason is an error about a file without the name of the system call.
func pathReason(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", pe.Path, pe.Err)
	}
	return err
}

// explain says what happened to the output, and how to go on.
func (o *output) explain(err error) error {
	if o.name == "" {
		return fmt.Errorf("standard output: %w", pathReason(err))
	}
	hint := "go on with --resume when it can be written again"
	if errors.Is(err, syscall.ENOSPC) {
		return &hintedError{fmt.Errorf("%s: the disk is full; what was done up to there is safe", o.name), "make room, then the same command with --resume"}
	}
	return &hintedError{fmt.Errorf("%s: %w", o.name, pathReason(err)), hint}
}

// outcome tells what earlier runs did with an item.
func (o *output) outcome(index int64) (fetch.Outcome, bool) {
	if o.file != nil {
		return o.file.Outcome(index)
	}
	return fetch.Outcome{}, false
}

// earlier counts what earlier runs did.
func (o *output) earlier() fetch.Summary {
	if o.file != nil {
		return o.file.Earlier()
	}
	return fetch.Summary{}
}

// howToGoOn says what a stopped run leaves.
func (o *output) howToGoOn(s fetch.Summary) string {
	if o.name == "" {
		return fmt.Sprintf("%d records are written, the other items were not fetched", s.Records)
	}
	if o.share != nil {
		return fmt.Sprintf("%d records are safe, what was not done is given back to the others; the same command with --resume joins them again", s.Records+o.earlier().Records)
	}
	return fmt.Sprintf("%d records are safe; the same command with --resume fetches the rest", s.Records+o.earlier().Records)
}

// measured is what earlier runs of the output have left of figures. Where they
// cannot be read there are none: that is no reason not to go on.
func measured(name string, counted fetch.Summary) *report.Data {
	if counted.Records == 0 {
		return nil
	}
	text, err := os.ReadFile(fetch.SummaryPath(name))
	if err != nil {
		return report.Earlier(nil, counted)
	}
	was, err := report.FromSummary(text)
	if err != nil {
		was = nil
	}
	return report.Earlier(was, counted)
}

// A runSummary is summary.json, but for the report, which is put behind it.
type runSummary struct {
	Output     string                 `json:"output"`
	Finished   bool                   `json:"finished"`
	Items      int64                  `json:"items"`
	OK         int64                  `json:"ok"`
	Failed     int64                  `json:"failed"`
	Statuses   map[int]int64          `json:"statuses"`
	Errors     map[fetch.Class]int64  `json:"errors"`
	Examples   map[fetch.Class]string `json:"examples,omitempty"`
	Duplicates int64                  `json:"duplicates,omitempty"`
	NotDeduped int64                  `json:"not_deduped_this_run,omitempty"`
	ThisRun    int64                  `json:"items_this_run"`
	Retries    int64                  `json:"retries_this_run"`
	Redirects  int64                  `json:"redirects_this_run"`
	Bytes      int64                  `json:"bytes_this_run"`
	Started    string                 `json:"started"`
	Seconds    float64                `json:"seconds_this_run"`
	Most       int                    `json:"max_in_flight"`
	// Fleet is what these records are a share of.
	Fleet *fleetSummary `json:"fleet,omitempty"`
	// Size is the output's, by which an older summary is known.
	Size int64 `json:"output_bytes"`
}

func fileSize(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}

// writeSummary puts the summary beside the output, whole or not at all.
func (o *output) writeSummary(s fetch.Summary, verdict error, data report.Data) error {
	if o.name == "" || o.quiet {
		return nil
	}
	was := o.earlier()
	for status, n := range was.Statuses {
		s.Statuses[status] += n
	}
	for class, n := range was.Classes {
		s.Classes[class] += n
	}
	exit, stopped := errors.AsType[*exitError](verdict)
	text, err := json.MarshalIndent(runSummary{
		Output: o.name, Finished: !stopped || exit.code == exitItems,
		Items: s.Records + was.Records, OK: s.OK + was.OK, Failed: s.Failed + was.Failed,
		Statuses: s.Statuses, Errors: s.Classes, Examples: s.Examples,
		Duplicates: s.Duplicates + was.Duplicates, NotDeduped: s.NotDeduped,
		ThisRun: s.Records, Retries: s.Retries, Redirects: s.Redirects, Bytes: s.Bytes,
		Started: s.Started.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Seconds: s.Elapsed.Seconds(), Most: s.MaxInFlight,
		Fleet: o.fleet, Size: fileSize(o.name),
	}, "", "  ")
	if err != nil {
		return err
	}
	figures, err := json.Marshal(data)
	if err != nil {
		return err
	}
	// The figures are for programs: in one line.
	text = append(bytes.TrimSuffix(text, []byte("\n}")), ",\n  \""+report.Key+"\": "...)
	text = append(append(text, figures...), "\n}"...)
	path := fetch.SummaryPath(o.name)
	temp := path + ".tmp"
	if err := os.WriteFile(temp, append(text, '\n'), 0o644); err != nil {
		return errors.Join(pathReason(err), os.Remove(temp))
	}
	return os.Rename(temp, path)
}
