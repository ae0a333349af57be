//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package lockdir_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/limitertest"
	"github.com/penstock-go/penstock/internal/lockdir"
	"github.com/penstock-go/penstock/internal/redistest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("LOCKDIR_HOLD"); dir != "" {
		hold(dir)
		return
	}
	os.Exit(m.Run())
}

// hold takes a permit, says its fence, and keeps it until stdin ends.
func hold(dir string) {
	s, err := lockdir.Open(dir, "x", 2, "a test")
	if err != nil {
		panic(err)
	}
	n, _ := strconv.Atoi(os.Getenv("LOCKDIR_UNITS"))
	p, err := s.Acquire(context.Background(), n)
	if err != nil {
		panic(err)
	}
	_, fence := p.Fence()
	fmt.Println(fence)
	_, _ = os.Stdin.Read(make([]byte, 1))
	p.Release(penstock.Success)
}

func open(t *testing.T, dir, name string, limit int) *lockdir.Semaphore {
	t.Helper()
	s, err := lockdir.Open(dir, name, limit, "me")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func acquire(t *testing.T, s *lockdir.Semaphore, n int) *lockdir.Permit {
	t.Helper()
	p, err := s.Acquire(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func waits(t *testing.T, s *lockdir.Semaphore, n int) {
	t.Helper()
	redistest.Eventually(t, time.Minute, fmt.Sprint(n, " wait"), func() bool {
		info, err := s.Look()
		return err == nil && info.Waiting == n
	})
}

// TestConformance runs what every Limiter promises. Each caller is as good as a
// process: it has files of its own.
func TestConformance(t *testing.T) {
	t.Parallel()
	limitertest.Test(t, limitertest.Kind{
		Run: func(t *testing.T, f func(t *testing.T)) { f(t) },
		New: func(t *testing.T) limitertest.Fixture {
			s := open(t, t.TempDir(), "a/b", 5)
			return limitertest.Fixture{Limiter: s, Room: 5, Over: 6, Settle: func(n int) { waits(t, s, n) }}
		},
	})
}

// A holder is a process that holds or waits.
type holder struct {
	cmd  *exec.Cmd
	got  chan uint64
	stop func()
}

func start(t *testing.T, dir string, units int) *holder {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &holder{cmd: exec.Command(self), got: make(chan uint64, 1)}
	h.cmd.Env = append(os.Environ(), "LOCKDIR_HOLD="+dir, "LOCKDIR_UNITS="+strconv.Itoa(units))
	h.cmd.Stderr = os.Stderr
	redistest.DieWithParent(h.cmd)
	in, err := h.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		line, _ := bufio.NewReader(out).ReadString('\n')
		var n uint64
		fmt.Sscan(line, &n)
		if n > 0 {
			h.got <- n
		}
	}()
	h.stop = sync.OnceFunc(func() {
		in.Close()
		<-done
		_ = h.cmd.Wait()
	})
	t.Cleanup(func() {
		_ = h.cmd.Process.Signal(syscall.SIGCONT)
		_ = h.cmd.Process.Kill()
		h.stop()
	})
	return h
}

func (h *holder) has(t *testing.T) uint64 {
	t.Helper()
	select {
	case n := <-h.got:
		return n
	case <-time.After(time.Minute):
		t.Fatal("not had within a minute")
		return 0
	}
}

// TestKilled kills one who holds all, and then one who waits before others.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, "x", 2)
	a := start(t, dir, 2)
	first := a.has(t)
	b := start(t, dir, 2)
	waits(t, s, 1)
	c := start(t, dir, 1)
	waits(t, s, 2)
	d := start(t, dir, 1)
	waits(t, s, 3)
	if info, err := s.Look(); err != nil || info.InUse != 2 || info.Limit != 2 || len(info.Holders) != 1 || info.Holders[0].Who != "a test" {
		t.Errorf("%v: %+v", err, info)
	}
	_ = b.cmd.Process.Kill() // who waits
	waits(t, s, 2)
	_ = a.cmd.Process.Kill() // who holds
	if n := c.has(t); n <= first {
		t.Errorf("the fence is %d after %d", n, first)
	}
	d.has(t)
	c.stop()
	d.stop()
	acquire(t, s, 2).Release(penstock.Success)
}

// TestOrder has processes come one after the other.
func TestOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, "x", 2)
	p := acquire(t, s, 2)
	var all []*holder
	for i := range 6 {
		all = append(all, start(t, dir, 2))
		waits(t, s, i+1)
	}
	_, last := p.Fence()
	p.Release(penstock.Success)
	for _, h := range all {
		n := h.has(t)
		if n != last+1 {
			t.Errorf("the fence is %d after %d: out of order", n, last)
		}
		last = n
		h.stop()
	}
}

// TestLimits: the limit of who comes first holds until nobody is there.
func TestLimits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := open(t, dir, "x", 2), open(t, dir, "x", 9)
	p := acquire(t, a, 1)
	q := acquire(t, b, 1)
	if q.Limit() != 2 {
		t.Errorf("a limit of %d", q.Limit())
	}
	if _, ok, err := b.Try(1); ok || err != nil {
		t.Errorf("a third of two: %v", err)
	}
	if _, err := b.Acquire(t.Context(), 3); !errors.Is(err, penstock.ErrOverLimit) {
		t.Error(err)
	}
	p.Release(penstock.Success)
	q.Release(penstock.Success)
	r := acquire(t, b, 9)
	if r.Limit() != 9 {
		t.Errorf("a limit of %d", r.Limit())
	}
	r.Release(penstock.Success)
	// A state that was torn, and a lock that was removed.
	for _, name := range []string{"state", "lock"} {
		if err := os.WriteFile(dir+"/x.limit/"+name, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, before := r.Fence()
	epoch, _ := r.Fence()
	r = acquire(t, a, 2)
	if e, n := r.Fence(); e < epoch || e == epoch && n <= before {
		t.Errorf("%d.%d after %d.%d", e, n, epoch, before)
	}
	r.Release(penstock.Success)
}

// TestCrowd has many callers over one limit, with weights.
func TestCrowd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var working, over atomic.Int64
	var all sync.WaitGroup
	for i := range 60 {
		s := open(t, dir, "x", 7)
		all.Go(func() {
			for k := range 5 {
				n := 1 + (i+k)%3
				p, err := s.Acquire(t.Context(), n)
				if err != nil {
					t.Error(err)
					return
				}
				now := working.Add(int64(n))
				if now > 7 {
					over.Store(now)
				}
				working.Add(int64(-n))
				p.Release(penstock.Success)
			}
		})
	}
	all.Wait()
	if n := over.Load(); n > 0 {
		t.Errorf("%d at a time, of 7", n)
	}
}

func TestFolderThatCannotBe(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lockdir.Open(file, "x", 1, ""); err == nil {
		t.Error("a file was taken for a folder")
	}
}
