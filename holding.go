package penstock

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A holding is an acquire, from when it is made until all of it is released,
// for those who want to know who holds what. Where nobody does there is none.
type holding struct {
	older, newer *holding
	listed       bool
	n            int // still held
	since        time.Time
	goroutine    uint64
	stack        []uintptr
}

// newHolding returns a holding of n by the caller, who has yet to get it.
func newHolding(n int) *holding {
	var stack [32]uintptr
	depth := runtime.Callers(3, stack[:])
	return &holding{n: n, goroutine: goroutineID(), stack: append([]uintptr(nil), stack[:depth]...)}
}

// goroutineID returns the number of the goroutine that calls it. There is no
// better way to tell than to read it off the head of a stack trace; it takes a
// microsecond, and is only done while tracing.
func goroutineID() uint64 {
	var buf [64]byte
	s := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	id, _, _ := bytes.Cut(s, []byte(" "))
	n, _ := strconv.ParseUint(string(id), 10, 64)
	return n
}

// caller returns h for people to see.
func (h *holding) caller(since time.Time) SemaphoreCaller {
	c := SemaphoreCaller{N: h.n, Since: since}
	frames := runtime.CallersFrames(h.stack)
	for more := len(h.stack) > 0; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if strings.HasPrefix(f.Function, "runtime.") && c.File != "" {
			break // where a goroutine of this package begins
		}
		c.Function, c.File, c.Line = f.Function, f.File, f.Line
		if !strings.HasPrefix(f.Function, "github.com/penstock-go/penstock.") {
			break
		}
	}
	return c
}

// base returns the last element of a file's path.
func base(file string) string { return file[strings.LastIndexByte(file, '/')+1:] }

// caller returns the waiter for people to see.
func (w *waiter) caller() SemaphoreCaller {
	since := time.Now().Add(w.since - now())
	if by := w.by(); by != nil {
		return by.caller(since)
	}
	return SemaphoreCaller{N: w.n, Since: since}
}

// traced is how many cores remember who holds them.
var traced atomic.Int64

// anyCaller returns a holding for the caller if any core remembers them.
func anyCaller(n int) *holding {
	if traced.Load() == 0 {
		return nil
	}
	return newHolding(n)
}

// caller returns a holding for the caller if c remembers them.
func (c *core) caller(n int) *holding {
	if w := c.watch.Load(); w == nil || !w.traces() {
		return nil
	}
	return newHolding(n)
}

// taken returns a holding for one who is not the caller, for takenHere to fill
// in, if c remembers them.
func (c *core) taken(n int) *holding {
	if w := c.watch.Load(); w == nil || !w.traces() {
		return nil
	}
	return &holding{n: n}
}

// takenHere says that the caller is who has taken n. Of two that were taken for
// others at the same time one may get the other's name; they are released each
// by its own permit all the same.
func (c *core) takenHere(n int) {
	by := c.caller(n)
	if by == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for h := c.held.newest; h != nil; h = h.older {
		if h.stack == nil && h.n == n {
			h.stack, h.goroutine = by.stack, by.goroutine
			return
		}
	}
}

// releaser returns the number of the goroutine that releases what is not known
// to be by's, if c remembers who holds what.
func (c *core) releaser(by *holding) uint64 {
	if w := c.watch.Load(); by != nil || w == nil || !w.traces() {
		return 0
	}
	return goroutineID()
}

// holdings is what is held, in the order in which it was acquired.
type holdings struct {
	oldest, newest *holding
}

// add notes that h, if it is not nil, holds from now on.
func (l *holdings) add(h *holding) {
	if h == nil {
		return
	}
	h.since, h.listed = time.Now(), true
	h.older = l.newest
	if l.newest == nil {
		l.oldest = h
	} else {
		l.newest.newer = h
	}
	l.newest = h
}

// remove notes that h, if it is not nil, holds no more.
func (l *holdings) remove(h *holding) {
	if h == nil || !h.listed {
		return
	}
	if h.older == nil {
		l.oldest = h.newer
	} else {
		h.older.newer = h.newer
	}
	if h.newer == nil {
		l.newest = h.older
	} else {
		h.newer.older = h.older
	}
	h.older, h.newer, h.listed = nil, nil, false
}

// release notes that n are given back: by the holding by, or if that is nil by
// somebody in the goroutine here. Release(n) does not say which acquire it
// undoes, so that is taken to be the goroutine's own latest; where it has none,
// and one goroutine releases what another has acquired, the oldest.
func (l *holdings) release(n int, by *holding, here uint64) {
	if by != nil {
		l.remove(by)
		return
	}
	for h := l.newest; h != nil && n > 0; {
		older := h.older
		if h.goroutine == here {
			n -= l.reduce(h, n)
		}
		h = older
	}
	for l.oldest != nil && n > 0 {
		n -= l.reduce(l.oldest, n)
	}
}

// reduce takes up to n from h, and returns how many.
func (l *holdings) reduce(h *holding, n int) int {
	n = min(n, h.n)
	h.n -= n
	if h.n == 0 {
		l.remove(h)
	}
	return n
}
