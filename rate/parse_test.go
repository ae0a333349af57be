package rate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/rate"
)

func TestParse(t *testing.T) {
	s := time.Second
	for _, c := range []struct {
		text string
		want rate.List
	}{
		{"100/s", rate.List{{Count: 100, Per: s}}},
		{"5000/m", rate.List{{Count: 5000, Per: 60 * s}}},
		{"10/15s", rate.List{{Count: 10, Per: 15 * s}}},
		{"1/h", rate.List{{Count: 1, Per: 3600 * s}}},
		{"2/d", rate.List{{Count: 2, Per: 24 * time.Hour}}},
		{"100/s, 5000/m", rate.List{{Count: 100, Per: s}, {Count: 5000, Per: 60 * s}}},
		{"100/s burst 20", rate.List{{Count: 100, Per: s, Burst: 20}}},
		{"100/sec burst 20,10/2min", rate.List{{Count: 100, Per: s, Burst: 20}, {Count: 10, Per: 120 * s}}},
		{"60 requests/m, 90000 tokens/m burst 2000", rate.List{{Count: 60, Per: 60 * s, Unit: rate.Requests}, {Count: 90000, Per: 60 * s, Burst: 2000, Unit: rate.Tokens}}},
		{"1 request / 2 hours", rate.List{{Count: 1, Per: 2 * time.Hour, Unit: rate.Requests}}},
		{" 7  token / 3 days  burst  4 ", rate.List{{Count: 7, Per: 72 * time.Hour, Burst: 4, Unit: rate.Tokens}}},
		{"0.5/s", rate.List{{Count: 1, Per: 2 * s}}},
		{"2.50/s", rate.List{{Count: 5, Per: 2 * s}}},
		{"1.0/s", rate.List{{Count: 1, Per: s}}},
		{"1./s", rate.List{{Count: 1, Per: s}}},
		{"0.1/15s", rate.List{{Count: 1, Per: 150 * s}}},
		{"3.14/m", rate.List{{Count: 157, Per: 3000 * s}}},
		{"007/s", rate.List{{Count: 7, Per: s}}},
		{"1/1000ms", rate.List{{Count: 1, Per: s}}},
		{"1/µs", rate.List{{Count: 1, Per: time.Microsecond}}},
		{"1000000000/s", rate.List{{Count: 1e9, Per: s}}},
	} {
		t.Run(c.text, func(t *testing.T) {
			got, err := rate.Parse(c.text)
			if err != nil || !slices.Equal(got, c.want) {
				t.Fatalf("got %#v, %v\nwant %#v", got, err, c.want)
			}
			back, err := rate.Parse(got.String())
			if err != nil || !slices.Equal(back, c.want) {
				t.Errorf("%q was read as %#v, %v", got.String(), back, err)
			}
		})
	}
}

