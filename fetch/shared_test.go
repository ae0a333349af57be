package fetch_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/fetch"
)

// A share is a limit that a test shares between runs, or takes permits of itself.
type share struct {
	sem *penstock.Semaphore
	err atomic.Pointer[error] // of all acquires from now on

	mu    sync.Mutex
	held  map[*shareLease]bool
	costs []int
	lost  int // in all
}

var errLost = errors.New("lost, says the test")

func newShare(n int) *share {
	return &share{sem: penstock.NewSemaphore(n), held: map[*shareLease]bool{}}
}

func (s *share) Acquire(ctx context.Context, cost int) (fetch.Lease, error) {
	if err := s.err.Load(); err != nil {
		return nil, *err
	}
	if cost > 100 {
		return nil, penstock.ErrOverLimit
	}
	if err := s.sem.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	l := &shareLease{of: s}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[l] = true
	s.costs = append(s.costs, cost)
	return l, nil
}

// lose ends all permits that are held.
func (s *share) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.held {
		l.cancel(errLost)
		s.lost++
	}
}

func (s *share) holding() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

type shareLease struct {
	of     *share
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func (l *shareLease) Context() context.Context { return l.ctx }

func (l *shareLease) Release(penstock.Outcome) {
	l.of.mu.Lock()
	if !l.of.held[l] {
		panic("released twice")
	}
	delete(l.of.held, l)
	l.of.mu.Unlock()
	l.of.sem.Release(1)
	l.cancel(nil)
}

// sharedBy gives every bucket of a host the share of that name, if there is one.
func sharedBy(total fetch.Share, hosts map[string]*share) *fetch.Shared {
	return &fetch.Shared{Total: total, Bucket: func(b fetch.Bucket) (fetch.Share, fetch.Limits, error) {
		if s := hosts[b.Key]; s != nil {
			return s, fetch.Limits{}, nil
		}
		return nil, b.Limits, nil
	}}
}

// A slowServer answers after a time, and counts.
type slowServer struct {
	took time.Duration

	mu       sync.Mutex
	inFlight map[string]int
	most     map[string]int
	seen     map[string]int
}

func (s *slowServer) RoundTrip(req *http.Request) (*http.Response, error) {
	s.count(req, 1)
	defer s.count(req, -1)
	select {
	case <-time.After(s.took):
		return response(http.StatusOK, req), nil
	case <-req.Context().Done():
		return nil, context.Cause(req.Context())
	}
}

func response(status int, req *http.Request) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", Header: http.Header{}, Request: req,
		Body: io.NopCloser(strings.NewReader(req.URL.Path)),
	}
}

func (s *slowServer) count(req *http.Request, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight == nil {
		s.inFlight, s.most, s.seen = map[string]int{}, map[string]int{}, map[string]int{}
	}
	for _, key := range []string{"", req.URL.Host} {
		s.inFlight[key] += n
		s.most[key] = max(s.most[key], s.inFlight[key])
	}
	if n > 0 {
		s.seen[req.URL.Path]++
	}
}

func urlsOf(host string, n int) (urls []string) {
	for i := range n {
		urls = append(urls, "http://"+host+"/"+host+"/"+strconv.Itoa(i))
	}
	return urls
}

// TestSharedLimits has three runs share a total and the limit of a host.
func TestSharedLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{took: 10 * time.Millisecond}
		total, a := newShare(8), newShare(3)
		var runs sync.WaitGroup
		start := time.Now()
		for range 3 {
			runs.Go(func() {
				urls := slices.Concat(urlsOf("a", 100), urlsOf("b", 100))
				sum, err := fetch.Run(t.Context(), fetch.URLs(slices.Values(urls)), newShelf(), fetch.Options{
					Concurrency: 8, Transport: server, Shared: sharedBy(total, map[string]*share{"a:80": a}),
				})
				if err != nil || sum.OK != 200 {
					t.Errorf("%d ok, %v", sum.OK, err)
				}
				if sum.MaxInFlight > 8 {
					t.Errorf("%d in flight", sum.MaxInFlight)
				}
			})
		}
		runs.Wait()
		if server.most[""] != 8 || server.most["a"] != 3 {
			t.Errorf("at most %d in all and %d to a, want 8 and 3", server.most[""], server.most["a"])
		}
		// 300 at a, three at a time, take a second; a permit of a's also waits its
		// turn for the total, as long as b wants all of that.
		if took := time.Since(start); took < time.Second || took > 2*time.Second {
			t.Errorf("took %v, want 1s and a little", took)
		}
		if total.holding()+a.holding() != 0 {
			t.Error("permits are left over")
		}
	})
}

