package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/display"
	"github.com/penstock-go/penstock/report"
)

// printSummary says what a run did, on one screen.
func printSummary(w io.Writer, d report.Data, next []report.Command) {
	err := report.WriteText(w, d, report.TextOptions{Width: terminalWidth(w), Color: isColorful(w), Next: next})
	if err != nil {
		fmt.Fprintln(w, err)
	}
}

// dedupNotes says what --dedup did.
func dedupNotes(s fetch.Summary) (notes []string) {
	if s.Duplicates > 0 {
		notes = append(notes, report.Number(s.Duplicates)+" duplicates were not fetched again.")
	}
	if s.NotDeduped > 0 {
		notes = append(notes, "--dedup was approximate: there was no room for "+report.Number(s.NotDeduped)+
			" requests, and duplicates among them were fetched (--dedup-memory).")
	}
	return notes
}

// summarize says what the run did, in the manner that was asked for.
func (r *fetchRun) summarize(show *display.Display, d report.Data) {
	switch {
	case r.show.quiet:
	case r.show.progress == "json":
		show.Object(summaryOf(d))
	default:
		printSummary(r.stderr, d, r.next(d))
	}
}

// tell says what went wrong, where that is to be in JSON.
func (r *fetchRun) tell(show *display.Display, err error) error {
	code, message, hint := verdictOf(err)
	if r.show.progress != "json" || message == "" {
		return err
	}
	show.Object(struct {
		Type    string `json:"type"`
		Message string `json:"message"`
		Hint    string `json:"hint,omitempty"`
	}{"error", message, hint})
	return &exitError{code: code}
}

// isColorful says whether w is a terminal that may be written to in colors.
func isColorful(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// next is what may be typed after the run.
func (r *fetchRun) next(d report.Data) (list []report.Command) {
	if r.out.name == "" || r.out.quiet {
		return nil
	}
	return nextCommands(r.out.name, d)
}

// nextCommands is what may be typed after a run with that output.
func nextCommands(name string, d report.Data) (list []report.Command) {
	failed := fetch.FailedPath(name)
	if d.Counts.Failed > 0 && fileSize(failed) > 0 {
		again := strings.TrimSuffix(failed, ".failed.jsonl") + ".again.jsonl"
		list = append(list, report.Command{
			Line: "penstock fetch " + quoted(failed) + " -o " + quoted(again), What: "try the failed ones again",
		})
	}
	page := strings.TrimSuffix(fetch.SummaryPath(name), ".summary.json") + ".html"
	return append(list, report.Command{
		Line: "penstock report " + quoted(name) + " -o " + quoted(filepath.Base(page)), What: "see how it went",
	})
}

// quoted is s as a shell takes it for one word.
func quoted(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+@%", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
