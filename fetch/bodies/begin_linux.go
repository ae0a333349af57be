//go:build linux && !arm

package bodies

import (
	"os"
	"syscall"
)

const syncFileRangeWrite = 2 // SYNC_FILE_RANGE_WRITE

// beginWriting asks the system to begin writing a part of f to the disk, and does not
// wait for it. It promises nothing, nor does it take an error from Sync: that is left
// to be found there.
func beginWriting(f *os.File, at, n int64) {
	if n > 0 { // 0 is to the end of the file, which there is none of
		_ = syscall.SyncFileRange(int(f.Fd()), at, n, syncFileRangeWrite)
	}
}
