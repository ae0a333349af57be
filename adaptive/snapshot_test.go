package adaptive_test

import (
	"encoding"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/internal/sim"
)

// A frozen is a Control that is taken over from a snapshot of itself now and then,
// beside a twin that never is.
type frozen struct {
	t    *testing.T
	make func() adaptive.Control
	twin adaptive.Control
	own  adaptive.Control
	n    int
	size int
}

func (f *frozen) Limit() int { return f.own.Limit() }

func (f *frozen) Observe(now time.Time, o adaptive.Observation) adaptive.Reason {
	f.n++
	if f.n%499 == 0 {
		data, err := f.own.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			f.t.Fatal(err)
		}
		f.size = max(f.size, len(data))
		f.own = f.make()
		if err := f.own.(encoding.BinaryUnmarshaler).UnmarshalBinary(data); err != nil {
			f.t.Fatal(err)
		}
	}
	reason := f.own.Observe(now, o)
	want := f.twin.Observe(now, o)
	if f.own.Limit() != f.twin.Limit() || reason != want {
		f.t.Fatalf("operation %d: limit %d (%s), the twin's is %d (%s)", f.n, f.own.Limit(), reason, f.twin.Limit(), want)
	}
	if p, ok := f.own.(adaptive.Pacer); ok {
		if a, b := p.Rate(now), f.twin.(adaptive.Pacer).Rate(now); a != b {
			f.t.Fatalf("operation %d: rate %v, the twin's is %v", f.n, a, b)
		}
	}
	return reason
}

// TestSnapshot has each control go on from snapshots of itself, on servers
// that refuse too many at a time and too many a second: it does what it would have done without.
func TestSnapshot(t *testing.T) {
	controls := map[string]func(minimum, maximum, start int) adaptive.Control{
		"auto":      func(a, b, c int) adaptive.Control { return adaptive.NewAuto(a, b, c) },
		"aimd":      func(a, b, c int) adaptive.Control { return adaptive.NewAIMD(a, b, c) },
		"vegas":     func(a, b, c int) adaptive.Control { return adaptive.NewVegas(a, b, c) },
		"gradient2": func(a, b, c int) adaptive.Control { return adaptive.NewGradient2(a, b, c) },
	}
	if raceDetector {
		t.Skip("nothing here is concurrent, and it takes ten times as long")
	}
	scenarios := sim.Scenarios()
	for name, control := range controls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range scenarios[1:3] {
				synctest.Test(t, func(t *testing.T) {
					var f *frozen
					l, err := adaptive.New(adaptive.Options{Control: func(a, b, c int) adaptive.Control {
						fresh := func() adaptive.Control { return control(a, b, c) }
						f = &frozen{t: t, make: fresh, twin: fresh(), own: fresh()}
						return f
					}})
					if err != nil {
						t.Fatal(err)
					}
					s.Run(t.Context(), 1, client{l})
					if f.n < 1000 || f.size > 64<<10 {
						t.Errorf("%s: %d operations, a snapshot of %d bytes", s.Name, f.n, f.size)
					}
				})
			}
		})
	}
}

// TestSnapshotIsChecked gives an Auto what is none of its snapshots: it stays what
// it was.
func TestSnapshotIsChecked(t *testing.T) {
	a := adaptive.NewAuto(1, 100, 7)
	data, _ := a.MarshalBinary()
	other, _ := adaptive.NewAIMD(1, 100, 9).MarshalBinary()
	flipped := append([]byte(nil), data...)
	flipped[10] ^= 1
	for name, bad := range map[string][]byte{
		"empty": {}, "short": data[:7], "cut": data[:len(data)-1], "another's": other, "damaged": flipped,
	} {
		b := adaptive.NewAuto(1, 100, 5)
		if err := b.UnmarshalBinary(bad); !errors.Is(err, adaptive.ErrSnapshot) {
			t.Errorf("%s: %v", name, err)
		}
		if b.Limit() != 5 {
			t.Errorf("%s: the limit has become %d", name, b.Limit())
		}
	}
	b := adaptive.NewAuto(1, 100, 5)
	if err := b.UnmarshalBinary(data); err != nil || b.Limit() != 7 {
		t.Errorf("limit %d, %v", b.Limit(), err)
	}
}
