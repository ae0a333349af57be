package rate_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/penstock-go/penstock/rate"
)

func TestSetRate(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		why      string
		from, to string
		take     int
		after    time.Duration
		next     int
		want     time.Duration
	}{
		{"faster: what is owed is paid off sooner", "1/s", "10/s", 100, 50 * s, 1, 5 * s},
		{"slower: and later", "10/s", "1/s", 100, 5 * s, 1, 50 * s},
		{"from an hour to a moment", "1/h", "100/s", 1, s, 1, 10*time.Millisecond - 2777},
		{"a larger burst is there at once", "1/s burst 10", "1/s burst 15", 10, 0, 5, 0},
		{"a smaller one leaves a debt", "1/s burst 10", "1/s burst 4", 10, 0, 1, 7 * s},
		{"what was not taken of a burst is not given twice", "1/s burst 10", "100/s burst 10", 4, 0, 7, 10 * time.Millisecond},
		{"nothing was owed", "1/s burst 10", "100/s burst 3", 4, 5 * s, 3, 0},
		{"the same rate changes nothing", "3/s", "3/s", 10, s, 1, 2333333334},
		{"what is owed is rounded up", "3/s", "7/s", 1, 100 * time.Millisecond, 1, 100000001},
		{"of two", "1/s, 2/s", "1/s, 1/10s", 10, 4 * s, 1, 20 * s},
		{"what would take longer than MaxDebt is cut to it", "1000000000/s", "1/d", 1e11, 0, 1, rate.MaxDebt},
		{"to requests from cost", "1/s", "1 requests/s", 3, s, 1, 2 * s},
	} {
		t.Run(c.why, func(t *testing.T) {
			bubble(t, func(t *testing.T, _ func() time.Duration) {
				l := limiter(t, c.from)
				acquire(t, l, c.take)
				time.Sleep(c.after)
				if err := l.SetRate(rates(t, c.to)...); err != nil {
					t.Fatal(err)
				}
				if got := l.Rates().String(); got != c.to {
					t.Errorf("the rates are %v", got)
				}
				wantWait(t, l, c.next, c.want)
			})
		})
	}
}

func TestSetRateWhileOthersWait(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/m"), since: since}
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			q.come(t.Context(), name, 1)
		}
		time.Sleep(30 * time.Second) // half of a's minute
		for _, step := range []struct {
			rate string
			then time.Duration
		}{
			{"1/s", 1500 * time.Millisecond}, // b after the other half: 30.5 s; c at 31.5 s
			{"1/h", 30 * time.Minute},        // half of c's second has been paid, none of it now
			{"10/s", time.Hour},              // the other half takes 50 ms
		} {
			if err := q.l.SetRate(rates(t, step.rate)...); err != nil {
				t.Fatal(err)
			}
			time.Sleep(step.then)
		}
		q.want(t, "a 0s", "b 30.5s", "c 31.5s", "d 30m31.55s", "e 30m31.65s", "f 30m31.75s")
	})
}

func TestSetRateBelowWhatIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s burst 10"), since: since}
		q.come(t.Context(), "a", 10)
		q.come(t.Context(), "b", 2)
		q.come(t.Context(), "c", 8)
		q.come(t.Context(), "d", 9)
		q.come(t.Context(), "e", 1)
		time.Sleep(time.Second)
		if err := q.l.SetRate(rates(t, "1/s burst 5")...); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		// 9 are owed at 1 s, and no more than 5 may be: with b's at 7 s.
		q.want(t, "a 0s", "c over 1s", "d over 1s", "b 7s", "e 8s")
	})
}

func TestSetRateErrors(t *testing.T) {
	l := limiter(t, "1/s, 5/m")
	for _, c := range []struct {
		list rate.List
		want string
	}{
		{nil, `"": no rate is given; write 100/s or 5000/m`},
		{rate.List{{Count: 1, Per: 1}}, "1/ns: the limiter has 2 rates, not 1; make a new limiter to change how many there are"},
		{slices.Repeat(rate.List{{Count: 1, Per: 1}}, 3), "1/ns, 1/ns, 1/ns: the limiter has 2 rates, not 3; make a new limiter to change how many there are"},
		{rate.List{{Count: 1, Per: 1}, {}}, "0/0d: a rate is a number above zero; write 100/s or 0.5/s"},
	} {
		if err := l.SetRate(c.list...); err == nil || err.Error() != c.want || !errors.Is(err, rate.ErrInvalid) {
			t.Errorf("got %v\nwant %s", err, c.want)
		}
	}
	if got := l.Rates().String(); got != "1/s, 5/m" {
		t.Errorf("the rates are %v", got)
	}
	if !l.Allow(1) {
		t.Error("something was taken")
	}
}
