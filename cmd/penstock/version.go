package main

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// version is what the build info says of this build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and Go version",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info, _ := debug.ReadBuildInfo()
			var line strings.Builder
			line.WriteString("penstock " + version())
			if info != nil {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						line.WriteString(" commit " + s.Value)
					}
				}
				line.WriteString(" " + info.GoVersion)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), line.String())
			return err
		},
	}
}
