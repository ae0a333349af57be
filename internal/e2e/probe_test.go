package e2e_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/redistest"
)

// probe is what a command under a permit does in these tests: it is connected to
// its judge for as long as it lives, and lives for E2E_HOLD. With E2E_STUBBORN
// no signal that can be ignored ends it.
func probe(addr string) {
	if os.Getenv("E2E_STUBBORN") != "" {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
	fmt.Fprintln(conn, os.Getpid(), os.Getenv("PENSTOCK_FENCE"))
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || answer != "ok\n" {
		os.Exit(98)
	}
	hold, err := time.ParseDuration(os.Getenv("E2E_HOLD"))
	if err != nil {
		panic(err)
	}
	time.Sleep(hold)
}

// A jury counts the probes that live, by their connections, which the kernel
// ends with them.
type jury struct {
	addr string

	mu      sync.Mutex
	working int
	most    int
	begun   int
	pids    []int
	fences  []string // in the order in which they came
}

func startJury(t *testing.T) *jury {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	j := &jury{addr: l.Addr().String()}
	redistest.Hear(t, l, j.hear)
	return j
}

func (j *jury) hear(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	if !lines.Scan() {
		return
	}
	var pid int
	var fence string
	fmt.Sscan(lines.Text(), &pid, &fence)
	j.mu.Lock()
	j.working++
	j.most = max(j.most, j.working)
	j.begun++
	j.pids = append(j.pids, pid)
	j.fences = append(j.fences, fence)
	j.mu.Unlock()
	fmt.Fprintln(conn, "ok")
	lines.Scan() // to its end
	j.mu.Lock()
	j.working--
	j.mu.Unlock()
}

// A finding is what the jury has seen.
type finding struct {
	working, most, begun int
	pids                 []int
	fences               []string
}

func (j *jury) look() finding {
	j.mu.Lock()
	defer j.mu.Unlock()
	return finding{j.working, j.most, j.begun, append([]int(nil), j.pids...), append([]string(nil), j.fences...)}
}

// verdict fails the test if more than limit were at work at a time, or a fence
// was given twice; with a limit of 1 fences grow.
func (j *jury) verdict(t *testing.T, limit int) {
	t.Helper()
	f := j.look()
	if f.most > limit {
		t.Errorf("%d were at work at a time, of %d", f.most, limit)
	}
	seen := map[string]bool{}
	for i, fence := range f.fences {
		if fence == "" || seen[fence] {
			t.Errorf("the fence %q was given twice, or is none", fence)
		}
		seen[fence] = true
		if limit == 1 && i > 0 && fence <= f.fences[i-1] {
			t.Errorf("the fence %s came after %s", fence, f.fences[i-1])
		}
	}
	t.Logf("%d begun, at most %d at work", f.begun, f.most)
}
