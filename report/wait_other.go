//go:build !linux

package report

import "time"

// cpuWait is how long this process has waited for a processor; 0 if unknown.
func cpuWait() time.Duration { return 0 }
