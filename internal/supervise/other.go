//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package supervise

// IsGuard reports whether this process is a guard; on this system there are none.
func IsGuard() bool { return false }

// Guard is the life of a guard.
func Guard() {}
