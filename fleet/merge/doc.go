// Package merge makes one output of several: exactly one record an item, in the
// order of the input. It is how the outputs of a fleet's workers come together,
// where an item may have records in more than one of them, and each may be in
// any order.
//
// # Which record counts
//
// One that was accepted (ok) before one that was not; then the one whose last
// attempt began earlier; then the one that is less as text. So it is the same one
// whatever the order in which the outputs are named.
//
// # Memory
//
// A file whose records are in order is read as it is. Of others sorted runs are
// made in a temporary file, which takes as much room as those outputs take
// unpacked. Memory is [Options.Memory] and some 64 KiB for each of at most 128
// runs and files, however many records there are.
package merge
