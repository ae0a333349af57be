package fetch

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// No options make the backoff overflow: it panics where it draws from less
// than nothing.
func TestBackoffStaysInBounds(t *testing.T) {
	for _, r := range []Retry{
		{Base: 500 * time.Millisecond, Cap: 30 * time.Second},
		{Base: time.Minute, Cap: time.Hour},
		{Base: time.Hour, Cap: time.Minute},
		{Base: 1, Cap: math.MaxInt64},
		{Base: math.MaxInt64, Cap: math.MaxInt64},
		{Base: math.MaxInt64 / 3, Cap: time.Second},
	} {
		t.Run(fmt.Sprint(r.Base, " ", r.Cap), func(t *testing.T) {
			k := 0
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("retry %d: panic: %v", k, p)
				}
			}()
			for ; k < 200; k++ {
				if wait := r.backoff(k); wait < 0 || wait > r.Cap {
					t.Errorf("retry %d waits %v", k, wait)
				}
			}
		})
	}
}

// The wait doubles with each retry until it reaches its cap and stays there.
func TestBackoffReachesItsCap(t *testing.T) {
	r := Retry{Base: time.Minute, Cap: 24 * time.Hour}
	k := 0
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("retry %d: panic: %v", k, p)
		}
	}()
	for _, k = range []int{11, 25, 28, 29, 30, 31, 62, 63, 64, 65, 1000} {
		most := time.Duration(0)
		for range 200 {
			most = max(most, r.backoff(k))
		}
		if most < 12*time.Hour { // one in 2^200
			t.Errorf("retry %d: at most %v in 200 draws up to %v", k, most, r.Cap)
		}
	}
}