func TestParseError(t *testing.T) {
	const above = ": a rate is a number above zero; write 100/s or 0.5/s"
	const plain = ": a rate is a plain number above zero; write 100/s or 0.5/s"
	const fast = ": more than one a nanosecond is no limit; write 1000000000/s at most, or leave the rate out"
	const slow = ": the span of time is over two years; write 1/365d, or another that is shorter"
	const long = ": the number has too many digits; write 100/s or 0.5/s"
	const span = ": the unit of time is unknown; write 100/s or 10/15s (d, h, m, s, ms, us, ns)"
	const burst = ": a burst is a whole number above zero; write 100/s burst 20, or leave it out for no burst"
	for _, c := range []struct {
		text, want string
	}{
		{"100", "100: a rate needs a unit of time; write 100/s or 100/m"},
		{"7", "7: a rate needs a unit of time; write 7/s or 7/m"},
		{"0.5", "0.5: a rate needs a unit of time; write 0.5/s or 0.5/m"},
		{"100/s, 50", "50: a rate needs a unit of time; write 50/s or 50/m"},
		{"fast", "fast: a rate needs a unit of time; write 100/s or 100/m"},
		{"", `"": a rate is missing; write 100/s or 5000/m`},
		{"100/s,", `"": a rate is missing; write 100/s or 5000/m`},
		{"0/s", "0/s" + above},
		{"0.000/s", "0.000/s" + above},
		{"-5/s", "-5/s" + plain},
		{"+5/s", "+5/s" + plain},
		{"NaN/s", "NaN/s" + plain},
		{"Inf/s", "Inf/s" + plain},
		{"1e300/s", "1e300/s" + plain},
		{"0x10/s", "0x10/s" + plain},
		{"1_000/s", "1_000/s" + plain},
		{"1.2.3/s", "1.2.3/s" + plain},
		{"/s", "/s" + plain},
		{".5/s", ".5/s" + plain},
		{"٣/s", `"٣/s"` + plain},
		{"99999999999999999999/s", "99999999999999999999/s" + long},
		{"1.0000000000000001/s", "1.0000000000000001/s" + long},
		{"1000000001/s", "1000000001/s" + fast},
		{"2/ns", "2/ns" + fast},
		{"1/999d", "1/999d" + slow},
		{"1/99999999999999999999d", "1/99999999999999999999d" + slow},
		{"1/9999999999d", "1/9999999999d" + slow},
		{"0.000000000000001/365d", "0.000000000000001/365d" + slow},
		{"1/0s", "1/0s: the span of time is zero; write 100/s or 10/15s"},
		{"1/-1s", "1/-1s" + span},
		{"1/1.5s", "1/1.5s" + span},
		{"1/y", "1/y" + span},
		{"1/", "1/" + span},
		{"1/S", "1/S" + span},
		{"1/s/s", "1/s/s" + span},
		{"1/15", "1/15" + span},
		{"1/s burst", "1/s burst" + burst},
		{"1/s burst 0", "1/s burst 0" + burst},
		{"1/s burst -2", "1/s burst -2" + burst},
		{"1/s burst +2", "1/s burst +2" + burst},
		{"1/s burst 2.5", "1/s burst 2.5" + burst},
		{"1/s burst 2 burst 3", "1/s burst 2 burst 3" + burst},
		{"1/d burst 1000", "1/d burst 1000: so large a burst takes years to come back; give a smaller burst"},
		{"5 apples/s", "5 apples/s: only tokens or requests can be counted; write 100/s, 100 requests/s or 100 tokens/s"},
		{"5\x00/s", `"5\x00/s"` + plain},
		{strings.Repeat("9", 100), strings.Repeat("9", 60) + "...: a rate needs a unit of time; write 100/s or 100/m"},
	} {
		t.Run(c.text, func(t *testing.T) {
			got, err := rate.Parse(c.text)
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, %v\nwant %s", got, err, c.want)
			}
			var detail *rate.InvalidError
			if !errors.As(err, &detail) || !errors.Is(err, rate.ErrInvalid) || got != nil {
				t.Errorf("got %v, %#v", got, err)
			}
		})
	}
}

// FuzzParse holds the parser to its word: what it accepts is valid, can be
// written and read back the same, and makes a Limiter; what it does not has a
// reason and a hint in one line.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"100/s", "5000/m", "10/15s", "1/h", "100/s, 5000/m", "100/s burst 20", "0.5/s", "100", "",
		"60 requests/m, 90000 tokens/m burst 2000", "1e300/s", "0/s", "-1/s", "NaN/s", ",", "/", "1/µs",
		"1/2501999792983609ns", "9223372036854775807/9223372036854775807ns", "0.000000000000001/d", "1/s burst 9223372036854775807",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := rate.Parse(text)
		if err != nil {
			var detail *rate.InvalidError
			if !errors.As(err, &detail) || detail.Problem == "" || detail.Hint == "" || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		back, err := rate.Parse(list.String())
		if err != nil || !slices.Equal(back, list) {
			t.Fatalf("%q is %q and that is %v, %v", text, list, back, err)
		}
		l, err := rate.New(list...)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if !l.Allow(1) {
			t.Fatalf("%q does not admit even one", text)
		}
	})
}
