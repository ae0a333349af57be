package redislimit_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/rate"
	"github.com/redis/rueidis"
)

// TestFastRateModel has three processes ask for units of rates, at times of a clock that
// also jumps and goes back: of one state by the short way wherever it does, of another
// by the long one only. Both are to give what package rate gives, and to be the same
// afterwards.
func TestFastRateModel(t *testing.T) {
	t.Parallel()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{redistest.Shared(t).Addr}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for name, c := range map[string]struct {
		rates rate.List
		spec  string
		steps int
	}{
		"burst":   {rate.List{{Count: 1, Per: 2 * time.Millisecond, Burst: 20}}, "2000:40000:0:c", 400},
		"long":    {rate.List{{Count: 1, Per: time.Second, Burst: 60}}, "1000000:60000000:0:c", 200},
		"none":    {rate.List{{Count: 1, Per: 2 * time.Millisecond}}, "2000:0:0:c", 200},
		"slack":   {rate.List{{Count: 1, Per: 2 * time.Millisecond, Slack: 9 * time.Millisecond}}, "2000:0:9000:c", 200},
		"request": {rate.List{{Count: 1, Per: 4 * time.Millisecond, Burst: 9, Unit: rate.Requests}}, "4000:36000:0:r", 200},
		"three": {rate.List{
			{Count: 4, Per: time.Millisecond, Burst: 16, Unit: rate.Tokens},
			{Count: 1, Per: 5 * time.Millisecond, Burst: 40},
			{Count: 1, Per: 6 * time.Millisecond, Burst: 12, Unit: rate.Requests},
		}, "250:4000:0:c;5000:200000:0:c;6000:72000:0:r", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			random := rand.New(rand.NewPCG(seed, 1))
			fast := newScriptedRate(t, client, "model.fast."+name, c.spec)
			slow := newScriptedRate(t, client, "model.slow."+name, c.spec)
			model, err := rate.New(c.rates...)
			if err != nil {
				t.Fatal(err)
			}
			clock, now := int64(1_700_000_000_000_000), time.Now()
			tick := func(us int64) {
				clock += us
				now = now.Add(time.Duration(max(us, 0)) * time.Microsecond)
				fast.at(clock)
				slow.at(clock)
			}
			tick(0)
			for _, p := range []string{"a", "b", "c"} {
				fast.sync(p, clock)
				slow.sync(p, clock)
			}
			shorts := 0
			for step := range c.steps {
				tick(someTime(random))
				costs := make([]int, 1+random.IntN(4))
				for i := range costs {
					costs[i] = random.IntN(6)
					if random.IntN(40) == 0 {
						costs[i] = 25
					}
				}
				want := 0
				for _, n := range costs {
					wait, ok := model.At(now, n)
					if ok {
						want++
					} else if wait != rate.Never {
						break // and all who come after it wait
					}
				}
				p := []string{"a", "b", "c"}[random.IntN(3)]
				had, short := fast.ask(p, clock, true, costs)
				if short {
					shorts++
				}
				if long, _ := slow.ask(p, clock, false, costs); had != want || long != want {
					t.Fatalf("seed %d, step %d: of %v the model gives %d, the long way %d, and this %d (short: %v)", seed, step, costs, want, long, had, short)
				}
				if a, b := fast.numbers, slow.numbers; a != b {
					t.Fatalf("seed %d, step %d, short: %v: the states differ:\n%s\n%s", seed, step, short, a, b)
				}
				if a, b := fast.ttl, slow.ttl; max(a-b, b-a) > 2000 {
					t.Fatalf("seed %d, step %d, short: %v: they end in %d and in %d ms", seed, step, short, a, b)
				}
			}
			if shorts < c.steps/20 || shorts > c.steps*19/20 {
				t.Errorf("seed %d: %d of %d went the short way", seed, shorts, c.steps)
			}
		})
	}
}

// someTime is how far a clock moves, in microseconds.
func someTime(random *rand.Rand) int64 {
	switch random.IntN(20) {
	case 0:
		return -random.Int64N(3_600_000_000)
	case 1:
		return random.Int64N(3_600_000_000)
	case 2:
		return -random.Int64N(50_000)
	case 3, 4, 5:
		return random.Int64N(100_000)
	case 6, 7, 8:
		return 0
	}
	return random.Int64N(12_000)
}