// TestSharedHostHoldsUpNobody has others hold all of a host: the other host's items
// are fetched as if it were not there, with one slot even.
func TestSharedHostHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{took: 10 * time.Millisecond}
		a := newShare(1)
		p, _ := a.Acquire(t.Context(), 1)
		var b time.Duration
		start := time.Now()
		sink := sinkFunc(func(r *fetch.Record) error {
			if strings.Contains(r.URL, "b/49") {
				b = time.Since(start)
				p.Release(penstock.Success)
			}
			return nil
		})
		urls := slices.Concat(urlsOf("a", 50), urlsOf("b", 50))
		_, err := fetch.Run(t.Context(), fetch.URLs(slices.Values(urls)), sink, fetch.Options{
			Concurrency: 1, Transport: server, Shared: sharedBy(newShare(1), map[string]*share{"a:80": a}),
		})
		if err != nil {
			t.Fatal(err)
		}
		if b != 500*time.Millisecond {
			t.Errorf("b took %v, want 500ms", b)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v, want 1s", took)
		}
	})
}

// TestSharedSpill has a host that others hold fill the look-ahead, and the spill.
func TestSharedSpill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{took: time.Millisecond}
		a := newShare(2)
		p, _ := a.Acquire(t.Context(), 1)
		q, _ := a.Acquire(t.Context(), 1)
		n := 0
		sink := sinkFunc(func(r *fetch.Record) error {
			if strings.Contains(r.URL, "b/99") {
				p.Release(penstock.Success)
				q.Release(penstock.Success)
			}
			n++
			return nil
		})
		urls := slices.Concat(urlsOf("a", 1000), urlsOf("b", 100))
		_, err := fetch.Run(t.Context(), fetch.URLs(slices.Values(urls)), sink, fetch.Options{
			Concurrency: 4, LookAhead: 10, Transport: server, Shared: sharedBy(nil, map[string]*share{"a:80": a}),
		})
		if err != nil || n != 1100 {
			t.Errorf("%d records, %v", n, err)
		}
		if server.most["a"] != 2 {
			t.Errorf("%d at a at once", server.most["a"])
		}
	})
}

// TestSharedCost hands the cost of an item on, and fails one that could never be had.
func TestSharedCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		total, a := newShare(1), newShare(1)
		items := list(
			fetch.Item{URL: "http://a/0"}, fetch.Item{URL: "http://a/1", Cost: 7},
			fetch.Item{URL: "http://a/2", Cost: 1000}, fetch.Item{URL: "http://b/3", Cost: 1000},
		)
		sink := newShelf()
		if _, err := fetch.Run(t.Context(), items, sink, fetch.Options{
			Transport: &slowServer{}, Shared: sharedBy(total, map[string]*share{"a:80": a}),
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(a.costs)
		slices.Sort(total.costs)
		if want := []int{1, 7}; !slices.Equal(a.costs, want) || !slices.Equal(total.costs, want) {
			t.Errorf("costs %v and %v, want %v", a.costs, total.costs, want)
		}
		for _, r := range sink.recs {
			if (r.Error != nil) != (r.Index >= 2) {
				t.Errorf("record %d: %v", r.Index, r.Error)
			}
		}
		if total.holding()+a.holding() != 0 {
			t.Error("permits are left over")
		}
	})
}

// TestSharedAway ends a run whose shared limit fails: nothing new starts, what is
// in flight is finished.
func TestSharedAway(t *testing.T) {
	for _, which := range []string{"total", "host"} {
		t.Run(which, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				total, a := newShare(2), newShare(2)
				away := errors.New("away")
				sink := newShelf()
				go func() {
					time.Sleep(35 * time.Millisecond)
					(map[string]*share{"total": total, "host": a})[which].err.Store(&away)
				}()
				sum, err := fetch.Run(t.Context(), fetch.URLs(slices.Values(urlsOf("a", 50))), sink, fetch.Options{
					Transport: &slowServer{took: 10 * time.Millisecond}, Shared: sharedBy(total, map[string]*share{"a:80": a}),
				})
				shared, ok := errors.AsType[*fetch.SharedError](err)
				if !ok || !errors.Is(shared, away) {
					t.Fatalf("%v, want a SharedError", err)
				}
				if sum.OK < 8 || sum.OK > 12 || sum.Failed != 0 {
					t.Errorf("%d ok, %d failed, want about 8 and 0", sum.OK, sum.Failed)
				}
				if total.holding()+a.holding() != 0 {
					t.Error("permits are left over")
				}
			})
		})
	}
}

