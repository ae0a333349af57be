//go:build !unix

package main

import "os"

// hangup is the signal that asks for the policy file to be read again: there is none
// here.
var hangup os.Signal
