package httplimit

import (
	"container/heap"
	"time"
)

// schedule has h looked at again at a time.
func (l *limits) schedule(h *host, at time.Time) {
	switch {
	case h.index < 0:
		h.due = at
		heap.Push(&l.timed, h)
	case at.Before(h.due):
		h.due = at
		heap.Fix(&l.timed, h.index)
	}
	l.wakeAt(l.timed[0].due)
}

// wakeAt sets the timer, if it is not set for an earlier time.
func (l *limits) wakeAt(at time.Time) {
	if !l.timerAt.IsZero() && !at.Before(l.timerAt) {
		return
	}
	l.timerAt = at
	if l.timer == nil {
		l.timer = time.AfterFunc(time.Until(at), l.tick)
		return
	}
	l.timer.Reset(time.Until(at))
}

func (l *limits) tick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timerAt = time.Time{}
	now := time.Now()
	for len(l.timed) > 0 && !l.timed[0].due.After(now) {
		h := heap.Pop(&l.timed).(*host)
		l.offer(h)
		l.drop(h, now)
	}
	l.serve()
	if len(l.timed) > 0 {
		l.wakeAt(l.timed[0].due)
	}
}

// retire has a host that is without requests looked at in a while, to drop it.
func (l *limits) retire(h *host) {
	if h.index < 0 && !h.busy() && !l.closed {
		h.used = false
		l.schedule(h, time.Now().Add(idleTime))
	}
}

// drop forgets a host that has had no requests since it was last looked at and
// that remembers nothing.
func (l *limits) drop(h *host, now time.Time) {
	if h.busy() {
		return // retire will see to it
	}
	at := h.expires(now)
	if h.used {
		h.used = false
		at = later(at, now.Add(idleTime))
	}
	if at.After(now) {
		l.schedule(h, at)
		return
	}
	if l.hosts[h.key] == h {
		delete(l.hosts, h.key)
	}
}

// timedHosts is a heap of hosts by the time at which something happens.
type timedHosts []*host

func (t timedHosts) Len() int           { return len(t) }
func (t timedHosts) Less(i, j int) bool { return t[i].due.Before(t[j].due) }
func (t timedHosts) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

func (t *timedHosts) Push(x any) {
	h := x.(*host)
	h.index = len(*t)
	*t = append(*t, h)
}

func (t *timedHosts) Pop() any {
	old := *t
	h := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	h.index = -1
	return h
}
