package rate_test

import (
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

// acquire takes cost, which must be there.
func acquire(t *testing.T, l *rate.Limiter, cost int) *rate.Permit {
	t.Helper()
	p, ok := l.TryAcquirePermit(cost)
	if !ok {
		t.Fatalf("%d was not to be had", cost)
	}
	return p.(*rate.Permit)
}

// wantWait checks how long a demand of cost has to wait, and takes it if it has not.
func wantWait(t *testing.T, l *rate.Limiter, cost int, want time.Duration) {
	t.Helper()
	before := l.Stats().Waits
	if wait, ok := l.Fresh().At(time.Now(), cost); !ok {
		t.Fatalf("%d cannot be had at all: %v", cost, wait)
	}
	wait, ok := l.At(time.Now(), cost)
	if wait != want || ok != (want == 0) {
		t.Errorf("%d has to wait for %v, %v, want %v", cost, wait, ok, want)
	}
	if l.Stats().Waits != before {
		t.Error("At waited")
	}
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		outcome penstock.Outcome
		back    bool
	}{
		{penstock.Success, false},
		{penstock.Overload, false},
		{penstock.Failure, false},
		{penstock.Ignored, false},
		{penstock.Unused, true},
	} {
		for _, text := range []string{"1/s", "1 requests/s", "1/s, 2 requests/s"} {
			t.Run(c.outcome.String()+" of "+text, func(t *testing.T) {
				bubble(t, func(t *testing.T, _ func() time.Duration) {
					l := limiter(t, text)
					acquire(t, l, 1).Release(c.outcome)
					if got := l.Allow(1); got != c.back {
						t.Errorf("the next was had: %v", got)
					}
				})
			})
		}
	}
}

func TestReleaseTwice(t *testing.T) {
	l := limiter(t, "1/s")
	p := acquire(t, l, 1)
	p.Release(penstock.Success)
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, penstock.ErrOverRelease) {
			t.Errorf("panicked with %v", err)
		}
		if l.Allow(1) {
			t.Error("the second gave something back")
		}
	}()
	p.Release(penstock.Unused)
}

// TestUnusedServesTheNext gives back what somebody waits for.
func TestUnusedServesTheNext(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s"), since: since}
		p := acquire(t, q.l, 10)
		q.come(t.Context(), "a", 1)
		q.come(t.Context(), "b", 1)
		time.Sleep(4 * time.Second)
		p.Release(penstock.Unused)
		time.Sleep(time.Hour)
		q.want(t, "a 4s", "b 5s")
	})
}

// A turn is what is done after some time, and how long a demand then has to wait;
// one that does not is taken.
type turn struct {
	after  time.Duration
	settle int // the cost to settle for; or
	take   int // a demand, which must be had
	next   int // the demand that is asked about
	want   time.Duration
	why    string
}

func TestSettle(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		why   string
		rates string
		turns []turn
	}{
		{"too high an estimate, settled at once", "1/s burst 10", []turn{
			{take: 8, next: 10, want: 8 * s, why: "8 are taken"},
			{settle: 3, next: 10, want: 3 * s, why: "of which 3 were needed"},
		}},
		{"too low an estimate", "1/s burst 10", []turn{
			{take: 8, next: 3, want: 1 * s, why: "8 are taken"},
			{settle: 15, next: 1, want: 6 * s, why: "but 15 were needed, 5 more than the burst"},
		}},
		{"the same", "1/s burst 10", []turn{
			{take: 8, next: 10, want: 8 * s, why: "8 are taken"},
			{settle: 8, next: 10, want: 8 * s, why: "and nothing changes"},
		}},
		{"settled after some time", "1/s burst 10", []turn{
			{take: 8, next: 10, want: 8 * s, why: "8 are taken"},
			{after: 6 * s, settle: 3, next: 9, want: 0, why: "6 s have paid for the 3 and 3 of the 5 others: 2 come back"},
		}},
		{"settled too late", "1/s burst 10", []turn{
			{take: 8, next: 10, want: 8 * s, why: "8 are taken"},
			{after: 8 * s, take: 10, next: 1, want: 1 * s, why: "and paid for, and 10 more taken"},
			{after: 0, settle: 0, next: 1, want: 1 * s, why: "now that 10 are out, giving back 8 would make it 18 at once"},
		}},
		{"settled up and down", "1/s burst 10", []turn{
			{take: 2, next: 10, want: 2 * s, why: "2 are taken"},
			{settle: 9, next: 10, want: 9 * s, why: "9 are needed"},
			{settle: 7, next: 10, want: 7 * s, why: "no, 7, of which 2 are known not to be paid for"},
		}},
		{"settled down twice", "1/s burst 10", []turn{
			{take: 8, next: 10, want: 8 * s, why: "8 are taken"},
			{after: 4 * s, settle: 5, next: 10, want: 1 * s, why: "and 5 needed, of which 1 is not paid for"},
			{take: 5, next: 10, want: 6 * s, why: "5 more"},
			{settle: 0, next: 10, want: 5 * s, why: "none of the first 5 were needed, but 4 of them are paid for"},
		}},
		{"charged after a pause", "1/s burst 10", []turn{
			{take: 2, next: 10, want: 2 * s, why: "2 are taken"},
			{after: 60 * s, settle: 5, next: 10, want: 3 * s, why: "3 more were needed, and the pause does not pay for them"},
		}},
		{"below zero", "1/s burst 10", []turn{
			{take: 2, next: 10, want: 2 * s, why: "2 are taken"},
			{settle: -5, next: 10, want: 0, why: "and none were needed: 10 more are had"},
			{settle: 3, next: 10, want: 13 * s, why: "no, 3 were needed"},
			{settle: math.MinInt, next: 10, want: 13 * s, why: "no, none, but the 3 were charged on top of the 10, so not for sure unpaid"},
		}},
		{"without a burst", "1/s", []turn{
			{take: 800, next: 1, want: 800 * s, why: "800 are taken"},
			{after: 10 * s, settle: 500, next: 1, want: 490 * s, why: "500 were needed, 10 are paid for"},
		}},
		{"requests are not settled", "1 requests/s burst 5, 1 tokens/s", []turn{
			{take: 3, next: 1, want: 3 * s, why: "3 tokens in a request"},
			{settle: 1, next: 1, want: 1 * s, why: "no, 1 token"},
			{after: 1 * s, take: 1, next: 1, want: 1 * s, why: "another request"},
		}},
	} {
		t.Run(c.why, func(t *testing.T) {
			bubble(t, func(t *testing.T, _ func() time.Duration) {
				l := limiter(t, c.rates)
				var p *rate.Permit
				for _, turn := range c.turns {
					time.Sleep(turn.after)
					switch {
					case turn.take == 0:
						p.Settle(turn.settle)
					case p == nil:
						p = acquire(t, l, turn.take)
					default:
						acquire(t, l, turn.take)
					}
					t.Log(turn.why)
					wantWait(t, l, turn.next, turn.want)
				}
			})
		})
	}
}

