package fetch

import (
	"math/rand/v2"
	"testing"
)

// No place is given twice, and what was given back is used again.
func TestStorage(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		var s storage
		owner := map[int64]int{} // by KiB
		var live []span
		var most, liveBytes int64
		for i := range 5000 {
			n := int64(r.IntN(100)+1) << 10
			at := s.take(n)
			for k := at; k < at+n; k += 1 << 10 {
				if owner[k>>10] != 0 {
					t.Fatalf("seed %d: place %d is that of %d still", seed, k, owner[k>>10])
				}
				owner[k>>10] = i + 1
			}
			live = append(live, span{at, at + n})
			liveBytes += n
			if at+n > s.end {
				t.Fatalf("seed %d: %d is behind the end %d", seed, at+n, s.end)
			}
			if len(live) == 200 {
				var freed []span
				for range 100 {
					k := r.IntN(min(len(live), 110)) // the older ones first
					freed = append(freed, live[k])
					liveBytes -= live[k].end - live[k].at
					for at := live[k].at; at < live[k].end; at += 1 << 10 {
						delete(owner, at>>10)
					}
					live = append(live[:k], live[k+1:]...)
				}
				if s.give(freed); r.IntN(10) == 0 {
					s.taken(append([]span(nil), live...)) // as after resuming
				}
			}
			most = max(most, s.end)
		}
		if most > 40<<20 { // 200 of 50 KiB are 10 MiB
			t.Errorf("seed %d: %d bytes", seed, most)
		}
		if s.give(live); s.end != 0 {
			t.Errorf("seed %d: %d bytes where nothing is wanted", seed, s.end)
		}
	}
}
