package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
	"github.com/penstock-go/penstock/internal/redistest"
)

// A crew is several processes that work at one list.
type crew struct {
	t     *testing.T
	dir   string
	redis *redistest.Server
	items int
	urls  string
}

// patience is how long a crew may take for anything: whether it comes to its end
// is what is tested, not when.
const crewPatience = 4 * time.Minute

func newCrew(t *testing.T, srv *origin.Server, items int) *crew {
	t.Helper()
	c := &crew{t: t, dir: t.TempDir(), items: items}
	c.redis = redistest.Start(t, "--appendonly", "yes", "--appendfsync", "everysec")
	c.urls = filepath.Join(c.dir, "urls.txt")
	if err := writeURLs(c.urls, items, srv.URL()+"/item/{i}"); err != nil {
		t.Fatal(err)
	}
	return c
}

// start starts a process of the crew, which is killed at the end if it still is.
func (c *crew) start(args ...string) *session {
	c.t.Helper()
	s := start(c.t, nil, c.dir, append(args, "--store", c.redis.URL())...)
	c.t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	return s
}

func (c *crew) load(args ...string) *session {
	return c.start(append([]string{"fetch", "--fleet", "crew", c.urls}, args...)...)
}

func (c *crew) work(out string, args ...string) *session {
	return c.start(append([]string{"work", "--fleet", "crew", "--progress", "none", "-o", out}, args...)...)
}

// A crewStatus is what penstock fleet status --json says.
type crewStatus struct {
	Loaded, Done, Ahead int
	LoadedAll           bool `json:"loaded_all"`
	Finished            bool
	Workers             []struct {
		Output  string
		Records int
		Alive   bool
		Hand    int `json:"chunks_in_hand"`
		Taken   int `json:"taken_over"`
		Lost    int
	}
}

// status asks the command; where Redis is away it says nothing.
func (c *crew) status() (s crewStatus) {
	c.t.Helper()
	cmd := command(c.t.Context(), c.dir, "fleet", "status", "crew", "--json", "--store", c.redis.URL())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		c.t.Logf("status: %v: %s", err, &stderr)
		return s
	}
	if err := json.Unmarshal(out, &s); err != nil {
		c.t.Fatalf("status: %v in %s", err, out)
	}
	return s
}

