//go:build unix

package main

import (
	"os"
	"syscall"
)

// hangup is the signal that asks for the policy file to be read again.
var hangup os.Signal = syscall.SIGHUP
