package main

import (
	"os"

	"golang.org/x/term"
)

// isTerminal says whether x is a terminal.
func isTerminal(x any) bool {
	f, ok := x.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminalWidth is how many columns a line on f may have; 80 if unknown.
func terminalWidth(x any) int {
	if f, ok := x.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}
