package adaptive_test

import (
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
)

// second feeds c a second of a hundred operations with that latency, as many in
// flight as c allows, and returns the limit.
func second(c adaptive.Control, now *time.Time, latency time.Duration, outcome penstock.Outcome) int {
	for range 100 {
		*now = now.Add(11 * time.Millisecond)
		c.Observe(*now, adaptive.Observation{
			Sent: now.Add(-latency), Latency: latency, InFlight: c.Limit(), AtEnd: c.Limit(), Outcome: outcome,
		})
	}
	return c.Limit()
}

const ms = time.Millisecond

// TestPublished takes each published algorithm through what it does by its source.
func TestPublished(t *testing.T) {
	now := time.Unix(0, 0)
	for _, c := range []struct {
		name                    string
		c                       adaptive.Control
		flat, queue, refuse     int // the limit after a second of each, from 20
		slow, refusals, ignored time.Duration
	}{
		// A hundred successes at 20 are five round trips, less as it grows.
		{"AIMD", adaptive.NewAIMD(1, 200, 20), 24, 28, 1, 500 * ms, ms, 0},
		// Six logarithms up; half of it queued: one down; refused: one more.
		{"Vegas", adaptive.NewVegas(1, 200, 20), 27, 26, 24, 100 * ms, 50 * ms, 0},
		// A fifth of four up; then 1.5 × 175 / 300 is 0.88, of which a fifth, and
		// four fifths of one up; refused: half, of which a fifth, and as much.
		{"Gradient2", adaptive.NewGradient2(1, 200, 20), 20, 21, 19, 300 * ms, 50 * ms, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := second(c.c, &now, 50*ms, penstock.Success); got != c.flat {
				t.Errorf("without a queue %d, want %d", got, c.flat)
			}
			if got := second(c.c, &now, c.slow, penstock.Success); got != c.queue {
				t.Errorf("with one %d, want %d", got, c.queue)
			}
			if got := second(c.c, &now, c.refusals, penstock.Overload); got != c.refuse {
				t.Errorf("refused %d, want %d", got, c.refuse)
			}
			if got := second(c.c, &now, time.Hour, penstock.Failure); got != c.refuse {
				t.Errorf("after failures %d, want %d", got, c.refuse)
			}
		})
	}
}

// TestAIMDCutsOnceARoundTrip has three refused that were sent at the same time, and
// one that was sent when the first of them was known.
func TestAIMDCutsOnceARoundTrip(t *testing.T) {
	c := adaptive.NewAIMD(1, 200, 100)
	sent := time.Unix(0, 0)
	end := sent.Add(ms)
	for range 3 {
		c.Observe(end, adaptive.Observation{Sent: sent, Outcome: penstock.Overload})
	}
	if got := c.Limit(); got != 90 {
		t.Errorf("limit %d, want 90", got)
	}
	if why := c.Observe(end, adaptive.Observation{Sent: end, Outcome: penstock.Overload}); c.Limit() != 81 || why != adaptive.Decreased {
		t.Errorf("%s: limit %d, want 81", why, c.Limit())
	}
}

// TestBounds drives every control up and down and looks at its bounds.
func TestBounds(t *testing.T) {
	for name, make := range map[string]func(lo, hi, start int) adaptive.Control{
		"Auto":      func(lo, hi, start int) adaptive.Control { return adaptive.NewAuto(lo, hi, start) },
		"Knee":      func(lo, hi, start int) adaptive.Control { return adaptive.NewKnee(lo, hi, start) },
		"AIMD":      func(lo, hi, start int) adaptive.Control { return adaptive.NewAIMD(lo, hi, start) },
		"Vegas":     func(lo, hi, start int) adaptive.Control { return adaptive.NewVegas(lo, hi, start) },
		"Gradient2": func(lo, hi, start int) adaptive.Control { return adaptive.NewGradient2(lo, hi, start) },
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(0, 0)
			if got := make(-5, -3, 1000).Limit(); got != 1 {
				t.Errorf("of senseless bounds %d", got)
			}
			c := make(3, 30, 10)
			for range 200 {
				if got := second(c, &now, 50*ms, penstock.Success); got < 3 || got > 30 {
					t.Fatalf("limit %d", got)
				}
			}
			if got := c.Limit(); got != 30 {
				t.Errorf("%d where nothing queues, want 30", got)
			}
			for range 200 {
				if got := second(c, &now, 5*ms, penstock.Overload); got < 3 || got > 30 {
					t.Fatalf("limit %d", got)
				}
			}
			if got := c.Limit(); name != "Knee" && name != "Gradient2" && got != 3 {
				t.Errorf("%d where all is refused, want 3", got)
			}
		})
	}
}
