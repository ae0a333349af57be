package adaptive_test

import (
	"testing"
	"time"

	"github.com/penstock-go/penstock/adaptive"
)

// sends are operations, a millisecond apart, that took 20 ms or were refused in 5.
type sends []struct {
	inFlight int
	refused  bool
}

func (s sends) classifier(begin time.Time) *adaptive.Classifier {
	c := &adaptive.Classifier{}
	for i, v := range s {
		o := adaptive.Observation{
			Seq: uint64(i), Sent: begin.Add(time.Duration(i) * time.Millisecond),
			Latency: 20 * time.Millisecond, InFlight: v.inFlight,
		}
		if v.refused {
			o.Latency = 5 * time.Millisecond
		}
		c.Add(o, v.refused)
	}
	return c
}

func TestClassifier(t *testing.T) {
	begin := time.Unix(0, 0)
	for _, c := range []struct {
		name  string
		sends sends
		from  time.Duration
		kind  adaptive.Kind
		limit int
	}{
		{"nothing", nil, 0, adaptive.Unknown, 0},
		{"nothing refused", sends{{1, false}, {2, false}}, 0, adaptive.Unknown, 0},
		{"nothing accepted", sends{{1, true}, {1, true}}, 0, adaptive.Unknown, 0},
		{
			"refused above 3",
			sends{{1, false}, {2, false}, {3, false}, {4, true}, {3, false}, {3, false}, {4, true}},
			0, adaptive.Concurrency, 3,
		},
		{
			"each refused one still under way took no room", // they are 4th to 6th for the client
			sends{{1, false}, {2, false}, {3, false}, {4, true}, {5, true}, {6, true}},
			0, adaptive.Concurrency, 3,
		},
		{
			"one accepted beside two refused was the third for the server",
			sends{{1, false}, {2, false}, {3, false}, {4, true}, {5, true}, {5, false}},
			0, adaptive.Concurrency, 3,
		},
		{
			"as many in flight as when accepted",
			sends{{2, false}, {2, true}, {2, true}},
			0, adaptive.Rate, 0,
		},
		{
			"refused whatever is in flight",
			sends{{3, false}, {3, false}, {3, true}, {3, false}, {2, true}, {3, false}, {1, true}},
			0, adaptive.Rate, 0,
		},
		{
			"what was long ago does not count",
			sends{{9, false}, {9, false}, {9, false}, {9, false}, {2, false}, {2, false}, {3, true}},
			4 * time.Millisecond, adaptive.Concurrency, 2,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			kind, limit := c.sends.classifier(begin).Verdict(begin.Add(c.from))
			if kind != c.kind || limit != c.limit {
				t.Errorf("%v %d, want %v %d", kind, limit, c.kind, c.limit)
			}
		})
	}
}

func TestAcceptedRate(t *testing.T) {
	begin := time.Unix(0, 0)
	some := sends{{1, false}, {1, true}, {1, false}, {1, true}, {1, false}}.classifier(begin)
	if got := some.AcceptedRate(30); got < 499 || got > 501 {
		t.Errorf("%v a second, want 500", got)
	}
	if got := (sends{{1, false}}).classifier(begin).AcceptedRate(30); got != 0 {
		t.Errorf("%v of one", got)
	}
}

func TestKindString(t *testing.T) {
	for kind, want := range map[adaptive.Kind]string{
		adaptive.Unknown: "unknown", adaptive.Concurrency: "concurrency", adaptive.Rate: "rate",
	} {
		if kind.String() != want {
			t.Errorf("%v, want %s", kind, want)
		}
	}
}
