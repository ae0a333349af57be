package fetch

// A window knows which of the items from low on are finished: a ring of bits
// as wide as the span between the oldest unfinished item and the newest.
type window struct {
	low  int64 // every item below is finished
	high int64 // every item from here on is not started
	bits []uint64
}

func newWindow(span int64) window {
	return window{bits: make([]uint64, (span+64)/64)}
}

func (w *window) at(i int64) (word *uint64, bit uint64) {
	i %= int64(len(w.bits)) * 64
	return &w.bits[i/64], 1 << (i % 64)
}

// start admits item i. Items that the source left out, because an earlier run
// had finished them, count as finished.
func (w *window) start(i int64) {
	if w.high < i && w.low == w.high {
		w.low, w.high = i, i
	}
	for w.high < i {
		w.finish(w.high)
		w.high++
	}
	w.high = max(w.high, i+1)
}

// finish marks item i and moves low as far as it goes.
func (w *window) finish(i int64) {
	word, bit := w.at(i)
	*word |= bit
	for {
		word, bit := w.at(w.low)
		if *word&bit == 0 {
			return
		}
		*word &^= bit
		w.low++
	}
}
