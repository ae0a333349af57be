package adaptive_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/rate"
)

// A site is what a client of many hosts composes: a total, a limit a host that
// changes, and a rate.
type site struct {
	total *penstock.Semaphore
	hosts []*adaptive.Limiter
	fixed []*fixed
	pace  *rate.Limiter

	mu     sync.Mutex
	held   []int // units out at each host, as the test counts them
	all    int
	starts []beginning
}

// beginning is when something of so many units began.
type beginning struct {
	at time.Time
	n  int
}

const (
	siteTotal  = 5
	sitePer    = 3 // hosts' largest limit
	siteRate   = 20
	siteCalls  = 60
	siteRounds = 15
)

func newSite(t *testing.T, r *rand.Rand) *site {
	pace, err := rate.New(rate.Rate{Count: siteRate, Per: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{total: penstock.NewSemaphore(siteTotal), pace: pace, held: make([]int, 3)}
	for range s.held {
		l, f := limiter(t, sitePer, adaptive.Options{Max: sitePer})
		limits := rand.New(rand.NewPCG(r.Uint64(), 5)) // used under the Limiter's lock
		f.step = func(f *fixed) adaptive.Reason {
			f.limit = 1 + limits.IntN(sitePer)
			return adaptive.Probed
		}
		s.hosts, s.fixed = append(s.hosts, l), append(s.fixed, f)
	}
	return s
}

// limit composes the limits of a host in any order, nested or not.
func (s *site) limit(r *rand.Rand, host int) penstock.Limiter {
	parts := []penstock.Limiter{s.total, s.hosts[host], s.pace}
	r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	if r.IntN(3) == 0 {
		return penstock.All(parts[0], penstock.All(parts[1:]...))
	}
	return penstock.All(parts...)
}

// begin and end count what is out.
func (s *site) begin(t *testing.T, host, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[host] += n
	s.all += n
	s.starts = append(s.starts, beginning{time.Now(), n})
	if s.all > siteTotal || s.held[host] > sitePer {
		t.Errorf("%d of %d in all, %d of %d at host %d", s.all, siteTotal, s.held[host], sitePer, host)
	}
}

func (s *site) end(host, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[host] -= n
	s.all -= n
}

// check compares what the limits say is out, when all is quiet, with what those
// hold who have been served: nobody who waits holds anything.
func (s *site) check(t *testing.T) {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.total.Stats().InUse; n != s.all {
		t.Errorf("%d of the total in use, %d are held", n, s.all)
	}
	for i, l := range s.hosts {
		if n := l.Stats().InFlight; n != s.held[i] {
			t.Errorf("%d in flight at host %d, %d are held", n, i, s.held[i])
		}
	}
}

// call is one caller, some of whom give up, hold the host, or never begin.
func (s *site) call(t *testing.T, r *rand.Rand) {
	host, n := r.IntN(len(s.hosts)), 1+r.IntN(2)
	l := s.limit(r, host)
	for range siteRounds {
		time.Sleep(time.Duration(r.Int64N(int64(5 * time.Second))))
		patience := time.Hour
		if r.IntN(3) == 0 {
			patience = time.Duration(r.Int64N(int64(3 * time.Second)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		p, err := l.AcquirePermit(ctx, n)
		cancel()
		if err != nil {
			if patience == time.Hour {
				t.Errorf("waited in vain: %v", err)
			}
			continue
		}
		s.begin(t, host, n)
		time.Sleep(time.Duration(r.Int64N(int64(time.Second))))
		if r.IntN(20) == 0 {
			s.hosts[host].Hold(time.Now().Add(2 * time.Second))
		}
		s.end(host, n)
		p.Release([]penstock.Outcome{penstock.Success, penstock.Overload, penstock.Failure, penstock.Ignored}[r.IntN(4)])
	}
}

// TestComposedModel has a total, a limit for each of three hosts that changes all
// the time, and a rate, composed in any order, with callers who come, wait, give
// up and hold at random. No limit is ever exceeded, nobody who waits holds
// anything, everyone who is patient is served, and nothing is left at the end. (The
// model test of package penstock says the same of semaphores alone, and who goes
// before whom.)
func TestComposedModel(t *testing.T) {
	for range 10 {
		seed := rand.Uint64()
		synctest.Test(t, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("seed %d", seed)
				}
			}()
			r := rand.New(rand.NewPCG(seed, 6))
			s := newSite(t, r)
			var group sync.WaitGroup
			for range siteCalls {
				r := rand.New(rand.NewPCG(r.Uint64(), 7))
				group.Go(func() { s.call(t, r) })
			}
			done := make(chan struct{})
			go func() { group.Wait(); close(done) }()
			for open := true; open && !t.Failed(); {
				select {
				case <-done:
					open = false
				case <-time.After(90 * time.Millisecond):
					s.check(t)
				}
			}
			group.Wait()
			s.check(t)
			s.keptRate(t)
			s.leftNothing(t)
		})
	}
}

// keptRate looks at every span from one start to a later one. Up to a unit or two
// more than the rate gives may begin in one: those of the first.
func (s *site) keptRate(t *testing.T) {
	for i, from := range s.starts {
		units := 0
		for _, to := range s.starts[i+1:] {
			units += to.n
			most := to.at.Sub(from.at).Seconds()*siteRate + 2.1
			if float64(units) > most {
				t.Errorf("%d units in %v, at %d a second", units, to.at.Sub(from.at), siteRate)
				return
			}
		}
	}
}

func (s *site) leftNothing(t *testing.T) {
	time.Sleep(time.Minute)
	for i, l := range s.hosts {
		if st := l.Stats(); st.Waiting != 0 || st.InFlight != 0 {
			t.Errorf("host %d: %+v", i, st)
		}
	}
	if st := s.total.Stats(); st.Waiting != 0 || st.InUse != 0 || !s.pace.Idle(time.Now()) {
		t.Errorf("total: %+v, the rate is idle: %v", st, s.pace.Idle(time.Now()))
	}
}
