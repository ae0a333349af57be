package origin

import (
	"hash/maphash"
	"strings"
)

// What a seen set may hold before it says that it no longer knows. The bitmap
// grows by pages of 4 KiB as numbers come; 1<<27 numbers fill 16 MiB a host.
const (
	maxItemNumber = 1 << 27
	maxOtherKeys  = 1 << 20
	itemsPerPage  = 1 << 15
)

var hashSeed = maphash.MakeSeed()

// seen knows which requests were made before: exactly, one bit each, for
// /item/N with N below 1<<27, and by a 64-bit hash for all others, of which it
// remembers the first 1<<20 (the chance that any two of them are confused is
// 3 in 100 million). What it cannot remember it counts as untracked: neither
// new nor a repeat. It is not safe for concurrent use.
type seen struct {
	pages     map[uint64]*[itemsPerPage / 64]uint64
	others    map[uint64]struct{}
	distinct  uint64
	repeats   uint64
	untracked uint64
}

func newSeen() seen {
	return seen{pages: make(map[uint64]*[itemsPerPage / 64]uint64), others: make(map[uint64]struct{})}
}

func (s *seen) item(n uint64) {
	page := s.pages[n/itemsPerPage]
	if page == nil {
		page = new([itemsPerPage / 64]uint64)
		s.pages[n/itemsPerPage] = page
	}
	word, bit := &page[n%itemsPerPage/64], uint64(1)<<(n%64)
	if *word&bit != 0 {
		s.repeats++
		return
	}
	*word |= bit
	s.distinct++
}

func (s *seen) other(hash uint64) {
	switch _, again := s.others[hash]; {
	case again:
		s.repeats++
	case len(s.others) >= maxOtherKeys:
		s.untracked++
	default:
		s.others[hash] = struct{}{}
		s.distinct++
	}
}

// identity is what makes two requests the same: the value of the query's id
// parameter where there is one, else the path with its query. Numbers of
// /item/N come back as such.
func identity(path, query string) (item uint64, isItem bool, hash uint64) {
	if query == "" {
		if n, ok := itemNumber(path); ok && n < maxItemNumber {
			return n, true, 0
		}
		return 0, false, maphash.String(hashSeed, path)
	}
	for pair := range strings.SplitSeq(query, "&") {
		if id, ok := strings.CutPrefix(pair, "id="); ok {
			return 0, false, maphash.String(hashSeed, pair[:3]+id)
		}
	}
	return 0, false, maphash.String(hashSeed, path+"?"+query)
}

// itemNumber reads N from /item/N: decimal digits, no sign, no leading zero
// (so that two paths never mean one number), at most 18 digits.
func itemNumber(path string) (uint64, bool) {
	digits, ok := strings.CutPrefix(path, "/item/")
	if !ok || digits == "" || len(digits) > 18 || (digits[0] == '0' && len(digits) > 1) {
		return 0, false
	}
	var n uint64
	for i := range len(digits) {
		d := digits[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	return n, true
}
