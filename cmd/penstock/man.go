package main

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func newMan() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "man [COMMAND]",
		Short: "Print the manual as man pages",
		Long: `Man prints the man page of penstock, or of one of its commands, to standard
output; with --dir it writes all of them into a folder. The month on the pages
is that of the build's commit, or of SOURCE_DATE_EPOCH where that is set.`,
		Example: `  penstock man fetch | man -l -
  penstock man --dir man1`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || dir != "" && len(args) > 0 {
				return usagef("penstock man fetch, or penstock man --dir man1", "man takes one command, or --dir for all of them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			date, err := manDate()
			if err != nil {
				return err
			}
			if dir != "" {
				return writePages(dir, date)
			}
			topic, err := findTopic(cmd.Root(), args)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(manPage(topic, date))
			return err
		},
		ValidArgsFunction: completeTopics,
	}
	cmd.Flags().StringVar(&dir, "dir", "", "write all pages into the folder `DIR`, which is made")
	return cmd
}

// manDate is the date on the pages. It is that of the sources, so that two
// builds of them are the same; a build that knows none shows today.
func manDate() (time.Time, error) {
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return time.Time{}, usagef("SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)", "SOURCE_DATE_EPOCH: %q is not a number of seconds", epoch)
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	if built, err := time.Parse(time.RFC3339, readBuild().Time); err == nil {
		return built.UTC(), nil
	}
	return time.Now().UTC(), nil
}

// writePages writes a page for each command into dir.
func writePages(dir string, date time.Time) error {
	hint := "name a folder that can be written to"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usagef(hint, "cannot make %v", pathReason(err))
	}
	var walk func(cmd *cobra.Command) error
	walk = func(cmd *cobra.Command) error {
		name := filepath.Join(dir, manName(cmd)+".1")
		if err := os.WriteFile(name, manPage(cmd, date), 0o644); err != nil {
			return usagef(hint, "cannot write %v", pathReason(err))
		}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				if err := walk(sub); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk(newRoot())
}
