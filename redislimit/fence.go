package redislimit

import (
	"cmp"
	"strconv"
)

// A Fence is the fencing token of a permit: of two permits of one name, the one
// that was granted later has the larger one, through restarts of Redis too. The
// zero Fence is that of a permit that Redis did not grant (see [Local]).
type Fence struct {
	// Epoch grows when Redis may have lost data; it is at least the time in
	// milliseconds at which it did.
	Epoch uint64 `json:"epoch"`
	// Counter grows with each permit of an epoch, from 1.
	Counter uint64 `json:"counter"`
}

// Compare returns -1 if f is older than g, 1 if it is newer, and 0 if they are
// the same.
func (f Fence) Compare(g Fence) int {
	return cmp.Or(cmp.Compare(f.Epoch, g.Epoch), cmp.Compare(f.Counter, g.Counter))
}

// String returns "EPOCH.COUNTER".
func (f Fence) String() string {
	return strconv.FormatUint(f.Epoch, 10) + "." + strconv.FormatUint(f.Counter, 10)
}
