//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package main

import "github.com/spf13/cobra"

// runUnder says that it cannot be done here: there is no process group to end.
func runUnder(*cobra.Command, *runFlags, string, []string) error {
	return usagef("penstock run works on Linux, macOS and the BSDs", "penstock run does not work on this system")
}
