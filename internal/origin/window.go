package origin

import "time"

// window keeps the most arrivals that any window of a given width has seen. A
// window is half open, (t-width, t]: two arrivals exactly width apart are never
// in the same one. Because the fullest window can be moved until its end meets
// an arrival, looking back from each arrival finds the true maximum over all
// positions, not only over fixed buckets.
type window struct {
	width time.Duration
	first uint64 // the oldest arrival inside, as a number in the log
	most  int
}

// arrivals is a log of the last second's arrivals and the windows over it. It
// keeps eight bytes for each arrival of the last second and no older one; a
// step costs amortised constant time. Times are offsets from any fixed instant
// and must not go back. It is not safe for concurrent use.
type arrivals struct {
	ring    []time.Duration // its length is a power of two
	next    uint64          // how many arrivals there were
	windows [2]window
	meter   meter
}

func newArrivals(rate float64) arrivals {
	return arrivals{
		ring:    make([]time.Duration, 64),
		windows: [2]window{{width: time.Second}, {width: 100 * time.Millisecond}},
		meter:   meter{rate: rate},
	}
}

func (a *arrivals) add(now time.Duration) {
	mask := uint64(len(a.ring) - 1)
	a.ring[a.next&mask] = now
	a.next++
	for i := range a.windows {
		w := &a.windows[i]
		for a.ring[w.first&mask] <= now-w.width {
			w.first++
		}
		w.most = max(w.most, int(a.next-w.first))
	}
	if a.next-a.windows[0].first == uint64(len(a.ring)) {
		a.grow()
	}
	a.meter.add(now)
}

// grow doubles the ring; an arrival keeps its number.
func (a *arrivals) grow() {
	old := a.ring
	a.ring = make([]time.Duration, 2*len(old))
	for n := a.windows[0].first; n < a.next; n++ {
		a.ring[n&uint64(len(a.ring)-1)] = old[n&uint64(len(old)-1)]
	}
}

// meter judges a rate over windows of every width at once. The promise "never
// more than burst + rate x t in any window t" holds exactly for bursts of at
// least most: the highest level of a bucket that leaks at rate and into which
// each arrival pours one (the leaky bucket as a meter, ITU-T I.371).
type meter struct {
	rate  float64 // a second; 0 switches the meter off
	level float64
	last  time.Duration
	most  float64
}

func (m *meter) add(now time.Duration) {
	if m.rate <= 0 {
		return
	}
	m.level = max(0, m.level-m.rate*(now-m.last).Seconds()) + 1
	m.last = now
	m.most = max(m.most, m.level)
}
