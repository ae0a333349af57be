package adaptive

import (
	"cmp"
	"slices"
	"time"
)

// A Kind is what a server that refuses limits.
type Kind uint8

const (
	// Unknown is said where there is too little to go by.
	Unknown Kind = iota
	// Concurrency is a limit of what is under way at a time.
	Concurrency
	// Rate is a limit of how often operations come.
	Rate
)

// String returns the kind's name in lower case.
func (k Kind) String() string {
	switch k {
	case Concurrency:
		return "concurrency"
	case Rate:
		return "rate"
	case Unknown:
	}
	return "unknown"
}

// A Classifier tells what a server that refuses limits: concurrency, where those
// refused were sent with more in flight than those accepted; else the rate. The
// zero Classifier is ready for use. It remembers the latest 512 operations.
type Classifier struct {
	ring []verdict // the latest; it grows up to classified
	n    int
}

const classified = 512

type verdict struct {
	sent     time.Time
	end      time.Time
	seq      uint64
	inFlight int
	beside   int
	refused  bool
}

// Add adds an operation that was accepted or refused.
func (c *Classifier) Add(o Observation, refused bool) {
	v := verdict{sent: o.Sent, end: o.Sent.Add(o.Latency), seq: o.Seq, inFlight: o.InFlight, beside: o.Beside, refused: refused}
	if len(c.ring) < classified {
		c.ring = append(c.ring, v)
	} else {
		c.ring[c.n%classified] = v
	}
	c.n++
}

// since returns what was sent at or after a time, fewest in flight first, and the
// most of those accepted that were in flight together.
//
// The number in flight is put right: less those that were then refused, which took
// no room at the server, and with those that were sent right after it.
func (c *Classifier) since(from time.Time) (sends []verdict, most int) {
	for _, v := range c.ring {
		if v.sent.Before(from) {
			continue
		}
		before, after, ending := 0, 0, 0
		arrived := v.sent.Add(v.end.Sub(v.sent) / onTheWay)
		for _, w := range c.ring {
			switch {
			case w.seq == v.seq || !w.end.After(v.sent):
			case !w.refused:
				if w.seq < v.seq && w.end.Before(arrived) {
					ending++
				}
			case w.seq < v.seq:
				before++
			case w.sent.Sub(v.sent) <= moment:
				after++
			}
		}
		v.inFlight -= before
		if !v.refused {
			most = max(most, v.inFlight-ending)
		}
		v.inFlight += max(0, v.beside-after)
		sends = append(sends, v)
	}
	slices.SortFunc(sends, func(a, b verdict) int { return cmp.Compare(a.inFlight, b.inFlight) })
	return sends, max(1, most)
}

// onTheWay is the part of its time that an operation may take to arrive: what has ended
// by then was not together with it.
const onTheWay = 100

// leastAUC is how well the two must be told apart by what was in flight.
const leastAUC = 0.9

// Verdict says what is limited, by the operations sent at or after a time, which
// is best a round trip or two before the first refusal; and if it is Concurrency,
// to how many.
func (c *Classifier) Verdict(from time.Time) (Kind, int) {
	sends, most := c.since(from)
	auc, ok := separation(sends)
	switch {
	case !ok:
		return Unknown, 0
	case auc < leastAUC:
		return Rate, 0
	}
	return Concurrency, most
}

// Together returns the most that were in flight together and accepted, of those sent
// at or after a time; at least 1. Where something was refused meanwhile that is what
// a server that limits concurrency has room for: no more, since it has never had
// more, and no less, since it was full.
func (c *Classifier) Together(from time.Time) int {
	_, most := c.since(from)
	return most
}

// separation returns the probability that one refused had more in flight than one
// accepted, ties counting half: the area under the ROC curve (Mann and Whitney,
// 1947). sends is sorted.
func separation(sends []verdict) (auc float64, ok bool) {
	var refused, accepted, above float64
	for i := 0; i < len(sends); {
		var r, a float64
		j := i
		for ; j < len(sends) && sends[j].inFlight == sends[i].inFlight; j++ {
			if sends[j].refused {
				r++
			} else {
				a++
			}
		}
		above += r * (accepted + a/2)
		refused += r
		accepted += a
		i = j
	}
	if refused == 0 || accepted == 0 {
		return 0, false
	}
	return above / (refused * accepted), true
}

// AcceptedRate returns how many a second of the last n accepted were sent, or 0
// where it cannot be told.
func (c *Classifier) AcceptedRate(n int) float64 {
	var sent []time.Time
	for i := c.n - 1; i >= max(0, c.n-classified); i-- {
		if v := c.ring[i%classified]; !v.refused {
			sent = append(sent, v.sent)
		}
	}
	slices.SortFunc(sent, time.Time.Compare)
	if len(sent) > n {
		sent = sent[len(sent)-n:]
	}
	if len(sent) < 2 {
		return 0
	}
	span := sent[len(sent)-1].Sub(sent[0]).Seconds()
	if span <= 0 {
		return 0
	}
	return float64(len(sent)-1) / span
}