// until waits until the status is as it should be.
func (c *crew) until(what string, ok func(crewStatus) bool) crewStatus {
	c.t.Helper()
	var s crewStatus
	for end := time.Now().Add(crewPatience); ; {
		if s = c.status(); ok(s) {
			return s
		}
		if time.Now().After(end) {
			c.t.Fatalf("not within %v: %s; %+v", crewPatience, what, s)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// done waits until that part of the items is done.
func (c *crew) done(part float64) {
	c.t.Helper()
	c.until("part of it is done", func(s crewStatus) bool { return float64(s.Done) >= part*float64(c.items) })
}

// worker is what the status says of the worker that writes to out.
func (s *crewStatus) worker(out string) (taken, lost, hand int) {
	for _, w := range s.Workers {
		if filepath.Base(w.Output) == out {
			return w.Taken, w.Lost, w.Hand
		}
	}
	return 0, 0, 0
}

// pause stops a worker while it has something in hand.
func (c *crew) pause(s *session, out string) {
	c.t.Helper()
	c.until("it has something in hand", func(crewStatus) bool {
		s.signal(c.t, syscall.SIGSTOP)
		now := c.status()
		if _, _, hand := now.worker(out); hand > 0 {
			return true
		}
		s.signal(c.t, syscall.SIGCONT)
		return false
	})
}

// ends waits for the end of a process, which must be good.
func (c *crew) ends(s *session, what string) {
	c.t.Helper()
	s.finish(c.t)
	if s.code != 0 {
		c.t.Errorf("%s: exit %d\n%s", what, s.code, &s.stderr)
	}
	c.t.Logf("%s: exit %d after %v", what, s.code, s.took.Round(time.Millisecond))
}

// merged merges outputs and wants exactly one record an item, in order.
func (c *crew) merged(outs ...string) {
	c.t.Helper()
	r := penstock(c.t, c.dir, append([]string{"merge", "-o", "all.jsonl"}, outs...)...)
	c.t.Logf("merge: %s", strings.TrimSpace(r.stderr.String()))
	if r.code != 0 {
		c.t.Fatalf("merge: exit %d\n%s", r.code, &r.stderr)
	}
	text, err := os.ReadFile(filepath.Join(c.dir, "all.jsonl"))
	if err != nil {
		c.t.Fatal(err)
	}
	recs, err := parseRecords(text)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := checkRecords(recs, c.items, "inorder", "ok", "items"); err != nil {
		c.t.Error(err)
	}
}

// A worker that is killed while others work: nothing is missing at the end, and
// nothing is there twice.
func TestFleet(t *testing.T) {
	srv := startOrigin(t, origin.Options{})
	c := newCrew(t, srv, 1500)
	c.ends(c.load("--chunk", "100", "--lease", "3s"), "the loader")
	a := c.work("a.jsonl", "-c", "8", "--rate", "500/s")
	c.until("the first is at it", func(s crewStatus) bool { return s.Done > 0 })
	b := c.work("b.jsonl.zst", "-c", "8", "--rate", "500/s")
	c.done(0.2)
	a.signal(t, syscall.SIGKILL)
	a.finish(t)
	c.ends(b, "the other")
	c.merged("a.jsonl", "b.jsonl.zst")
	if total := srv.Audit().Total; total.Distinct != 1500 {
		t.Errorf("the server saw %d of 1500 URLs", total.Distinct)
	}
}

// What three workers make of a list while one is killed, one is paused past its
// lease and goes on, Redis dies and comes back, and the loader is killed and
// started again.
func TestLongFleet(t *testing.T) {
	long(t)
	const items, limit = 100_000, 30
	srv := startOrigin(t, origin.Options{})
	c := newCrew(t, srv, items)
	load := []string{"--chunk", "500", "--pending", "30", "--lease", "4s"}
	loader := c.load(load...)
	c.until("something is loaded", func(s crewStatus) bool { return s.Loaded > 0 })
	killed := c.work("a.jsonl", "-c", strconv.Itoa(limit))
	paused := c.work("b.jsonl.zst", "-c", strconv.Itoa(limit))
	other := c.work("c.jsonl.gz", "-c", strconv.Itoa(limit))

	c.done(0.10)
	loader.signal(t, syscall.SIGKILL)
	loader.finish(t)
	loader = c.load(load...)
	loader.await(t, "going on after [0-9,]+ items")

	c.done(0.20)
	killed.signal(t, syscall.SIGKILL)
	killed.finish(t)

	c.done(0.30)
	c.redis.Kill()
	c.redis.Start()

	c.done(0.45)
	c.pause(paused, "b.jsonl.zst")
	c.until("what the paused one had is taken over", func(s crewStatus) bool {
		taken, _, _ := s.worker("c.jsonl.gz")
		_, _, hand := s.worker("b.jsonl.zst")
		return taken > 0 && hand == 0
	})
	if most := srv.Audit().Total.MaxInFlight; most > limit {
		t.Errorf("%d requests at once, and the limit of them all is %d", most, limit)
	}
	paused.signal(t, syscall.SIGCONT)
	c.until("it knows what it lost, or has more in hand", func(s crewStatus) bool {
		_, lost, hand := s.worker("b.jsonl.zst")
		return lost > 0 || hand > 0 || s.Finished // by the others, on a fast machine
	})

	c.ends(loader, "the loader")
	c.ends(paused, "the paused one")
	c.ends(other, "the other")
	s := c.status()
	t.Logf("%+v", s)
	if !s.Finished || s.Loaded != items || s.Done < items {
		t.Errorf("at the end: %+v", s)
	}
	c.merged("c.jsonl.gz", "a.jsonl", "b.jsonl.zst")
	total := srv.Audit().Total
	t.Logf("the server saw %d URLs, %d requests again, at most %d at once", total.Distinct, total.Repeats, total.MaxInFlight)
	if total.Distinct != items {
		t.Errorf("the server saw %d of %d URLs", total.Distinct, items)
	}
	// What is paused does not obey until it has looked at its clock.
	if total.MaxInFlight > 2*limit {
		t.Errorf("%d requests at once, and the limit of them all is %d", total.MaxInFlight, limit)
	}
	// Ten chunks for each of the four that held some when something happened.
	if most := uint64(4 * 10 * 500); total.Repeats > most {
		t.Errorf("%d requests were made again, more than %s", total.Repeats, strconv.FormatUint(most, 10))
	}
}

// Ctrl-C gives back what is not done and nothing is fetched twice; a store that is
// away for longer than a lease ends a worker with exit 4, and --resume goes on.
func TestLongFleetComesAndGoes(t *testing.T) {
	long(t)
	const items = 3000
	srv := startOrigin(t, origin.Options{})
	c := newCrew(t, srv, items)
	c.ends(c.load("--chunk", "200", "--lease", "3s"), "the loader")
	first := c.work("a.jsonl", "-c", "5", "--rate", "300/s")
	c.done(0.1)
	first.signal(t, syscall.SIGINT)
	if first.finish(t); first.code != 130 || !strings.Contains(first.stderr.String(), "given back to the others") {
		t.Errorf("exit %d\n%s", first.code, &first.stderr)
	}
	if s := c.status(); len(s.Workers) != 1 || s.Workers[0].Hand != 0 || s.Done != s.Workers[0].Records {
		t.Errorf("after Ctrl-C: %+v", s)
	}
	second := c.work("b.jsonl", "-c", "5", "--rate", "300/s")
	c.done(0.4)
	if repeats := srv.Audit().Total.Repeats; repeats > 0 {
		t.Errorf("%d requests were made again after Ctrl-C", repeats)
	}
	c.redis.Kill()
	if second.finish(t); second.code != 4 || !strings.Contains(second.stderr.String(), "the store is away") || !strings.Contains(second.stderr.String(), "hint: the same command") {
		t.Errorf("exit %d\n%s", second.code, &second.stderr)
	}
	c.redis.Start()
	c.redis.Must("PING") // once it has loaded its data: who begins before is told that it is loading
	c.ends(c.work("b.jsonl", "-c", "5", "--resume"), "the second, again")
	c.merged("a.jsonl", "b.jsonl")
	total := srv.Audit().Total
	t.Logf("%d requests were made again", total.Repeats)
	if total.Distinct != items {
		t.Errorf("the server saw %d of %d URLs", total.Distinct, items)
	}
}

// A large body of a worker goes into its file as it comes, and is not held in
// memory until it is whole: this one takes longer than an attempt may.
func TestFleetBodiesAsTheyCome(t *testing.T) {
	srv := startOrigin(t, origin.Options{})
	c := newCrew(t, srv, 1)
	if err := os.WriteFile(c.urls, []byte(srv.URL()+"/drip/1000000/100000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.ends(c.load("--lease", "3s"), "the loader")
	w := c.work("a.jsonl", "--bodies", "files:b")
	c.until("a part of the body is in a file", func(crewStatus) bool {
		parts, err := filepath.Glob(filepath.Join(c.dir, "b", ".tmp", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(parts) > 0
	})
	w.signal(t, syscall.SIGKILL)
	w.finish(t)
}
