//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package supervise

import "syscall"

// ofCommand is what is special about the command's process.
func ofCommand() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
