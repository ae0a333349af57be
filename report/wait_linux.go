package report

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// cpuWait is how long the threads of this process that could run have waited for
// a processor, which others had; 0 if unknown. It counts threads that are
// there: Go's stay.
func cpuWait() (wait time.Duration) {
	names, _ := filepath.Glob("/proc/self/task/*/schedstat")
	for _, name := range names {
		text, err := os.ReadFile(name)
		var ran, waited int64
		if err != nil {
			continue // the thread has gone
		}
		if _, err := fmt.Sscan(string(text), &ran, &waited); err == nil {
			wait += time.Duration(waited)
		}
	}
	return wait
}
