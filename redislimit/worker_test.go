package redislimit_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/redislimit"
)

// A job is what a worker process does: Callers of them take a permit, tell the
// judge, hold it for a while, tell the judge, and so on until killed.
type job struct {
	URL, Name, Judge string
	Limit, Callers   int
	Hold             time.Duration
	Lease            time.Duration
	Away             redislimit.Away
}

func TestMain(m *testing.M) {
	if text := os.Getenv("REDISLIMIT_JOB"); text != "" {
		var j job
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			panic(err)
		}
		j.work()
		return
	}
	os.Exit(redistest.Run(m))
}

func (j job) work() {
	s, err := redislimit.Open(j.URL, redislimit.Options{
		Lease: j.Lease, Away: j.Away,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		panic(err)
	}
	sem, err := s.Semaphore(j.Name, j.Limit)
	if err != nil {
		panic(err)
	}
	var all sync.WaitGroup
	for range j.Callers {
		all.Go(func() { j.call(sem) })
	}
	all.Wait()
}

// call is one caller. What it does is held under its permit from the judge's
// answer to its second word, and ends when the permit is lost.
func (j job) call(sem *redislimit.Semaphore) {
	conn, err := net.Dial("unix", j.Judge)
	if err != nil {
		return
	}
	answers := bufio.NewReader(conn)
	for {
		p, err := sem.Acquire(context.Background(), 1)
		if err != nil {
			time.Sleep(10 * time.Millisecond) // a worker is a program, not a test
			continue
		}
		fmt.Fprintf(conn, "+ %d %d\n", p.Fence().Epoch, p.Fence().Counter)
		if _, err := answers.ReadString('\n'); err != nil {
			return
		}
		select {
		case <-time.After(j.Hold):
			fmt.Fprintln(conn, "-")
		case <-p.Context().Done():
			fmt.Fprintln(conn, "lost")
		}
		if _, err := answers.ReadString('\n'); err != nil {
			return
		}
		p.Release(penstock.Success)
	}
}

// A worker is a process that does a job.
type worker struct {
	cmd *exec.Cmd
}

// start starts a worker process.
func (j job) start(t testing.TB) *worker {
	t.Helper()
	return startWorker(t, "REDISLIMIT_JOB", j)
}

// startWorker starts a process that does what job says.
func startWorker(t testing.TB, variable string, job any, set ...func(*exec.Cmd)) *worker {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{exec.Command(self)}
	w.cmd.Env = append(os.Environ(), "REDISLIMIT_JOB="+string(text))
	if testing.Verbose() {
		w.cmd.Stderr = os.Stderr
	}
	redistest.DieWithParent(w.cmd)
	for _, f := range set {
		f(w.cmd)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.kill)
	return w
}

// kill ends it at once, as kill -9 does.
func (w *worker) kill() {
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
}

// A judge counts what is at work, from outside the workers and of Redis.
type judge struct {
	addr string

	mu       sync.Mutex
	working  int
	most     int // at a time, since reset
	done     int
	lost     int
	newest   redislimit.Fence
	seen     map[redislimit.Fence]bool
	repeated []redislimit.Fence
	late     []redislimit.Fence // began after one with a larger fence
	times    []time.Time        // of each beginning
	holders  map[string]int
}

func startJudge(t testing.TB) *judge {
	t.Helper()
	dir, err := os.MkdirTemp("", "judge-") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	// A socket in a folder is reached from all networks, cut or not.
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	j := &judge{addr: l.Addr().String(), seen: make(map[redislimit.Fence]bool), holders: make(map[string]int)}
	redistest.Hear(t, l, j.hear)
	return j
}

// hear listens to one caller. When it is gone, so is what it held.
func (j *judge) hear(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	holds := false
	for lines.Scan() {
		j.mu.Lock()
		switch lines.Text()[0] {
		case '+':
			var f redislimit.Fence
			fmt.Sscanf(lines.Text(), "+ %d %d", &f.Epoch, &f.Counter)
			if j.seen[f] && f.Epoch != 0 {
				j.repeated = append(j.repeated, f)
			}
			j.seen[f] = true
			if f.Compare(j.newest) > 0 {
				j.newest = f
			} else {
				j.late = append(j.late, f)
			}
			holds = true
			j.working++
			j.most = max(j.most, j.working)
			j.times = append(j.times, time.Now())
		case 'l':
			j.lost++
			fallthrough
		default:
			holds = false
			j.working--
			j.done++
		}
		j.mu.Unlock()
		fmt.Fprintln(conn, "ok")
	}
	if holds {
		j.mu.Lock()
		j.working--
		j.mu.Unlock()
	}
}

// A view is what a judge has seen.
type view struct {
	working, most, done, lost int
	newest                    redislimit.Fence
}

func (j *judge) look() view {
	j.mu.Lock()
	defer j.mu.Unlock()
	return view{j.working, j.most, j.done, j.lost, j.newest}
}

// goesOn waits until so many more have been done.
func (j *judge) goesOn(t testing.TB, n int, most time.Duration, after string) {
	t.Helper()
	from := j.look().done
	start := time.Now()
	eventually(t, most, "work goes on after "+after, func() bool {
		return j.look().done >= from+n
	})
	t.Logf("%s: %d done within %v", after, n, time.Since(start).Round(time.Millisecond))
}

// verdict fails the test if more than limit were at work at a time, or a fence
// was given twice.
func (j *judge) verdict(t testing.TB, limit int) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.most > limit {
		t.Errorf("%d were at work at a time, of %d", j.most, limit)
	}
	if j.most < limit {
		t.Errorf("only %d were ever at work, of %d: the test did not try the limit", j.most, limit)
	}
	if len(j.repeated) > 0 {
		t.Errorf("%d fences were given twice, the first %v", len(j.repeated), j.repeated[0])
	}
	if limit == 1 && len(j.late) > 0 {
		t.Errorf("%d fences were not larger than the one before, the first %v", len(j.late), j.late[0])
	}
	t.Logf("%d done, %d lost, at most %d at work", j.done, j.lost, j.most)
}
