//go:build unix

package main

import (
	"os"
	"syscall"
)

// askStatus is the signal that asks how the run stands, and goOn the one that
// comes after the shell had the terminal.
var askStatus, goOn os.Signal = syscall.SIGUSR1, syscall.SIGCONT
