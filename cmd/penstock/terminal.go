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

// terminalSize is how many columns and rows x has; 0 if unknown.
func terminalSize(x any) (columns, rows int) {
	if f, ok := x.(*os.File); ok {
		if columns, rows, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns, rows
		}
	}
	return 0, 0
}

// terminalWidth is how many columns a line on x may have; 80 if unknown.
func terminalWidth(x any) int {
	if columns, _ := terminalSize(x); columns > 0 {
		return columns
	}
	return 80
}
