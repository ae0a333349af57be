package origin_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
)

const ms = time.Millisecond

// every returns n times, one each step, from start.
func every(start, step time.Duration, n int) []time.Duration {
	at := make([]time.Duration, n)
	for i := range at {
		at[i] = start + time.Duration(i)*step
	}
	return at
}

func TestWindows(t *testing.T) {
	tests := []struct {
		name   string
		at     []time.Duration
		second int
		tenth  int
		burst  float64 // for 10 a second
	}{
		{"none came", nil, 0, 0, 0},
		{"one came", every(0, 0, 1), 1, 1, 1},
		{"the two ends of a window are not in one window", []time.Duration{0, time.Second}, 1, 1, 1},
		{"a nanosecond less and they are", []time.Duration{0, time.Second - 1}, 2, 1, 1},
		{"the same for the short window", []time.Duration{0, 100 * ms, 199 * ms}, 3, 2, 1.01},
		{"a burst that two fixed seconds would share", every(900*ms, 20*ms, 10), 10, 5, 8.2},
		{"exactly the rate, for longer than the log remembers", every(0, 100*ms, 50), 10, 1, 1},
		{"twice the rate for a second", every(0, 50*ms, 20), 20, 2, 10.5},
		{"all at one instant, more than the first ring holds", every(5*time.Second, 0, 1000), 1000, 1000, 1000},
		{"two bursts far apart are not added", append(every(0, 0, 3), every(time.Hour, 0, 4)...), 4, 4, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			second, tenth, burst := origin.Windows(10, tt.at)
			if second != tt.second || tenth != tt.tenth || math.Abs(burst-tt.burst) > 1e-9 {
				t.Errorf("got %d in a second, %d in 100 ms, burst %v; want %d, %d, %v",
					second, tenth, burst, tt.second, tt.tenth, tt.burst)
			}
		})
	}
}

// TestWindowsAgainstAllPairs holds the counts of random arrivals against the
// definitions, taken literally.
func TestWindowsAgainstAllPairs(t *testing.T) {
	for range 50 {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		at := make([]time.Duration, r.IntN(400))
		for i := range at {
			at[i] = time.Duration(r.Int64N(int64(3*time.Second))) / 1000 * 1000
		}
		slices.Sort(at)
		rate := float64(r.IntN(300))
		second, tenth, burst := origin.Windows(rate, at)

		var wantSecond, wantTenth int
		var wantBurst float64
		for i := range at {
			for j := i; j < len(at); j++ {
				d, n := at[j]-at[i], j-i+1
				if d < time.Second {
					wantSecond = max(wantSecond, n)
				}
				if d < 100*ms {
					wantTenth = max(wantTenth, n)
				}
				if rate > 0 {
					wantBurst = max(wantBurst, float64(n)-rate*d.Seconds())
				}
			}
		}
		if second != wantSecond || tenth != wantTenth || math.Abs(burst-wantBurst) > 1e-6 {
			t.Fatalf("seed %d, rate %v, %d arrivals: got %d, %d, burst %v; want %d, %d, %v",
				seed, rate, len(at), second, tenth, burst, wantSecond, wantTenth, wantBurst)
		}
	}
}

func TestSeen(t *testing.T) {
	s := origin.NewSeen()
	want := func(distinct, repeats, untracked uint64) {
		t.Helper()
		if d, r, u := s.Counts(); d != distinct || r != repeats || u != untracked {
			t.Fatalf("got %d distinct, %d repeats, %d untracked; want %d, %d, %d", d, r, u, distinct, repeats, untracked)
		}
	}
	for _, n := range []uint64{0, 1, 63, 64, 32767, 32768, origin.MaxItemNumber - 1} {
		s.Item(n)
	}
	want(7, 0, 0)
	s.Item(64)
	s.Item(32768)
	want(7, 2, 0)

	for h := range uint64(origin.MaxOtherKeys) {
		s.Other(h)
	}
	want(7+origin.MaxOtherKeys, 2, 0)
	s.Other(0)
	want(7+origin.MaxOtherKeys, 3, 0)
	s.Other(origin.MaxOtherKeys)
	want(7+origin.MaxOtherKeys, 3, 1)
}

func TestIdentity(t *testing.T) {
	type request struct{ path, query string }
	tests := []struct {
		a, b request
		same bool
	}{
		{request{"/item/7", ""}, request{"/item/7", ""}, true},
		{request{"/item/7", ""}, request{"/item/8", ""}, false},
		{request{"/item/7", ""}, request{"/item/07", ""}, false},
		{request{"/item/7", ""}, request{"/item/7", "a=1"}, false},
		{request{"/item/134217728", ""}, request{"/item/134217728", ""}, true},
		{request{"/delay/5", ""}, request{"/delay/5", ""}, true},
		{request{"/delay/5", "a=1"}, request{"/delay/5", "a=2"}, false},
		{request{"/delay/5", "id=a"}, request{"/rate/9", "x=1&id=a"}, true},
		{request{"/delay/5", "id=a"}, request{"/delay/5", "id=b"}, false},
		{request{"/delay/5", "kid=a"}, request{"/delay/6", "kid=a"}, false},
	}
	for _, tt := range tests {
		if same := origin.Identity(tt.a.path, tt.a.query) == origin.Identity(tt.b.path, tt.b.query); same != tt.same {
			t.Errorf("%v and %v: same is %v, want %v", tt.a, tt.b, same, tt.same)
		}
	}
}
