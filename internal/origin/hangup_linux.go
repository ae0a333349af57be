package origin

import (
	"fmt"
	"sync"
	"syscall"
)

// hangups asks the kernel, at the moment it matters, which clients have closed
// their connections, without waiting for a goroutine to read the end of file.
// A close that a client made before it sent another request is known to the
// kernel before that request is. One epoll instance holds all connections,
// edge-triggered and only for hang-ups, so that asking costs one system call
// and reports each once.
type hangups struct {
	fd    int
	mu    sync.Mutex // held while gauges change, never across a wait
	conns map[uint64]*conn
}

func newHangups() (*hangups, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	return &hangups{fd: fd, conns: make(map[uint64]*conn)}, nil
}

// watch begins to watch c. A connection that has no file descriptor (an
// in-memory network) is not watched.
func (h *hangups) watch(c *conn) error {
	sc, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns[c.id] = c
	var ctlErr error
	err = raw.Control(func(fd uintptr) {
		const edge = 1 << 31 // EPOLLET, which package syscall has as a negative number
		ctlErr = syscall.EpollCtl(h.fd, syscall.EPOLL_CTL_ADD, int(fd), &syscall.EpollEvent{
			Events: syscall.EPOLLRDHUP | edge, Fd: int32(uint32(c.id)), Pad: int32(c.id >> 32),
		})
	})
	if err == nil && ctlErr != nil {
		err = fmt.Errorf("epoll_ctl: %w", ctlErr)
	}
	return err
}

// forget drops c, whose descriptor leaves the epoll set by being closed.
func (h *hangups) forget(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c.id)
}

// settle marks every connection that its client has closed, and what is at work
// on it, as abandoned.
func (h *hangups) settle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	var events [64]syscall.EpollEvent
	for {
		n, err := syscall.EpollWait(h.fd, events[:], 0)
		if err == syscall.EINTR {
			continue
		}
		for _, e := range events[:max(n, 0)] {
			if c := h.conns[uint64(uint32(e.Fd))|uint64(uint32(e.Pad))<<32]; c != nil {
				c.abandon()
			}
		}
		if n < len(events) {
			return
		}
	}
}

func (h *hangups) close() error { return syscall.Close(h.fd) }