func TestSettleWhileOthersWait(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s"), since: since}
		p := acquire(t, q.l, 10)
		q.come(t.Context(), "a", 4)
		q.come(t.Context(), "b", 1)
		time.Sleep(time.Second)
		p.Settle(20) // a: 10s -> 20s
		time.Sleep(10 * time.Second)
		q.want(t)
		p.Release(penstock.Success)
		p.Settle(15) // also after Release; of the first 10, which it knows of, none is left to pay
		synctest.Wait()
		q.want(t)
		time.Sleep(time.Hour)
		q.want(t, "a 20s", "b 24s")
	})
}

func TestSettleDownWhileOthersWait(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s, 100/s"), since: since}
		p := acquire(t, q.l, 10)
		q.come(t.Context(), "a", 4)
		q.come(t.Context(), "b", 1)
		time.Sleep(time.Second)
		p.Settle(3)
		time.Sleep(time.Hour)
		q.want(t, "a 3s", "b 7s")
	})
}

func TestSettleAfterUnused(t *testing.T) {
	bubble(t, func(t *testing.T, _ func() time.Duration) {
		l := limiter(t, "1/s burst 10")
		p := acquire(t, l, 5)
		p.Release(penstock.Unused)
		p.Settle(7)
		wantWait(t, l, 10, 0)
	})
}

// TestSettleHuge has a cost that no budget can ever pay for. It is cut to MaxDebt.
func TestSettleHuge(t *testing.T) {
	bubble(t, func(t *testing.T, _ func() time.Duration) {
		for _, text := range []string{"1/s", "1/s burst 10", "1/s, 1 requests/s"} {
			l := limiter(t, text)
			for range 5 {
				p, err := l.Acquire(t.Context(), 1)
				if err != nil {
					t.Fatal(err)
				}
				p.Settle(math.MaxInt)
				p.Settle(math.MaxInt - 1)
				p.Settle(0)
				p.Settle(math.MaxInt)
				if s := l.Stats(); s.Wait < rate.MaxDebt-10*time.Second || s.Wait > rate.MaxDebt {
					t.Errorf("the wait is %v", s.Wait)
				}
				l = l.Fresh()
			}
		}
	})
}

// TestSettleAfterSetRate has permits older than the rate.
func TestSettleAfterSetRate(t *testing.T) {
	bubble(t, func(t *testing.T, _ func() time.Duration) {
		for _, text := range []string{"/s", "/s, 1000/s"} {
			l := limiter(t, "1"+text)
			p := acquire(t, l, 100)
			for _, c := range []struct {
				after time.Duration
				rate  string
				want  time.Duration // until what is left of the 100 is paid for
			}{
				{10 * time.Second, "2", 45 * time.Second},     // 90 left
				{5 * time.Second, "10", 8 * time.Second},      // 80 left
				{1 * time.Second, "0.1", 700 * time.Second},   // 70 left
				{100 * time.Second, "0.5", 120 * time.Second}, // 60 left
			} {
				time.Sleep(c.after)
				if err := l.SetRate(rates(t, c.rate+text)...); err != nil {
					t.Fatal(err)
				}
				wantWait(t, l, 1, c.want)
			}
			p.Settle(50) // of the 60 left, 10 are
			wantWait(t, l, 1, 20*time.Second)
			p.Release(penstock.Unused)
			wantWait(t, l, 1, 0)
		}
	})
}
