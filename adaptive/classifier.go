package adaptive

import (
	"cmp"
	"slices"
	"time"
)

const debug = false

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
	ring [512]verdict
	n    int
}

type verdict struct {
	sent     time.Time
	end      time.Time
	seq      uint64
	inFlight int
	refused  bool
}

// Add adds an operation that was accepted or refused.
func (c *Classifier) Add(o Observation, refused bool) {
	c.ring[c.n%len(c.ring)] = verdict{sent: o.Sent, end: o.Sent.Add(o.Latency), seq: o.Seq, inFlight: o.InFlight, refused: refused}
	c.n++
}

// since returns what was sent at or after a time, fewest in flight first.
func (c *Classifier) since(from time.Time) []verdict {
	var out []verdict
	for _, v := range c.ring[:min(c.n, len(c.ring))] {
		if !v.sent.Before(from) {
			v.inFlight += c.around(v)
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b verdict) int { return cmp.Compare(a.inFlight, b.inFlight) })
	return out
}

// around returns by how much the number in flight when v was sent has to be put
// right: less those that were then refused, which took no room at the server; and
// with those accepted of the same moment, which may have overtaken it.
func (c *Classifier) around(v verdict) int {
	n := 0
	for _, w := range c.ring[:min(c.n, len(c.ring))] {
		switch {
		case w.refused && w.seq < v.seq && w.end.After(v.sent):
			n--
		case !w.refused && w.seq > v.seq && w.sent.Sub(v.sent) <= moment:
			n++
		}
	}
	return n
}

// moment is how far apart two are sent that may overtake each other.
const moment = 100 * time.Microsecond

// leastAUC is how well the two must be told apart by what was in flight.
const leastAUC = 0.9

// Verdict says what is limited, by the operations sent at or after a time, which
// is best a round trip or two before the first refusal; and if it is Concurrency,
// to how many.
func (c *Classifier) Verdict(from time.Time) (Kind, int) {
	sends := c.since(from)
	auc, ok := separation(sends)
	if debug {
		for _, v := range sends {
			print(v.seq, ":", v.inFlight, map[bool]string{true: "R", false: ""}[v.refused], " ")
		}
		println("\nAUC", int(auc*1000))
	}
	switch {
	case !ok:
		return Unknown, 0
	case auc < leastAUC:
		return Rate, 0
	}
	return Concurrency, threshold(sends)
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

// threshold returns the number in flight up to which most are accepted and above
// which most are refused. sends is sorted.
func threshold(sends []verdict) int {
	wrong, at := 0, 0
	least := 0
	for _, v := range sends {
		if v.refused {
			wrong++
		} else {
			wrong--
		}
		if wrong <= least {
			least, at = wrong, v.inFlight
		}
	}
	return max(1, at)
}

// AcceptedRate returns how many a second of the last n accepted were sent, or 0
// where it cannot be told.
func (c *Classifier) AcceptedRate(n int) float64 {
	var sent []time.Time
	for i := c.n - 1; i >= max(0, c.n-len(c.ring)); i-- {
		if v := c.ring[i%len(c.ring)]; !v.refused {
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
