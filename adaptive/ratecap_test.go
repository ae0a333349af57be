package adaptive_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
)

// A tap is a token bucket and the client that a RateCap paces, in plain arithmetic.
type tap struct {
	cap           adaptive.RateCap
	now           time.Time
	seq           uint64
	rate          float64
	burst, tokens float64
	pause         time.Duration // that each refusal costs
	refused       int
	accepted      int
}

func newTap(rate, burst float64, pause time.Duration) *tap {
	return &tap{now: time.Unix(0, 0), rate: rate, burst: burst, tokens: burst, pause: pause}
}

func (b *tap) pass(d time.Duration) {
	b.now = b.now.Add(d)
	b.tokens = min(b.burst, b.tokens+b.rate*d.Seconds())
}

// run sends at the cap's rate for so long.
func (b *tap) run(d time.Duration) {
	for end := b.now.Add(d); b.now.Before(end); {
		o := adaptive.Observation{Seq: b.seq, Sent: b.now, InFlight: 1}
		b.seq++
		if b.tokens >= 1 {
			b.tokens--
			b.accepted++
			b.cap.Sent(o)
		} else {
			b.refused++
			o.Outcome = penstock.Overload
			if b.pause > 0 {
				b.cap.Held(b.pause)
			}
			b.cap.Refused(b.now, o)
			b.pass(b.pause)
		}
		b.pass(time.Duration(float64(time.Second) / b.cap.Rate(b.now)))
	}
}

// TestRateCapFindsTheRate starts at up to eight times the rate of several buckets.
func TestRateCapFindsTheRate(t *testing.T) {
	for _, rate := range []float64{2, 100, 1000} {
		for _, burst := range []float64{1, 10, 100} {
			for _, over := range []float64{1.2, 2, 8} {
				for _, pause := range []time.Duration{0, time.Second} {
					t.Run(fmt.Sprint(rate, " of ", burst, " from ", over, " times, pause ", pause), func(t *testing.T) {
						b := newTap(rate, burst, pause)
						b.cap.Start(b.now, rate*over)
						// The time to spend the burst and then to count some.
						b.run(time.Duration((burst + 300) / rate * float64(time.Second)))
						b.run(time.Minute)
						b.accepted, b.refused = 0, 0
						long := min(10*time.Minute, time.Duration(400_000/rate)*time.Second)
						b.run(long)
						part := float64(b.accepted) / (long.Seconds() * rate)
						if part < 0.9 || part > 1.01 {
							t.Errorf("%.1f %% of the rate, %d refused", 100*part, b.refused)
						}
						if most := max(40, int(0.01*long.Seconds()*rate)); b.refused > most {
							t.Errorf("%d refused, want at most %d", b.refused, most)
						}
					})
				}
			}
		}
	}
}

// TestRateCapFollows changes the rate under way.
func TestRateCapFollows(t *testing.T) {
	for _, to := range []float64{50, 200} {
		b := newTap(100, 10, 0)
		b.cap.Start(b.now, 160)
		b.run(time.Minute)
		b.rate = to
		b.run(3 * time.Minute)
		b.accepted = 0
		b.run(time.Minute)
		if part := float64(b.accepted) / (60 * to); part < 0.9 {
			t.Errorf("to %v: %.1f %% of it", to, 100*part)
		}
	}
}

// TestRateCapOldNews has refusals of what was sent before a cut.
func TestRateCapOldNews(t *testing.T) {
	var c adaptive.RateCap
	begin := time.Unix(0, 0)
	if c.Active() || c.Rate(begin) != 0 {
		t.Error("the zero RateCap caps")
	}
	c.Start(begin, 100)
	if c.Refused(begin.Add(time.Second), adaptive.Observation{Sent: begin.Add(-1)}) || c.Rate(begin) != 100 {
		t.Error("old news cut the rate")
	}
	if !c.Refused(begin.Add(time.Second), adaptive.Observation{Sent: begin}) || c.Rate(begin) >= 100 {
		t.Error("news did not cut the rate")
	}
}

func TestGate(t *testing.T) {
	begin := time.Unix(0, 0)
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	for _, c := range []struct {
		name string
		do   func(g *adaptive.Gate)
		now  int // ms
		rate float64
		want int // ms
	}{
		{"open", func(*adaptive.Gate) {}, 0, 10, 0},
		{"one each 100 ms, 2 ms late at most", func(g *adaptive.Gate) { g.Take(at(0), 10, 1) }, 0, 10, 98},
		{"three at once are paid for", func(g *adaptive.Gate) { g.Take(at(0), 10, 3) }, 0, 10, 298},
		{"lateness is made up for", func(g *adaptive.Gate) { g.Take(at(0), 10, 1); g.Take(at(99), 10, 1) }, 99, 10, 99},
		{"but not more than 2 ms", func(g *adaptive.Gate) { g.Take(at(0), 10, 1); g.Take(at(500), 10, 1) }, 500, 10, 98},
		{"a rate that rises counts at once", func(g *adaptive.Gate) { g.Take(at(0), 10, 1) }, 0, 100, 8},
		{"no rate", func(g *adaptive.Gate) { g.Take(at(0), 0, 1) }, 0, 0, 0},
		{"held", func(g *adaptive.Gate) { g.Hold(at(500)); g.Hold(at(400)) }, 100, 0, 400},
		{"held and paced", func(g *adaptive.Gate) { g.Take(at(0), 1, 1); g.Hold(at(500)) }, 0, 1, 998},
		{"given back", func(g *adaptive.Gate) { g.Take(at(0), 10, 1); g.Untake(1) }, 0, 10, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var g adaptive.Gate
			c.do(&g)
			want := time.Duration(c.want) * time.Millisecond
			if got := max(0, g.Wait(at(c.now), c.rate)); got < want || got > want+time.Millisecond {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}
