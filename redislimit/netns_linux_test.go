package redislimit_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/redistest"
)

// A host is a worker process with a network of its own, and a cable to this one.
type host struct {
	*worker

	cable string
}

// plug starts the job in a network namespace of its own. It is gone with the
// process.
func plug(t *testing.T, j job, cable, here, there string) *host {
	t.Helper()
	h := &host{startWorker(t, "REDISLIMIT_JOB", j, func(cmd *exec.Cmd) { cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET }), cable}
	pid := strconv.Itoa(h.cmd.Process.Pid)
	ip(t, "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", pid)
	ip(t, "addr", "add", here+"/30", "dev", cable)
	ip(t, "link", "set", cable, "up")
	for _, args := range [][]string{{"addr", "add", there + "/30", "dev", "eth0"}, {"link", "set", "eth0", "up"}, {"link", "set", "lo", "up"}} {
		run(t, append([]string{"nsenter", "-t", pid, "-n", "ip"}, args...)...)
	}
	return h
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	run(t, append([]string{"ip"}, args...)...)
}

func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// mayPlug skips the test where this process may not make networks.
func mayPlug(t *testing.T) {
	t.Helper()
	for _, program := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s; on Debian: sudo apt-get install iproute2 util-linux", program)
		}
	}
	probe := exec.Command("ip", "link", "add", cableName(9), "type", "veth", "peer", "name", cableName(8))
	if out, err := probe.CombinedOutput(); err != nil {
		t.Skipf("this process may not make networks: %v %s", err, out)
	}
	ip(t, "link", "del", cableName(9))
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := cmd.Run(); err != nil {
		t.Skipf("this process may not make networks: %v", err)
	}
}

func cableName(i int) string { return fmt.Sprintf("ps%d-%d", os.Getpid()%1_000_000, i) }

// TestLongHosts has two hosts with addresses of their own. The one that holds
// all is unplugged: it lets go before the other has it. Plugged in again it
// takes part as before.
func TestLongHosts(t *testing.T) {
	long(t)
	t.Parallel()
	redistest.Require(t)
	mayPlug(t)
	srv := redistest.New(t)
	port := redistest.Port(srv.Addr)
	jury := startJudge(t)
	net := fmt.Sprintf("10.%d.%d.", 64+rand.IntN(190), rand.IntN(250))
	work := job{Name: "hosts", Judge: jury.addr, Limit: 2, Callers: 2, Hold: time.Hour, Lease: 4 * time.Second}
	work.URL = "redis://" + net + "1:" + port
	holder := plug(t, work, cableName(0), net+"1", net+"2")
	work.URL, work.Hold = "redis://"+net+"5:"+port, 10*time.Millisecond
	srv.Args = []string{"--bind", "127.0.0.1 " + net + "1", "--protected-mode", "no"}
	srv.Start()
	eventually(t, patience, "the first host holds all", func() bool { return jury.look().working == 2 })
	held := jury.look().newest
	plug(t, work, cableName(1), net+"5", net+"6")
	srv.Must("CONFIG", "SET", "bind", "127.0.0.1 "+net+"1 "+net+"5")
	eventually(t, patience, "the second waits", func() bool { return srv.Must("ZCARD", "penstock:{hosts}:queue") == "2" })
	ip(t, "link", "set", holder.cable, "down")
	start := time.Now()
	jury.goesOn(t, 20, patience, "the cut")
	t.Logf("the other host worked %v after the cut", time.Since(start).Round(time.Millisecond))
	if v := jury.look(); v.lost != 2 || v.newest.Compare(held) <= 0 {
		t.Errorf("%+v", v)
	}
	ip(t, "link", "set", holder.cable, "up")
	eventually(t, patience, "the first host holds all again", func() bool { return jury.look().working == 2 && jury.look().lost == 2 && stays(t, jury) })
	jury.verdict(t, 2)
}

// stays reports whether nothing is done for a while: those who are at work are
// those who hold for ever.
func stays(t *testing.T, j *judge) bool {
	t.Helper()
	before := j.look().done
	pause(t, 100*time.Millisecond) // ten times what the others hold
	v := j.look()
	return v.done == before && v.working == 2
}
