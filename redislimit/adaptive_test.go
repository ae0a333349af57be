package redislimit_test

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/redislimit"
)

// An adaptiveJob is what a process of a fleet with an adaptive limit does: Callers of
// it ask the origin, each after the other, until killed.
type adaptiveJob struct {
	URL, Name, Origin string
	Callers           int
	Lease             time.Duration
}

func (j adaptiveJob) work() {
	s, err := redislimit.Open(j.URL, redislimit.Options{Lease: j.Lease, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		panic(err)
	}
	l, err := s.Adaptive(j.Name, redislimit.AdaptiveOptions{})
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: j.Callers}}
	var all sync.WaitGroup
	for range j.Callers {
		all.Go(func() {
			for {
				err := l.Do(context.Background(), 1, func(ctx context.Context) (penstock.Outcome, error) { return ask(ctx, client, j.Origin) })
				if err != nil {
					time.Sleep(10 * time.Millisecond) // a worker is a program, not a test
				}
			}
		})
	}
	all.Wait()
}

func ask(ctx context.Context, client *http.Client, url string) (penstock.Outcome, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return penstock.Ignored, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return penstock.Ignored, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode == http.StatusTooManyRequests {
		return penstock.Overload, nil
	}
	return penstock.Success, nil
}

// A ceiling is an origin that serves so many at a time and refuses the rest.
type ceiling struct {
	*httptest.Server

	most     int
	takes    time.Duration
	mu       sync.Mutex
	inside   int
	accepted int
	refused  int
}

func startCeiling(t testing.TB, most int, takes time.Duration) *ceiling {
	c := &ceiling{most: most, takes: takes}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *ceiling) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	if c.inside >= c.most {
		c.refused++
		c.mu.Unlock()
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	c.inside++
	c.mu.Unlock()
	time.Sleep(c.takes/2 + rand.N(c.takes)) // it is what is served
	c.mu.Lock()
	c.inside--
	c.accepted++
	c.mu.Unlock()
}

func (c *ceiling) look() (accepted, refused int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accepted, c.refused
}

func TestAdaptiveTrace(t *testing.T) {
	long(t)
	srv := aged(t)
	origin := startCeiling(t, 37, 100*time.Millisecond)
	var ws []*worker
	for range 4 {
		ws = append(ws, startWorker(t, "REDISLIMIT_ADAPTIVE", adaptiveJob{URL: srv.URL(), Name: "fleet", Origin: origin.URL, Callers: 20, Lease: 2 * time.Second}))
	}
	a0, r0 := 0, 0
	for i := range 60 {
		time.Sleep(500 * time.Millisecond)
		a, r := origin.look()
		t.Logf("%5.1f s: limit %s, lead %s, accepted %d refused %d", float64(i+1)/2, srv.Must("HGET", "penstock:{fleet}:set", "l"), strings.ReplaceAll(srv.Must("HMGET", "penstock:{fleet}:lead", "p", "n", "w"), "\n", " ")+" rate "+srv.Must("HGET", "penstock:{fleet}:set", "r"), a-a0, r-r0)
		a0, r0 = a, r
		if i == 29 {
			ws[0].kill()
		}
		if i == 39 {
			_ = ws[1].cmd.Process.Signal(syscall.SIGSTOP)
		}
	}
}