// TestSharedPauseAndDrain gives back what is in hand while nothing is to start.
func TestSharedPauseAndDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		total, a := newShare(1), newShare(5)
		e, err := fetch.New(fetch.Options{
			Concurrency: 1, Transport: &slowServer{took: 10 * time.Millisecond}, Shared: sharedBy(total, map[string]*share{"a:80": a}),
		})
		if err != nil {
			t.Fatal(err)
		}
		e.Pause()
		done := make(chan error)
		go func() {
			_, err := e.Run(t.Context(), fetch.URLs(slices.Values(urlsOf("a", 100))), newShelf())
			done <- err
		}()
		time.Sleep(time.Second)
		if a.holding()+total.holding() != 0 {
			t.Error("permits are held while paused")
		}
		e.Resume()
		time.Sleep(105 * time.Millisecond)
		e.Pause()
		time.Sleep(time.Second)
		if n := e.Stats().OK; n != 11 {
			t.Errorf("%d are done, want 11", n)
		}
		if a.holding()+total.holding() != 0 {
			t.Error("permits are held while paused again")
		}
		e.Resume()
		time.Sleep(5 * time.Millisecond)
		e.Drain()
		if err := <-done; !errors.Is(err, fetch.ErrDrained) {
			t.Errorf("%v, want ErrDrained", err)
		}
		if a.holding()+total.holding() != 0 {
			t.Error("permits are left over")
		}
	})
}

// TestSharedHold keeps no permits of a host that has asked to be left alone.
func TestSharedHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newShare(5)
		start, refused := time.Now(), false
		transport := roundTrip(func(req *http.Request) (*http.Response, error) {
			if refused && time.Since(start) < 10*time.Second {
				t.Error("too early")
			}
			resp := response(http.StatusOK, req)
			if !refused {
				refused = true
				resp.StatusCode = http.StatusTooManyRequests
				resp.Header.Set("Retry-After", "10")
			}
			return resp, nil
		})
		go func() {
			time.Sleep(5 * time.Second)
			if n := a.holding(); n != 0 {
				t.Errorf("%d permits are held during the hold", n)
			}
		}()
		sum, err := fetch.Run(t.Context(), fetch.URLs(slices.Values(urlsOf("a", 20))), newShelf(), fetch.Options{
			Concurrency: 1, Transport: transport, Retry: fetch.Retry{Max: 2}, Shared: sharedBy(nil, map[string]*share{"a:80": a}),
		})
		if err != nil || sum.OK != 20 {
			t.Errorf("%d ok, %v", sum.OK, err)
		}
	})
}

// TestSharedPolicyChanges has another policy come while permits are waited for.
func TestSharedPolicyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := newShare(1), newShare(2)
		server := &slowServer{took: 10 * time.Millisecond}
		e, err := fetch.New(fetch.Options{
			Transport: server, Policy: bucketNamed("one"), Shared: sharedBy(nil, map[string]*share{"one": one, "two": two}),
		})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(105 * time.Millisecond)
			if err := e.SetPolicy(bucketNamed("two")); err != nil {
				t.Error(err)
			}
		}()
		start := time.Now()
		sum, err := e.Run(t.Context(), fetch.URLs(slices.Values(urlsOf("a", 50))), newShelf())
		if err != nil || sum.OK != 50 {
			t.Errorf("%d ok, %v", sum.OK, err)
		}
		if took := time.Since(start); took < 295*time.Millisecond || took > 315*time.Millisecond {
			t.Errorf("took %v: 10 one at a time, and then 40 two at a time, are 305ms", took)
		}
		if one.holding()+two.holding() != 0 {
			t.Error("permits are left over")
		}
	})
}

// TestSharedPolicyChangesForMany has another policy come while there is one slot and
// so no permit is asked for but one: none of the old one's is used afterwards.
func TestSharedPolicyChangesForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, now := newShare(100), newShare(100)
		var changed atomic.Bool
		shared := &fetch.Shared{Bucket: func(fetch.Bucket) (fetch.Share, fetch.Limits, error) {
			if changed.Load() {
				return now, fetch.Limits{}, nil
			}
			return old, fetch.Limits{}, nil
		}}
		transport := roundTrip(func(req *http.Request) (*http.Response, error) {
			after := changed.Load()
			time.Sleep(10 * time.Millisecond)
			if n := old.holding(); after && n != 0 {
				t.Errorf("%s: %d permits of the old policy are held", req.URL.Host, n)
			}
			return response(http.StatusOK, req), nil
		})
		policy := policyFunc(func(u *url.URL) fetch.Bucket { return fetch.Bucket{Key: u.Host} })
		e, err := fetch.New(fetch.Options{Concurrency: 1, Transport: transport, Policy: policy, Shared: shared})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(5*time.Millisecond, func() {
			changed.Store(true)
			if err := e.SetPolicy(policy); err != nil {
				t.Error(err)
			}
		})
		var urls []string
		for c := 'a'; c <= 'z'; c++ {
			urls = append(urls, "http://"+string(c)+"/")
		}
		sum, err := e.Run(t.Context(), fetch.URLs(slices.Values(urls)), newShelf())
		if err != nil || sum.OK != int64(len(urls)) {
			t.Errorf("%d ok, %v", sum.OK, err)
		}
		if old.holding()+now.holding() != 0 {
			t.Error("permits are left over")
		}
	})
}

