package rate_test

import (
	"context"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

// A ledger is what was admitted, and when, in the order of time.
type ledger []entry

type entry struct {
	at   time.Duration
	cost int
	// most is what the rates gave from the start until at, exactly; only where
	// they change.
	most *big.Rat
}

// check holds a ledger to the promise of r for every window that begins with one
// entry and ends with another, in whole numbers: what was admitted, times Per, is
// no more than the burst times Per, and Count times the window.
func (l ledger) check(t *testing.T, r rate.Rate) {
	t.Helper()
	for i := range l {
		sum := int64(0)
		for j := i; j < len(l); j++ {
			units := int64(l[j].cost)
			if r.Unit == rate.Requests {
				units = 1
			}
			sum += units
			over := sum - int64(r.Burst)
			if r.Burst == 0 {
				over = sum - units // one demand of any size, the last
			}
			window := l[j].at - l[i].at
			if over > 0 && units > 0 && more(over, r.Per, r.Count, window) {
				t.Fatalf("%v: entries %d to %d are %d units in %v", r, i, j, sum, window)
			}
		}
	}
}

// more reports whether a × b > c × d, none of which is below zero.
func more(a int64, b time.Duration, c int64, d time.Duration) bool {
	abHi, abLo := bits.Mul64(uint64(a), uint64(b))
	cdHi, cdLo := bits.Mul64(uint64(c), uint64(d))
	return abHi > cdHi || abHi == cdHi && abLo > cdLo
}

// checkIntegral is check where the rate changes and the burst is at most burst.
// The most by which a window that ends here exceeds what the rates gave in it is
// the same of the windows that end at the entry before, less what they gave since,
// or the window of this entry alone.
func (l ledger) checkIntegral(t *testing.T, burst int) {
	t.Helper()
	excess := new(big.Rat)
	for i, e := range l {
		if i > 0 {
			excess.Add(excess, l[i-1].most)
			excess.Sub(excess, e.most)
		}
		if excess.Sign() < 0 {
			excess.SetInt64(0)
		}
		excess.Add(excess, big.NewRat(int64(e.cost), 1))
		if excess.Cmp(big.NewRat(int64(burst), 1)) > 0 {
			t.Fatalf("entry %d at %v ends a window with %s units too many", i, e.at, excess.FloatString(9))
		}
	}
}

// randomRates returns one to three rates from slow to fast, some with a burst,
// some that count requests, most with an interval that is no whole number.
func randomRates(r *rand.Rand) rate.List {
	list := make(rate.List, 1+r.IntN(3))
	for i := range list {
		list[i] = rate.Rate{
			Count: 1 + r.Int64N(50),
			Per:   time.Duration(1 + r.Int64N([]int64{1e3, 1e6, 1e9, 1e11}[r.IntN(4)])),
			Burst: max(0, r.IntN(30)-10),
			Unit:  rate.Unit(r.IntN(3)),
		}
		list[i].Count = min(list[i].Count, int64(list[i].Per))
	}
	return list
}

// pause returns a span of the size in which list gives a few units, or none.
func pause(r *rand.Rand, list rate.List) time.Duration {
	slowest := slices.MaxFunc(list, func(a, b rate.Rate) int {
		return int(int64(a.Per)/a.Count - int64(b.Per)/b.Count)
	})
	return time.Duration(r.ExpFloat64() * float64(r.IntN(4)) * float64(slowest.Per) / float64(slowest.Count))
}

// TestEveryWindow demands at random and checks what was admitted, and that a
// refusal names the first nanosecond in which it would not have been one.
func TestEveryWindow(t *testing.T) {
	seeded(t, func(t *testing.T, r *rand.Rand) {
		list := randomRates(r)
		t.Log(list)
		l, err := rate.New(list...)
		if err != nil {
			t.Fatal(err)
		}
		var admitted ledger
		start, now := time.Now(), time.Duration(0)
		for range 400 {
			now += pause(r, list)
			cost := r.IntN(8)
			wait, ok := l.At(start.Add(now), cost)
			if wait == rate.Never {
				continue
			}
			if !ok && wait > 1 {
				if w, ok := l.At(start.Add(now+wait-1), cost); ok || w != 1 {
					t.Fatalf("%d at %v was to wait for %v, and 1 ns before has to for %v, %v", cost, now, wait, w, ok)
				}
			}
			if !ok && r.IntN(2) == 0 {
				now += wait
				if _, ok = l.At(start.Add(now), cost); !ok {
					t.Fatalf("%d was to wait for %v, and is refused then", cost, wait)
				}
			}
			if ok {
				admitted = append(admitted, entry{at: now, cost: cost})
			}
		}
		if len(admitted) < 50 {
			t.Fatalf("only %d were admitted: this proves little", len(admitted))
		}
		for _, r := range list {
			admitted.check(t, r)
		}
	})
}

// TestNoWindowIsWasted keeps a Limiter busy, which then admits all but a ten
// thousandth of what it may.
func TestNoWindowIsWasted(t *testing.T) {
	for _, text := range []string{"7/s", "100/s burst 10", "1000000/s", "999983/m burst 7", "3/ms, 5/ms"} {
		r := rates(t, text)[0]
		l, start := limiter(t, text), time.Now()
		var now time.Duration
		admitted := 0
		for now < 2*time.Minute && admitted < 100_000 {
			wait, ok := l.At(start.Add(now), 1)
			if ok {
				admitted++
			}
			now += wait
		}
		if may := r.PerSecond() * now.Seconds(); float64(admitted) < may*0.9999-1 {
			t.Errorf("%s: %d in %v, of %.0f", text, admitted, now, may)
		}
	}
}

// TestEveryWindowOfWaiters has callers who wait, lose patience, and give back
// what they took or a part of it at some later time. Over every window, what was
// used in the end keeps the promise.
func TestEveryWindowOfWaiters(t *testing.T) {
	seeded(t, func(t *testing.T, r *rand.Rand) {
		bubble(t, func(t *testing.T, since func() time.Duration) {
			list := randomRates(r)
			t.Log(list)
			l, err := rate.New(list...)
			if err != nil {
				t.Fatal(err)
			}
			var (
				mu       sync.Mutex
				admitted ledger
				all      sync.WaitGroup
			)
			for range 300 {
				time.Sleep(pause(r, list))
				cost, patience := r.IntN(8), 10*pause(r, list)
				used, keeps, settles := r.IntN(cost+1), pause(r, list), r.IntN(3)
				all.Go(func() {
					ctx, cancel := context.WithCancel(t.Context())
					defer time.AfterFunc(patience, cancel).Stop()
					defer cancel()
					p, err := l.Acquire(ctx, cost)
					if err != nil {
						return
					}
					at := since()
					time.Sleep(keeps)
					switch settles {
					case 0:
						used = cost
						p.Release(penstock.Success)
					case 1:
						p.Settle((cost + used) / 2)
						time.Sleep(keeps)
						p.Settle(used)
					case 2:
						p.Release(penstock.Unused)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					admitted = append(admitted, entry{at: at, cost: used})
				})
			}
			all.Wait()
			slices.SortFunc(admitted, func(a, b entry) int { return int(a.at - b.at) })
			if len(admitted) < 20 {
				t.Fatalf("only %d were admitted: this proves little", len(admitted))
			}
			for _, r := range list {
				if r.Burst == 0 {
					continue // the last of a window is held to what it asked for, not used
				}
				admitted.check(t, r)
			}
		})
	})
}

// TestEveryWindowOfChangingRates changes the rate at random while demands come.
func TestEveryWindowOfChangingRates(t *testing.T) {
	seeded(t, func(t *testing.T, r *rand.Rand) {
		bubble(t, func(t *testing.T, since func() time.Duration) {
			const burst = 8
			newRate := func() rate.Rate {
				per := []time.Duration{70, 99_999, 1e6, 123_456_789, 1e9, 15e9}[r.IntN(6)]
				return rate.Rate{Count: 1 + r.Int64N(20), Per: per, Burst: 1 + r.IntN(burst)}
			}
			inForce := newRate()
			l, err := rate.New(inForce)
			if err != nil {
				t.Fatal(err)
			}
			most := new(big.Rat)
			var admitted ledger
			for range 400 {
				slept := pause(r, rate.List{inForce})
				time.Sleep(slept)
				gave := big.NewRat(inForce.Count, int64(inForce.Per))
				most.Add(most, gave.Mul(gave, big.NewRat(int64(slept), 1)))
				if cost := 1 + r.IntN(burst); l.Allow(cost) {
					admitted = append(admitted, entry{at: since(), cost: cost, most: new(big.Rat).Set(most)})
				}
				if r.IntN(3) == 0 {
					inForce = newRate()
					if err := l.SetRate(inForce); err != nil {
						t.Fatal(err)
					}
				}
			}
			if len(admitted) < 50 {
				t.Fatalf("only %d were admitted: this proves little", len(admitted))
			}
			admitted.checkIntegral(t, burst)
		})
	})
}

// With a slack, late timers cost nothing, and no window holds more than what
// comes in the slack on top.
func TestSlackKeepsThePaceOfLateCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rate.Rate{Count: 1000, Per: time.Second, Slack: 5 * time.Millisecond}
		l, err := rate.New(r)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var at []time.Duration
		for time.Since(start) < 10*time.Second {
			wait, ok := l.At(time.Now(), 1)
			if !ok {
				time.Sleep(wait + 700*time.Microsecond) // as late as timers are
				continue
			}
			at = append(at, time.Since(start))
		}
		if n := len(at); n < 9_950 || n > 10_006 {
			t.Errorf("%d in 10 s at 1000/s", n)
		}
		for i := range at {
			for k := i + 1; k < min(i+50, len(at)); k++ {
				if most := 1 + float64(at[k]-at[i]+r.Slack)/float64(time.Millisecond); float64(k-i+1) > most+1e-6 {
					t.Fatalf("%d from %v to %v, at most %.1f", k-i+1, at[i], at[k], most)
				}
			}
		}
	})
}
