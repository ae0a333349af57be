// Package machine knows what this machine has to give: file descriptors,
// ephemeral ports and memory.
package machine

import "fmt"

// Room is what a process may use. A figure that is not known is 0.
type Room struct {
	// Files is how many file descriptors it may have open.
	Files int
	// Ports is how many connections it may have to one address and port.
	Ports int
	// Memory is how many bytes of memory are free for it.
	Memory int64
	// FilesEach is how many descriptors one request may take; 0 means 1.
	FilesEach int
}

const (
	// reserve is for everything that is no connection: input, output, journal,
	// lookups, the poller.
	reserve = 24
	// perConn is what a connection with its buffers and goroutines takes at
	// the least, in bytes.
	perConn = 100 << 10
)

// Fit returns how many requests may be in flight, limit at the most, and why
// it is less, in words for the user; "" if it is not.
func (r Room) Fit(limit int) (fits int, why string) {
	fits = limit
	if files := (r.Files - reserve) / max(1, r.FilesEach); r.Files > 0 && files < fits {
		fits = max(1, files)
		why = fmt.Sprintf("the limit of open files is %d (ulimit -n)", r.Files)
	}
	if ports := r.Ports * 9 / 10; r.Ports > 0 && ports < fits {
		fits = max(1, ports)
		why = fmt.Sprintf("there are %d ephemeral ports (net.ipv4.ip_local_port_range)", r.Ports)
	}
	if conns := r.Memory / 2 / perConn; r.Memory > 0 && conns < int64(fits) {
		fits = int(max(1, conns))
		why = fmt.Sprintf("%d MB of memory are free", r.Memory>>20)
	}
	return fits, why
}
