//go:build unix

package fetch

import (
	"errors"
	"syscall"
)

// patience is how often an item stands back for want of what err says this
// machine has run out of; 0 where err says no such thing. There has to be an
// end: an address that cannot be reached from here at all (IPv6 where there is
// none) fails with the same EADDRNOTAVAIL as one too many connections.
func patience(err error) int {
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return 30
	}
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return 1000
		}
	}
	return 0
}
