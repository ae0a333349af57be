//go:build !linux

package main

import "syscall"

// dieWithParent is of Linux alone.
func dieWithParent() *syscall.SysProcAttr { return nil }