// TestSharedPolicyChangesForTheDear has a policy come that shares nothing: what was
// too dear for the share is not for that.
func TestSharedPolicyChangesForTheDear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := newShare(1)
		e, err := fetch.New(fetch.Options{
			Concurrency: 1, Transport: &slowServer{took: 10 * time.Millisecond},
			Policy: bucketNamed("one"), Shared: sharedBy(nil, map[string]*share{"one": one}),
		})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(5*time.Millisecond, func() {
			if err := e.SetPolicy(bucketNamed("none")); err != nil {
				t.Error(err)
			}
		})
		items := list(fetch.Item{URL: "http://a/1"}, fetch.Item{URL: "http://a/2", Cost: 200})
		if sum, err := e.Run(t.Context(), items, newShelf()); err != nil || sum.OK != 2 {
			t.Errorf("%d ok, %v", sum.OK, err)
		}
	})
}

// TestSharedPolicyChangesForTheSpilled has a policy come with other buckets while
// permits are waited for and items are spilled: these are fetched all the same.
func TestSharedPolicyChangesForTheSpilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := newShare(1)
		other, err := one.Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		e, err := fetch.New(fetch.Options{
			Concurrency: 2, LookAhead: 5, TempDir: t.TempDir(), Transport: &slowServer{took: 10 * time.Millisecond},
			Policy: bucketNamed("one"), Shared: sharedBy(nil, map[string]*share{"one": one}),
		})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() {
			if n := e.Stats().Aside; n == 0 {
				t.Error("nothing is spilled: this test proves nothing")
			}
			if err := e.SetPolicy(bucketNamed("none")); err != nil {
				t.Error(err)
			}
		})
		time.AfterFunc(2*time.Second, func() { other.Release(penstock.Success) })
		sum, err := e.Run(t.Context(), fetch.URLs(slices.Values(urlsOf("a", 30))), newShelf())
		if err != nil || sum.OK != 30 {
			t.Errorf("%d ok, %v", sum.OK, err)
		}
	})
}

// sinkFunc is a sink of one record at a time.
func sinkFunc(f func(*fetch.Record) error) fetch.Sink { return &sinkOf{f: f} }

type sinkOf struct {
	mu sync.Mutex
	f  func(*fetch.Record) error
}

func (s *sinkOf) Write(r *fetch.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.f(r)
}

type bucketNamed string

func (b bucketNamed) Bucket(*url.URL) fetch.Bucket { return fetch.Bucket{Key: string(b)} }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestLostPermitEndsItsAttempt takes the permits away from all that is in flight:
// each is tried again, none counts as an attempt, and a POST fails.
func TestLostPermitEndsItsAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		total, a := newShare(4), newShare(2)
		server := &slowServer{took: 10 * time.Millisecond}
		sink := newShelf()
		go func() {
			time.Sleep(5 * time.Millisecond)
			total.lose()
			time.Sleep(7 * time.Millisecond)
			a.lose()
		}()
		urls := slices.Concat(urlsOf("a", 10), urlsOf("b", 10))
		sum, err := fetch.Run(t.Context(), fetch.URLs(slices.Values(urls)), sink, fetch.Options{
			Concurrency: 4, Transport: server, Shared: sharedBy(total, map[string]*share{"a:80": a}),
		})
		if err != nil || sum.OK != 20 || sum.Retries != 0 {
			t.Errorf("%d ok, %d retries, %v", sum.OK, sum.Retries, err)
		}
		if sum.Forfeited < 5 {
			t.Errorf("%d were forfeited, want the 4 of the first loss and more of the second", sum.Forfeited)
		}
		for _, r := range sink.recs {
			if r.Attempts != 1 {
				t.Errorf("%s had %d attempts", r.URL, r.Attempts)
			}
		}
		if server.most["a"] > 2 || server.most[""] > 4 {
			t.Errorf("%d and %d at once", server.most["a"], server.most[""])
		}
	})
	t.Run("POST", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			total := newShare(1)
			sink := newShelf()
			go func() {
				time.Sleep(5 * time.Millisecond)
				total.lose()
			}()
			_, err := fetch.Run(t.Context(), fetch.URLs(slices.Values(urlsOf("a", 2))), sink, fetch.Options{
				Method: http.MethodPost, Retry: fetch.Retry{Max: 3}, Transport: &slowServer{took: 10 * time.Millisecond}, Shared: sharedBy(total, nil),
			})
			if err != nil {
				t.Fatal(err)
			}
			all := sink.recs
			if len(all) != 2 || all[0].Error == nil || all[0].Error.Class != fetch.Canceled || !errors.Is(all[0].Error, errLost) || all[1].Error != nil {
				t.Errorf("%+v", all)
			}
		})
	})
}

