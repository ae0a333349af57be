//go:build !386 && !s390x && !race && !msan && !asan

package h1

import (
	"syscall"
	"unsafe"
)

// What never waits need not be told to Go's scheduler: syscall.Read and Write tell it, so
// that it may go on without this thread, and where the system is slow it does, and wakes
// another one for it: an eighth of all that a request costs (docs/decisions/0005).
//
// That these do not wait is asked for in each call. A connection may be made to block by
// who dialed it, as os.File.Fd does; nothing would go on then, not even a collection.
//
// They are for processors whose Linux has these calls, and not for detectors of races and
// of wrong uses of memory, which see what goes through package syscall.

// readNoWait reads from a socket what is there, or else fails with EAGAIN.
func readNoWait(fd int, b []byte) (int, error) {
	return noWait(syscall.SYS_RECVFROM, fd, b, syscall.MSG_DONTWAIT, syscall.Read)
}

// writeNoWait writes to a socket what there is room for, or else fails with EAGAIN.
func writeNoWait(fd int, b []byte) (int, error) {
	return noWait(syscall.SYS_SENDTO, fd, b, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, syscall.Write)
}

// noWait goes by other where fd is no socket.
func noWait(number uintptr, fd int, b []byte, flags uintptr, other func(int, []byte) (int, error)) (int, error) {
	n, _, errno := syscall.RawSyscall6(number, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case syscall.ENOTSOCK:
		return other(fd, b)
	}
	return -1, errno
}
