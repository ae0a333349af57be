package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	library "github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/redislimit"
)

// An asker is a process of a fleet with one adaptive limit: Callers of it ask the
// origin, each after the other, until killed.
type asker struct {
	Store, Name, Origin string
	Callers             int
	Lease               time.Duration
}

// askerJob is the variable of the environment that makes the test's program one.
const askerJob = "E2E_ASKER"

// workAsAsker is what such a process does.
func workAsAsker(text string) {
	var a asker
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		panic(err)
	}
	a.work()
}

func (a asker) work() {
	s, err := redislimit.Open(a.Store, redislimit.Options{Lease: a.Lease})
	if err != nil {
		panic(err)
	}
	l, err := s.Adaptive(a.Name, redislimit.AdaptiveOptions{})
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: a.Callers}}
	var all sync.WaitGroup
	for range a.Callers {
		all.Go(func() {
			for {
				err := l.Do(context.Background(), 1, func(ctx context.Context) (library.Outcome, error) {
					return ask(ctx, client, a.Origin)
				})
				if err != nil {
					time.Sleep(50 * time.Millisecond) // as after any error
				}
			}
		})
	}
	all.Wait()
}

var errRefused = errors.New("429")

func ask(ctx context.Context, client *http.Client, url string) (library.Outcome, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return library.Ignored, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return library.Ignored, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode == http.StatusTooManyRequests {
		return library.Overload, errRefused
	}
	return library.Success, nil
}

// start starts the process.
func (a asker) start(t *testing.T) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), askerJob+"="+string(text))
	cmd.Stderr = os.Stderr
	redistest.DieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// A ceiling is an origin that serves so many at a time, and refuses the rest at once.
type ceiling struct {
	most int

	mu                        sync.Mutex
	inside, accepted, refused int
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
	time.Sleep(150*time.Millisecond + rand.N(200*time.Millisecond)) // it is what is served
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

// TestLongFleetFindsALimit has several processes find one limit, that of an origin
// which serves 37 at a time: while all are there, after the one that leads was killed,
// after the next was paused, and after that one has gone on, which no longer leads.
func TestLongFleetFindsALimit(t *testing.T) {
	long(t)
	srv := redistest.Start(t)
	origin := &ceiling{most: 37}
	site := httptest.NewServer(origin)
	t.Cleanup(site.Close) // after the processes have ended
	job := asker{Store: srv.URL(), Name: "api", Origin: site.URL, Callers: 24, Lease: 3 * time.Second}
	processes := make(map[int]*exec.Cmd)
	for range 4 {
		cmd := job.start(t)
		processes[cmd.Process.Pid] = cmd
	}
	// leader is the process that leads.
	leader := func() *exec.Cmd {
		id := srv.Must("HGET", "penstock:{api}:lead", "p")
		who := srv.Must("HGET", "penstock:{api}", "p:"+id)
		n, _ := strconv.Atoi(who[strings.LastIndexByte(who, ':')+1:]) // numbers, and HOST:PID
		return processes[n]
	}
	// steady waits for ten seconds in which the limit was as it should be, and little was
	// refused.
	steady := func(when string) {
		t.Helper()
		start := time.Now()
		for {
			limits, accepted, refused := watch(srv, origin, 10*time.Second)
			low, mid, high := limits[len(limits)/10], limits[len(limits)/2], limits[len(limits)*9/10]
			t.Logf("%s, %2.0f s: limit %d (%d to %d for 80 %% of the time), accepted %d, refused %d (%.1f %%)",
				when, time.Since(start).Seconds(), mid, low, high, accepted, refused, 100*float64(refused)/float64(max(1, accepted)))
			if mid >= 35 && mid <= 37 && 20*refused <= accepted {
				return
			}
			if time.Since(start) > 3*time.Minute {
				t.Fatalf("%s: it is not found", when)
			}
		}
	}
	gone := func(old *exec.Cmd, how string) {
		t.Helper()
		redistest.Eventually(t, time.Minute, "another leads after "+how, func() bool {
			now := leader()
			return now != nil && now != old
		})
	}
	redistest.Eventually(t, time.Minute, "one leads", func() bool { return leader() != nil })
	steady("all there")
	first := leader()
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(first, "kill -9")
	steady("one killed")
	second := leader()
	if err := second.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	gone(second, "SIGSTOP")
	third := leader()
	steady("one paused")
	if err := second.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	steady("it goes on")
	t.Logf("led first by %d, then by %d, then by %d, now by %d",
		first.Process.Pid, second.Process.Pid, third.Process.Pid, leader().Process.Pid)
}

// watch looks at the limit for a while, and returns it, sorted, and what the origin
// has had.
func watch(srv *redistest.Server, origin *ceiling, d time.Duration) (limits []int, accepted, refused int) {
	a, r := origin.look()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		text, err := srv.Ask("HGET", "penstock:{api}:set", "l")
		n, bad := strconv.Atoi(text)
		if err == nil && bad == nil {
			limits = append(limits, n)
		}
	}
	if limits == nil {
		limits = []int{0}
	}
	slices.Sort(limits)
	accepted, refused = origin.look()
	return limits, accepted - a, refused - r
}
