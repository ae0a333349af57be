package e2e_test

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/penstock-go/penstock/internal/origin"
)

// Memory is a matter of what is in flight, not of how long the input is.
func TestLongMemory(t *testing.T) {
	long(t)
	if raceEnabled {
		t.Skip("the race detector has a memory of its own")
	}
	srv := startOrigin(t, origin.Options{})
	url := func(i int) string { return fmt.Sprintf("%s/big/1000?id=%d", srv.URL(), i) }
	small := peakMemory(t, 10_000, url)
	large := peakMemory(t, 300_000, url)
	ratio := float64(large) / float64(small)
	t.Logf("peak memory: %.1f MiB for 10,000 URLs, %.1f MiB for 300,000: %.2f times",
		float64(small)/(1<<20), float64(large)/(1<<20), ratio)
	if ratio > 1.5 {
		t.Errorf("300,000 URLs take %.2f times the memory of 10,000, want at most 1.5", ratio)
	}
}

// The same with a file, its journal and a thousand times as many items as are
// in the look-ahead.
func TestLongMemoryOfFile(t *testing.T) {
	long(t)
	if raceEnabled {
		t.Skip("the race detector has a memory of its own")
	}
	small, large := fileMemory(t, 10_000), fileMemory(t, 1_000_000)
	ratio := float64(large) / float64(small)
	t.Logf("peak memory: %.1f MiB for 10,000 URLs, %.1f MiB for 1,000,000: %.2f times",
		float64(small)/(1<<20), float64(large)/(1<<20), ratio)
	if ratio > 1.3 || large > 150<<20 {
		t.Errorf("1,000,000 URLs take %d bytes, %.2f times those of 10,000; want at most 1.3 times and 150 MiB", large, ratio)
	}
}

// fileMemory is the most memory that a run over count URLs with -o held, up to
// its last request.
func fileMemory(t *testing.T, count int) int {
	t.Helper()
	srv := startOrigin(t, origin.Options{})
	var pid, peak atomic.Int64
	last := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		peak.Store(int64(highWater(t, int(pid.Load()))))
	}))
	defer last.Close()
	in, urls, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, in, t.TempDir(), "fetch", "-c", "100", "--progress", "none", "-o", "out.jsonl", "-")
	pid.Store(int64(s.cmd.Process.Pid))
	in.Close()
	w := bufio.NewWriter(urls)
	for i := range count {
		fmt.Fprintf(w, "%s/item/%d\n", srv.URL(), i)
	}
	fmt.Fprintln(w, last.URL)
	if err := errors.Join(w.Flush(), urls.Close()); err != nil {
		t.Fatal(err)
	}
	if s.finish(t); s.code != 0 || peak.Load() == 0 {
		t.Errorf("exit %d; stderr:\n%s", s.code, &s.stderr)
	}
	t.Logf("%d URLs in %v", count, s.took)
	return int(peak.Load())
}

// One slow item at the front holds back the records of all that are done
// before it, and these may not pile up in memory either: 131,072 of them (the
// window) are 160 MB of text, and twice that with what a collector leaves.
func TestLongMemoryHeldBack(t *testing.T) {
	long(t)
	if raceEnabled {
		t.Skip("the race detector has a memory of its own")
	}
	srv := startOrigin(t, origin.Options{})
	const count, limit = 200_000, 192 << 20
	peak := peakMemory(t, count, func(i int) string {
		if i == 0 {
			return srv.URL() + "/drip/1000/8000"
		}
		return fmt.Sprintf("%s/big/1000?id=%d", srv.URL(), i)
	})
	t.Logf("peak memory: %.1f MiB", float64(peak)/(1<<20))
	if peak > limit {
		t.Errorf("%d bytes at the peak, want at most %d", peak, limit)
	}
}

// peakMemory is the most memory that a run over count URLs held, in bytes.
//
// It is read from the process when all records are there and the input is still
// open: the kernel's figure after the end (ru_maxrss) would not do, since a
// child inherits in it what its parent holds between vfork and exec.
func peakMemory(t *testing.T, count int, url func(i int) string) int {
	t.Helper()
	in, urls, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() // also the command's folder for temporary files
	s := start(t, in, dir, "fetch", "-c", "50", "-")
	in.Close()
	written := make(chan error, 1)
	go func() {
		w := bufio.NewWriter(urls)
		for i := range count {
			fmt.Fprintln(w, url(i))
		}
		written <- w.Flush()
	}()
	for i := range count {
		line, err := s.out.ReadSlice('\n')
		if err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
		if i%1000 != 0 {
			continue
		}
		for _, cond := range []string{"index=" + strconv.Itoa(i), "ok=true", "bytes=1000"} {
			if err := meets(line, cond); err != nil {
				t.Fatal(err)
			}
		}
	}
	peak := highWater(t, s.cmd.Process.Pid)
	if err := errors.Join(<-written, urls.Close()); err != nil {
		t.Error(err)
	}
	if rest := s.finish(t); len(rest) > 0 || s.code != 0 {
		t.Errorf("exit %d, and %d bytes too many; stderr:\n%s", s.code, len(rest), &s.stderr)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	t.Logf("%d URLs in %v", count, s.took)
	return peak
}

var vmHWM = regexp.MustCompile(`(?m)^VmHWM:\s*(\d+) kB$`)

// highWater is the most resident memory that a process has had, in bytes.
func highWater(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := vmHWM.FindSubmatch(status)
	if m == nil {
		t.Fatalf("no VmHWM in %s", status)
	}
	kb, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
