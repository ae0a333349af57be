package display

import (
	"time"

	"github.com/penstock-go/penstock/fetch"
)

const (
	rateOver  = 3 * time.Second  // the rate now
	leftOver  = 30 * time.Second // what is left is told from
	hostEvery = time.Second
	hostsMost = 64
	lagging   = 1.25 // times what the run would take without it: a host that is named
)

// A Meter makes States of what an engine says of itself, over a rolling window.
// The zero value is ready. It is not safe for concurrent use.
type Meter struct {
	Limits Limits
	// Total is how many items there are if that is known beforehand; else it is
	// known when all of the input is read.
	Total int64

	samples []sample
	hosts   []hostSample
	last    []fetch.BucketStats
}

type sample struct {
	at      time.Time
	records int64
	bytes   int64
	elapsed time.Duration
	wait    fetch.Wait
}

type hostSample struct {
	at   time.Time
	sent map[string]int64
}

// Add takes what was so at now and returns what is to be shown. It asks for
// buckets, which may be nil, once a second.
func (m *Meter) Add(now time.Time, st fetch.Stats, buckets func(n int) []fetch.BucketStats) State {
	m.samples = append(m.samples, sample{now, st.Records, st.Bytes, st.Elapsed, st.Wait})
	for len(m.samples) > 2 && now.Sub(m.samples[1].at) >= leftOver {
		m.samples = m.samples[1:]
	}
	if n := len(m.hosts); buckets != nil && (n == 0 || now.Sub(m.hosts[n-1].at) >= hostEvery) {
		m.addHosts(now, buckets(hostsMost))
	}
	s := State{Now: now, Stats: st, Hosts: m.last, Limits: m.Limits, Total: m.Total, Wait: m.wait(now, st.Wait)}
	if st.ReadAll || s.Total > 0 && st.Items > s.Total { // what was counted before may have grown
		s.Total = st.Items
	}
	s.Rate, s.Bandwidth = m.rates(now, rateOver)
	s.Average = perSecond(st.Records, st.Elapsed)
	m.foresee(&s)
	return s
}

func (m *Meter) addHosts(now time.Time, list []fetch.BucketStats) {
	h := hostSample{at: now, sent: make(map[string]int64, len(list))}
	for _, b := range list {
		h.sent[b.Key] = b.Sent
	}
	m.last, m.hosts = list, append(m.hosts, h)
	for len(m.hosts) > 2 && now.Sub(m.hosts[1].at) >= leftOver {
		m.hosts = m.hosts[1:]
	}
}

// rates are those of the time since over ago, or since the run began.
func (m *Meter) rates(now time.Time, over time.Duration) (records, bytes float64) {
	last := m.samples[len(m.samples)-1]
	first := m.samples[0]
	if len(m.samples) == 1 {
		return perSecond(last.records, last.elapsed), perSecond(last.bytes, last.elapsed)
	}
	for _, s := range m.samples[:len(m.samples)-1] {
		if now.Sub(s.at) < over {
			break
		}
		first = s
	}
	took := last.at.Sub(first.at)
	return perSecond(last.records-first.records, took), perSecond(last.bytes-first.bytes, took)
}

func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 || n <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// wait is the most frequent reason of the last seconds, as it was last: what
// holds for an instant would only flicker.
func (m *Meter) wait(now time.Time, w fetch.Wait) fetch.Wait {
	count := map[fetch.Reason]int{}
	latest := map[fetch.Reason]fetch.Wait{}
	best := w.Reason
	for _, s := range m.samples {
		if now.Sub(s.at) <= rateOver {
			count[s.wait.Reason]++
			latest[s.wait.Reason] = s.wait
		}
	}
	for reason, n := range count {
		if n > count[best] || n == count[best] && best != w.Reason && reason < best {
			best = reason
		}
	}
	if w = latest[best]; !w.Until.IsZero() && w.Until.Before(now) {
		w.Until = time.Time{}
	}
	return w
}

// foresee says how long it will take: as long as all at the pace of late, or as
// the slowest host at its own.
func (m *Meter) foresee(s *State) {
	if s.Total == 0 || s.Stats.Records >= s.Total {
		return
	}
	if rate, _ := m.rates(s.Now, leftOver); rate > 0 {
		s.Left = after(float64(s.Total-s.Stats.Records) / rate)
	}
	var slow Slowest
	for _, b := range s.Hosts {
		if left := m.hostLeft(s, b); left > slow.Left {
			slow = Slowest{Name: b.Key, Queue: b.Queued + b.InFlight, Left: left}
		}
	}
	if s.Stats.Hosts > 1 && slow.Left > time.Duration(lagging*float64(s.Left)) {
		s.Slowest = slow
	}
	s.Left = max(s.Left, slow.Left)
}

// hostLeft is how long b will take, 0 if there is no telling.
func (m *Meter) hostLeft(s *State, b fetch.BucketStats) time.Duration {
	if b.Queued == 0 {
		return 0 // the answers on their way are the run's pace to tell
	}
	var held time.Duration
	if b.HeldUntil.After(s.Now) {
		held = b.HeldUntil.Sub(s.Now)
	}
	rate := perSecond(b.Sent, s.Stats.Elapsed-b.Held)
	for _, h := range m.hosts[:len(m.hosts)-1] {
		if sent, ok := h.sent[b.Key]; ok {
			if sent < b.Sent && held == 0 {
				rate = perSecond(b.Sent-sent, m.hosts[len(m.hosts)-1].at.Sub(h.at))
			}
			break
		}
	}
	if rate == 0 {
		return held
	}
	return held + after(float64(b.Queued+b.InFlight)/rate)
}

// after is that many seconds, at most what a Duration can hold.
func after(seconds float64) time.Duration {
	return time.Duration(min(seconds, 100*365*24*3600) * 1e9)
}
