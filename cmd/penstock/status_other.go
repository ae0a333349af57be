//go:build !unix

package main

import "os"

// askStatus is the signal that asks how the run stands, and goOn the one that
// comes after the shell had the terminal: there are none here.
var askStatus, goOn os.Signal
