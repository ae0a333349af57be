//go:build unix && (!linux || 386 || s390x || race || msan || asan)

package h1

import "syscall"

// readNoWait reads from fd, which does not block.
func readNoWait(fd int, b []byte) (int, error) { return syscall.Read(fd, b) }

// writeNoWait writes to fd, which does not block.
func writeNoWait(fd int, b []byte) (int, error) { return syscall.Write(fd, b) }
