//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package supervise

import (
	"os"

	"golang.org/x/sys/unix"
)

// closeOnExec keeps a file from the command. It fails for one that is not open.
func closeOnExec(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
	return err
}

// A terminal is the controlling terminal, which the command gets when it asks
// for it, as a shell would give it: one that never asks leaves it to the rest of
// its pipeline.
type terminal struct {
	file *os.File // nil if there is none
	lent bool
}

func openTerminal() *terminal {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return &terminal{}
	}
	return &terminal{file: f}
}

// ours reports whether this process's group has it.
func (t *terminal) ours() bool {
	if t.file == nil {
		return false
	}
	group, err := unix.IoctlGetInt(int(t.file.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// lend gives it to a group, if it is ours. SIGTTOU has to be ignored.
func (t *terminal) lend(group int) bool {
	if !t.ours() {
		return false
	}
	t.lent = unix.IoctlSetPointerInt(int(t.file.Fd()), unix.TIOCSPGRP, group) == nil
	return t.lent
}

// takeBack takes it back from whom it was lent to.
func (t *terminal) takeBack() {
	if t.lent {
		t.lent = false
		_ = unix.IoctlSetPointerInt(int(t.file.Fd()), unix.TIOCSPGRP, unix.Getpgrp()) // it may be gone
	}
}

func (t *terminal) close() {
	t.takeBack()
	if t.file != nil {
		t.file.Close()
	}
}
