package report

import (
	"math"
	"math/bits"
	"time"
)

// A sketch is a small histogram of durations: 8 buckets to a doubling, from
// 8 µs to over an hour, so that a percentile is within 5 %. It takes the place
// of an HdrHistogram where there are hundreds of them.
type sketch struct {
	n      int64
	lo, hi uint8 // what is used: [lo, hi)
	counts [sketchSize]uint32
}

const sketchSize = 8 * 30

// bucket is exact to an eighth of a power of two.
func bucket(d time.Duration) uint8 {
	us := uint64(max(8, d.Microseconds()))
	e := bits.Len64(us) - 4 // us>>e is 8 to 15
	return uint8(min(8*e+int(us>>e)-8, sketchSize-1))
}

// floor is the least duration of bucket b.
func floor(b int) time.Duration {
	return time.Duration(8+b%8) << (b / 8) * time.Microsecond
}

func (s *sketch) add(d time.Duration) {
	b := bucket(d)
	if s.n == 0 {
		s.lo, s.hi = b, b+1
	}
	s.n++
	s.lo, s.hi = min(s.lo, b), max(s.hi, b+1)
	s.counts[b]++
}

func (s *sketch) merge(t *sketch) {
	if t.n == 0 {
		return
	}
	if s.n == 0 {
		s.lo, s.hi = t.lo, t.hi
	}
	s.n += t.n
	s.lo, s.hi = min(s.lo, t.lo), max(s.hi, t.hi)
	for b := t.lo; b < t.hi; b++ {
		s.counts[b] += t.counts[b]
	}
}

// clear empties s; it costs what s holds.
func (s *sketch) clear() {
	clear(s.counts[s.lo:s.hi])
	s.n, s.lo, s.hi = 0, 0, 0
}

// quantile is the duration below which a part q of all are, in milliseconds;
// 0 if there are none.
func (s *sketch) quantile(q float64) float64 {
	if s.n == 0 {
		return 0
	}
	rank := max(1, int64(math.Ceil(q*float64(s.n))))
	for b := int(s.lo); b < int(s.hi); b++ {
		n := int64(s.counts[b])
		if rank <= n {
			from, to := floor(b), floor(b+1)
			if b == 0 {
				from = 0
			}
			within := (float64(rank) - 0.5) / float64(n)
			return millis(from) + within*millis(to-from)
		}
		rank -= n
	}
	return millis(floor(int(s.hi)))
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
