package redislimit

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
)

// A seen is an operation as limit.lua writes it when its permit is freed. Times are
// by the clock of leases, in microseconds.
type seen struct {
	before string // the entry of the stream before the one that it was in

	counter                 uint64
	granted, freed, latency float64
	inFlight, beside, atEnd int
	how                     byte
}

// seenSize is the length of what limit.lua writes of one permit that was freed.
const seenSize = 7*8 + 1

// readSeen reads an entry of the stream.
func readSeen(entry, before string) []seen {
	var list []seen
	for ; len(entry) >= seenSize; entry = entry[seenSize:] {
		var x [7]float64
		for i := range x {
			x[i] = math.Float64frombits(binary.LittleEndian.Uint64([]byte(entry[i*8 : i*8+8])))
		}
		list = append(list, seen{
			before: before, counter: uint64(x[0]), granted: x[1], freed: x[2], latency: x[3],
			inFlight: int(x[4]), beside: int(x[5]), atEnd: int(x[6]), how: entry[seenSize-1],
		})
	}
	return list
}

// slack is for how long it was granted but not yet, or no longer, under way.
func (s seen) slack() float64 { return max(0, s.freed-s.granted-s.latency) }

// An account is of the operations that were freed of late. Redis counts each until
// it is told of its end; the other side has room for the next before that, so that
// more than it has room for seem to be under way. One that had ended, as far as can
// be told, before another began is not counted with that.
type account struct {
	ring [accounted]seen
	n    int
}

const accounted = 512

// observation returns s as the controller is to see it.
func (a *account) observation(s seen, at func(float64) time.Time) adaptive.Observation {
	o := adaptive.Observation{
		Seq: s.counter, Sent: at(s.granted), InFlight: s.inFlight, Beside: s.beside, AtEnd: s.atEnd,
		Latency: time.Duration(s.latency) * time.Microsecond,
	}
	// That many of those accepted were under way together is believed to the
	// letter; of those refused the most likely number will do.
	part := 1.0
	switch s.how {
	case 'o':
		// For how long it has been in use, as all others that were sent
		// meanwhile have been counted with it.
		o.Outcome, o.Latency = penstock.Overload, max(time.Duration(s.freed-s.granted)*time.Microsecond, 1)
		part = 0.5
	case 'f':
		o.Outcome = penstock.Failure
	}
	o.InFlight = max(1, o.InFlight-a.ended(s, part))
	if s.how != 'o' {
		a.ring[a.n%accounted] = s
		a.n++
	}
	return o
}

// ended returns how many of those counted with s had ended before it began, if they
// ended, and it began, by a part of their slack before they were freed and after it was
// granted.
func (a *account) ended(s seen, part float64) int {
	n := 0
	began := s.granted + part*s.slack()
	for i := a.n - 1; i >= max(0, a.n-accounted); i-- {
		w := &a.ring[i%accounted]
		if w.freed <= s.granted {
			break // and those before it were freed before
		}
		if w.granted < s.granted && w.freed-part*w.slack() <= began {
			n++
		}
	}
	return n
}
