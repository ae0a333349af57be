//go:build !unix && !windows

package report

import "time"

// cpuTime is how much processor time this process has used; 0 if unknown.
func cpuTime() time.Duration { return 0 }
