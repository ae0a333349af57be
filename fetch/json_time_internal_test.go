package fetch

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The moments of records are as the time package writes them.
func TestAppendTime(t *testing.T) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 0))
	zone := time.FixedZone("", 5*3600+1800)
	for range 10_000 {
		at := time.Unix(rng.Int64N(1<<38), rng.Int64N(1e9)) // to the year 10680
		if rng.IntN(2) == 0 {
			at = at.In(zone)
		}
		want := at.UTC().Format("2006-01-02T15:04:05.000000Z07:00")
		if got := string(appendTime(nil, at)); got != want {
			t.Fatalf("seed %d: %s, want %s", seed, got, want)
		}
	}
}
