package origin_test

import (
	"sync"
	"testing"

	"github.com/penstock-go/penstock/internal/origin"
)

func nothing() {}

func TestGaugePeak(t *testing.T) {
	var host, all origin.Gauge
	var stays []*origin.Stay
	for range 5 {
		s := origin.NewStay(&host, &all)
		s.Enter(nothing)
		stays = append(stays, s)
	}
	for _, s := range stays[:3] {
		s.Leave()
	}
	origin.NewStay(&host, &all).Enter(nothing)
	if host.Now() != 3 || host.Peak() != 5 || all.Now() != 3 || all.Peak() != 5 {
		t.Errorf("now %d and %d, peak %d and %d; want 3 and 5", host.Now(), all.Now(), host.Peak(), all.Peak())
	}
}

// TestGaugeAbandoned: what was abandoned before a newcomer is not counted beside
// it, whether or not it has been left by then.
func TestGaugeAbandoned(t *testing.T) {
	var g origin.Gauge
	a, b, c := origin.NewStay(&g, nil), origin.NewStay(&g, nil), origin.NewStay(&g, nil)
	a.Enter(nothing)
	b.Enter(a.Abandon) // found out only because b would make a new peak
	if g.Now() != 1 || g.Peak() != 1 {
		t.Fatalf("one abandoned, one there: now %d, peak %d; want 1, 1", g.Now(), g.Peak())
	}
	a.Leave()
	if g.Now() != 1 {
		t.Fatalf("the abandoned one left: now %d, want 1", g.Now())
	}
	c.Abandon() // before it came
	c.Enter(nothing)
	if g.Now() != 1 || g.Peak() != 1 {
		t.Fatalf("one came abandoned: now %d, peak %d; want 1, 1", g.Now(), g.Peak())
	}
	c.Leave()
	b.Leave()
	b.Abandon() // too late to matter
	if g.Now() != 0 || g.Peak() != 1 {
		t.Fatalf("all left: now %d, peak %d; want 0, 1", g.Now(), g.Peak())
	}
}

// TestGaugeConcurrent: workers that each hold one at a time never make a peak
// over their number, and leave nothing.
func TestGaugeConcurrent(t *testing.T) {
	const workers, rounds = 8, 5000
	var g origin.Gauge
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				s := origin.NewStay(&g, nil)
				s.Enter(nothing)
				if i%3 == w%3 {
					s.Abandon()
				}
				s.Leave()
			}
		})
	}
	wg.Wait()
	if g.Now() != 0 || g.Peak() < 1 || g.Peak() > workers {
		t.Errorf("now %d, peak %d; want 0, 1 to %d", g.Now(), g.Peak(), workers)
	}
}
