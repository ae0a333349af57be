package adaptive

import (
	"math"
	"time"
)

// A meter sums up the operations that were sent while one limit was in force:
// how long they took, and how many were under way.
type meter struct {
	limit           int
	from            time.Time // what ended earlier does not count
	n               float64
	sum, sum2, busy float64
}

func (m *meter) add(o Observation) {
	s := o.Latency.Seconds()
	m.n++
	m.sum += s
	m.sum2 += s * s
	m.busy += float64(o.AtEnd)
}

// join adds what other has measured to m, as if with as much in flight as m.
func (m *meter) join(other *meter) {
	busy := other.inFlight()
	if m.n > 0 {
		busy = m.inFlight()
	}
	m.n += other.n
	m.sum += other.sum
	m.sum2 += other.sum2
	m.busy += other.n * busy
}

// forget leaves m the weight of n samples, if it has more.
func (m *meter) forget(n float64) {
	if m.n <= n {
		return
	}
	part := n / m.n
	m.n, m.sum, m.sum2, m.busy = n, m.sum*part, m.sum2*part, m.busy*part
}

// latency returns the mean latency in seconds.
func (m *meter) latency() float64 { return m.sum / m.n }

// inFlight returns how many were under way, on average.
func (m *meter) inFlight() float64 { return m.busy / m.n }

// throughput is Little's law: operations a second. Counting completions would
// say the same, but for the error of cutting a period out of them: where all
// take equally long, they end in bunches.
func (m *meter) throughput() float64 { return m.inFlight() / m.latency() }

// leastSpread is the least coefficient of variation that is believed: a few
// samples of one bunch say nothing of the noise between bunches.
const leastSpread = 0.03

// spread returns the coefficient of variation of the latency.
func (m *meter) spread() float64 {
	mean := m.latency()
	if m.n < 2 || mean <= 0 {
		return leastSpread
	}
	v := (m.sum2 - m.n*mean*mean) / (m.n - 1)
	return max(leastSpread, math.Sqrt(max(v, 0))/mean)
}

// used reports whether the limit was what kept more from being under way.
func (m *meter) used() bool { return m.inFlight() >= leastUse*float64(m.limit) }

// leastUse is the part of the limit that has to be in use for a measurement to
// say anything of the limit.
const leastUse = 0.85

// elasticity returns e = dlnX/dlnN between two meters, X being the throughput and
// N what is in flight: 1 where throughput grows as fast as N, 0 where only the
// latency does.
func elasticity(low, high *meter) float64 {
	return math.Log(high.throughput()/low.throughput()) / math.Log(high.inFlight()/low.inFlight())
}
