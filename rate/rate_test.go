package rate_test

import (
	"encoding"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/penstock-go/penstock/rate"
)

func TestRateString(t *testing.T) {
	for _, c := range []struct {
		why  string
		r    rate.Rate
		want string
	}{
		{"a span of one unit has no number", rate.Rate{Count: 100, Per: time.Second}, "100/s"},
		{"a span is not reduced", rate.Rate{Count: 10, Per: 15 * time.Second}, "10/15s"},
		{"the largest whole unit is taken", rate.Rate{Count: 1, Per: 90 * time.Minute}, "1/90m"},
		{"a day is the largest unit", rate.Rate{Count: 7, Per: 7 * 24 * time.Hour}, "7/7d"},
		{"24 hours are a day", rate.Rate{Count: 3, Per: 24 * time.Hour}, "3/d"},
		{"fractions of a second", rate.Rate{Count: 1, Per: 1500 * time.Millisecond}, "1/1500ms"},
		{"microseconds in ASCII", rate.Rate{Count: 1, Per: time.Microsecond}, "1/us"},
		{"nanoseconds", rate.Rate{Count: 1, Per: 1001}, "1/1001ns"},
		{"a burst", rate.Rate{Count: 1, Per: time.Hour, Burst: 20}, "1/h burst 20"},
		{"tokens", rate.Rate{Count: 90000, Per: time.Minute, Unit: rate.Tokens, Burst: 5}, "90000 tokens/m burst 5"},
		{"requests", rate.Rate{Count: 60, Per: time.Minute, Unit: rate.Requests}, "60 requests/m"},
	} {
		t.Run(c.why, func(t *testing.T) {
			if got := c.r.String(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			back, err := rate.ParseOne(c.want)
			if back != c.r || err != nil {
				t.Errorf("read back as %#v, %v", back, err)
			}
		})
	}
}

func TestUnitString(t *testing.T) {
	for u, want := range []string{"cost", "tokens", "requests", "unknown"} {
		if got := rate.Unit(u).String(); got != want {
			t.Errorf("unit %d is %q, not %q", u, got, want)
		}
	}
}

func TestRateValidate(t *testing.T) {
	for _, c := range []struct {
		why  string
		r    rate.Rate
		want string // "" for valid
	}{
		{"the slowest there is", rate.Rate{Count: 1, Per: rate.MaxDebt}, ""},
		{"a nanosecond slower", rate.Rate{Count: 1, Per: rate.MaxDebt + 1}, "1/72057594037927937ns: the span of time is over two years; write 1/365d, or another that is shorter"},
		{"the fastest there is", rate.Rate{Count: rate.MaxPerSecond, Per: time.Second}, ""},
		{"one a second faster", rate.Rate{Count: rate.MaxPerSecond + 1, Per: time.Second}, "1000000001/s: more than one a nanosecond is no limit; write 1000000000/s at most, or leave the rate out"},
		{"the largest burst", rate.Rate{Count: 1, Per: 24 * time.Hour, Burst: 833}, ""},
		{"a burst too large by one", rate.Rate{Count: 1, Per: 24 * time.Hour, Burst: 834}, "1/d burst 834: so large a burst takes years to come back; give a smaller burst"},
		{"a burst of all an int holds", rate.Rate{Count: 1, Per: 1, Burst: math.MaxInt}, "1/ns burst 9223372036854775807: so large a burst takes years to come back; give a smaller burst"},
		{"the zero Rate", rate.Rate{}, "0/0d: a rate is a number above zero; write 100/s or 0.5/s"},
		{"a negative count", rate.Rate{Count: math.MinInt64, Per: 1}, "-9223372036854775808/ns: a rate is a number above zero; write 100/s or 0.5/s"},
		{"a negative span", rate.Rate{Count: 1, Per: -time.Second}, "1/-1s: the span of time is not above zero; write 100/s or 10/15s"},
		{"a negative burst", rate.Rate{Count: 1, Per: time.Second, Burst: -1}, "1/s burst -1: the burst is below zero; leave it out for no burst"},
		{"a unit that is none", rate.Rate{Count: 1, Per: time.Second, Unit: 9}, "1 unknown/s: the unit is unknown; use Cost, Tokens or Requests"},
	} {
		t.Run(c.why, func(t *testing.T) {
			_, err := rate.New(c.r)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || err.Error() != c.want || !errors.Is(err, rate.ErrInvalid) {
				t.Fatalf("got %v\nwant %s", err, c.want)
			}
			if _, err := c.r.MarshalText(); !errors.Is(err, rate.ErrInvalid) {
				t.Errorf("MarshalText gave %v", err)
			}
		})
	}
}

func TestNewWithoutRates(t *testing.T) {
	if l, err := rate.New(); l != nil || !errors.Is(err, rate.ErrInvalid) {
		t.Fatalf("got %v, %v", l, err)
	}
}

func TestPerSecond(t *testing.T) {
	for _, c := range []struct {
		why  string
		x    float64
		want string // a rate, or an error
	}{
		{"a whole interval", 100, "1/10ms"},
		{"a fraction", 0.5, "1/2s"},
		{"an interval in sixteenths of a nanosecond", 3, "8/2666666667ns"},
		{"the largest", 1e9, "1/ns"},
		{"too large", 1.1e9, "1.1e+09/s: more than one a nanosecond is no limit; write 1000000000/s at most, or leave the rate out"},
		{"far too large", 1e300, "1e+300/s: more than one a nanosecond is no limit; write 1000000000/s at most, or leave the rate out"},
		{"too small", 1e-300, "1e-300/s: the span of time is over two years; write 1/365d, or another that is shorter"},
		{"zero", 0, "0/s: a rate is a number above zero; write 100/s or 0.5/s"},
		{"below zero", -1, "-1/s: a rate is a number above zero; write 100/s or 0.5/s"},
		{"not a number", math.NaN(), "NaN/s: a rate is a number above zero; write 100/s or 0.5/s"},
		{"infinite", math.Inf(1), "+Inf/s: a rate is a number above zero; write 100/s or 0.5/s"},
	} {
		t.Run(c.why, func(t *testing.T) {
			r, err := rate.PerSecond(c.x)
			if err != nil {
				if err.Error() != c.want || !errors.Is(err, rate.ErrInvalid) {
					t.Errorf("got %v\nwant %s", err, c.want)
				}
				return
			}
			if r.String() != c.want {
				t.Errorf("got %v, want %s", r, c.want)
			}
			if back := r.PerSecond(); back > c.x || back < c.x*0.99999 {
				t.Errorf("%v a second", back)
			}
		})
	}
}

// TestPerSecondNeverMore tries rates over the whole range.
func TestPerSecondNeverMore(t *testing.T) {
	for x := 2e-8; x < rate.MaxPerSecond; x *= 1.0371 {
		r, err := rate.PerSecond(x)
		if err != nil {
			t.Fatalf("%v: %v", x, err)
		}
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		// 1e-15 is what the comparison in floating point may be off.
		if got := r.PerSecond(); got > x*(1+1e-15) || got < x*(1-x/16e9-1e-12) {
			t.Fatalf("PerSecond(%v) is %v, %v a second", x, r, got)
		}
	}
}

func TestText(t *testing.T) {
	var r rate.Rate
	var list rate.List
	for _, c := range []struct {
		to   encoding.TextUnmarshaler
		from func() ([]byte, error)
		text string
	}{
		{&r, func() ([]byte, error) { return r.MarshalText() }, "10/15s burst 2"},
		{&list, func() ([]byte, error) { return list.MarshalText() }, "60 requests/m, 90000 tokens/m burst 2000"},
	} {
		for _, bad := range []string{"100", "", "100/s,", "0/s"} {
			if err := c.to.UnmarshalText([]byte(bad)); !errors.Is(err, rate.ErrInvalid) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		if _, err := c.from(); !errors.Is(err, rate.ErrInvalid) {
			t.Errorf("after errors it holds something: %v", err)
		}
		if err := c.to.UnmarshalText([]byte(c.text)); err != nil {
			t.Error(err)
		}
		if got, err := c.from(); string(got) != c.text || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, c.text)
		}
	}
}