// TestSharedLimitsWithEachTransport loses permits all the time with real
// connections: what is lost ends its own request and no other, and no answer is
// another's.
func TestSharedLimitsWithEachTransport(t *testing.T) {
	for name, transport := range map[string]http.RoundTripper{
		"std":  fetch.NewTransport(fetch.TransportOptions{}),
		"fast": fetch.NewFastTransport(fetch.TransportOptions{}),
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, strings.Repeat(r.URL.Path, 10))
			}))
			defer server.Close()
			host, total := newShare(4), newShare(4)
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				tick := time.NewTicker(3 * time.Millisecond)
				defer tick.Stop()
				for s := host; ; {
					select {
					case <-tick.C:
						s.lose()
						if s = total; total.lost > host.lost {
							s = host
						}
					case <-stop:
						return
					}
				}
			}()
			const n = 2000
			urls := make([]string, n)
			for i := range urls {
				urls[i] = server.URL + "/" + strconv.Itoa(i)
			}
			sink := newShelf()
			sum, err := fetch.Run(t.Context(), fetch.URLs(slices.Values(urls)), sink, fetch.Options{
				Concurrency: 8, KeepBody: true, Transport: transport,
				Shared: sharedBy(total, map[string]*share{strings.TrimPrefix(server.URL, "http://"): host}),
			})
			close(stop)
			<-stopped
			if err != nil || sum.OK != n {
				t.Fatalf("%d ok of %d, %v, %v", sum.OK, n, sum.Classes, err)
			}
			for _, r := range sink.recs {
				if want := strings.Repeat("/"+strconv.FormatInt(r.Index, 10), 10); string(r.Body) != want {
					t.Fatalf("record %d has the body %.40q", r.Index, r.Body)
				}
				if r.Attempts != 1 {
					t.Errorf("record %d had %d attempts", r.Index, r.Attempts)
				}
			}
			t.Logf("%d permits were lost, %d attempts with them", host.lost+total.lost, sum.Forfeited)
			if sum.Forfeited == 0 {
				t.Error("no attempt was forfeited: the test tried nothing")
			}
			if sum.MaxInFlight > 4 {
				t.Errorf("the run says that %d were in flight at once, of 4", sum.MaxInFlight)
			}
			if host.holding()+total.holding() != 0 {
				t.Error("permits are left over")
			}
		})
	}
}

// TestPauseWhileWaitingForTheTotal pauses a run all of whose workers wait for a
// permit that another has: what comes meanwhile is given back, and nothing starts.
func TestPauseWhileWaitingForTheTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		total, server := newShare(4), &slowServer{took: 10 * time.Millisecond}
		var others []fetch.Lease
		for range 4 {
			l, err := total.Acquire(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			others = append(others, l)
		}
		e, err := fetch.New(fetch.Options{Concurrency: 4, Transport: server, Shared: &fetch.Shared{Total: total}})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := e.Run(t.Context(), fetch.URLs(slices.Values(urlsOf("a", 20))), newShelf())
			done <- err
		}()
		seen := func() int { server.mu.Lock(); defer server.mu.Unlock(); return len(server.seen) }
		time.Sleep(time.Second)
		e.Pause()
		for _, l := range others {
			l.Release(penstock.Success)
		}
		time.Sleep(time.Second)
		if n := seen(); n != 0 || total.holding() != 0 {
			t.Errorf("%d requests while paused, %d permits held", n, total.holding())
		}
		if st := e.Stats(); st.InFlight != 0 || st.Wait.Reason != fetch.Paused {
			t.Errorf("%d in flight, waits for %q", st.InFlight, st.Wait.Reason)
		}
		e.Resume()
		if err := <-done; err != nil || seen() != 20 {
			t.Errorf("%v, %d requests", err, seen())
		}
	})
}
