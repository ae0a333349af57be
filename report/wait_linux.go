package report

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// cpuWait is how long the threads of this process that could run have waited for
// a processor, which others had; 0 if unknown. It counts threads that are
// there: Go's stay.
func cpuWait() (wait time.Duration) {
	const tasks = "/proc/self/task"
	threads, _ := os.ReadDir(tasks)
	for _, t := range threads {
		text, err := os.ReadFile(tasks + "/" + t.Name() + "/schedstat")
		if err != nil {
			continue // the thread has gone
		}
		if fields := bytes.Fields(text); len(fields) > 1 { // ran, waited, times
			waited, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			wait += time.Duration(waited)
		}
	}
	return wait
}
