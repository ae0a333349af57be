package h1

import (
	"syscall"
	"unsafe"
)

// What never waits need not be told to Go's scheduler: syscall.Read and Write tell it, so
// that it may go on without this thread, and where the system is slow it does, and wakes
// another one for it. That was an eighth of all that a request costs (docs/decisions/0005).

// readFD reads from fd, which does not block.
func readFD(fd uintptr, b []byte) (int, error) { return rawCall(syscall.SYS_READ, fd, b) }

// writeFD writes to fd, which does not block.
func writeFD(fd uintptr, b []byte) (int, error) { return rawCall(syscall.SYS_WRITE, fd, b) }

func rawCall(number, fd uintptr, b []byte) (int, error) {
	n, _, err := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if err != 0 {
		return -1, err
	}
	return int(n), nil
}
