package fetch

import (
	"math/rand/v2"
	"testing"
)

// The table is a map with a bound on its memory.
func TestRequestTable(t *testing.T) {
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 0))
		table := requestTable{most: []int64{0, 500, 100_000, 1 << 30}[r.IntN(4)]}
		want := map[requestKey]firstItem{}
		refused := 0
		for i := range int64(20_000) {
			key := requestKey{r.Uint64(), r.Uint64()}
			if r.IntN(3) == 0 { // many in few places
				key.a >>= 40
			}
			f := firstItem{index: i * 1_000_003, done: r.IntN(2) == 0}
			if f.done {
				f.outcome = Outcome{OK: r.IntN(2) == 0, Status: r.IntN(1000), Class: classes[r.IntN(len(classes))]}
			}
			if !table.put(key, f) {
				refused++
				continue
			}
			want[key] = f
			if table.size > table.most {
				t.Fatalf("seed %d: %d bytes of %d", seed, table.size, table.most)
			}
		}
		for key, f := range want {
			if got, ok := table.get(key); !ok || got != f {
				t.Fatalf("seed %d: %+v, %v; want %+v", seed, got, ok, f)
			}
			if f.done = true; !table.put(key, f) {
				t.Fatalf("seed %d: a known key was refused", seed)
			}
			if got, _ := table.get(key); got != f {
				t.Fatalf("seed %d: %+v after a change, want %+v", seed, got, f)
			}
		}
		for range 1000 {
			if f, ok := table.get(requestKey{r.Uint64(), r.Uint64()}); ok {
				t.Fatalf("seed %d: %+v for a key that was never put", seed, f)
			}
		}
		if table.most == 1<<30 && refused > 0 || table.most < 500 && len(want) > 0 {
			t.Errorf("seed %d: %d known, %d refused with %d bytes", seed, len(want), refused, table.most)
		}
		if perKey := table.size / int64(max(1, len(want))); len(want) > 1000 && (perKey < 24 || perKey > 50) {
			t.Errorf("seed %d: %d bytes a key", seed, perKey)
		}
	}
}
