package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
	"github.com/penstock-go/penstock/internal/redistest"
)

// storePatience is for what happens in other processes, on a machine with much else
// to do.
const storePatience = 60 * time.Second

// A storeRun is a process of penstock fetch --store, in a folder of its own.
type storeRun struct {
	dir    string
	args   []string
	cmd    *exec.Cmd
	stderr bytes.Buffer
	done   chan struct{}
	code   int
}

// startStore starts penstock fetch with urls as its input.
func startStore(t *testing.T, srv *redistest.Server, urls []string, args ...string) *storeRun {
	t.Helper()
	r := &storeRun{dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(r.dir, "urls"), []byte(strings.Join(urls, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.args = append([]string{"fetch", "urls", "-o", "out.jsonl", "--progress", "none", "--fsync", "always", "--store", srv.URL()}, args...)
	r.start(t)
	return r
}

// start starts it, again where it was killed; more are further flags.
func (r *storeRun) start(t *testing.T, more ...string) {
	t.Helper()
	r.cmd = command(t.Context(), r.dir, append(r.args, more...)...)
	r.stderr.Reset()
	r.cmd.Stderr = &r.stderr
	redistest.DieWithParent(r.cmd)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.done = make(chan struct{})
	go func() {
		defer close(r.done)
		_ = r.cmd.Wait()
		r.code = r.cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.done
	})
}

// wait waits for its end, which must be with code.
func (r *storeRun) wait(t *testing.T, code int) {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(2 * storePatience):
		_ = r.cmd.Process.Signal(syscall.SIGQUIT)
		<-r.done
		t.Fatalf("not done within %v\n%s", 2*storePatience, r.stderr.String())
	}
	if r.code != code {
		t.Fatalf("exit %d, want %d\n%s", r.code, code, r.stderr.String())
	}
}

// whole fails the test unless the output holds one good record for each item.
func (r *storeRun) whole(t *testing.T, items int) {
	t.Helper()
	out, err := os.ReadFile(filepath.Join(r.dir, "out.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	recs, err := parseRecords(out)
	if err == nil {
		err = checkRecords(recs, items, "inorder", "ok")
	}
	if err != nil {
		t.Error(err)
	}
}

// delayed is n URLs of each base, in turn, that are answered after a time.
func delayed(n int, ms int, bases ...string) (urls []string) {
	for i := range n {
		for _, base := range bases {
			urls = append(urls, fmt.Sprintf("%s/delay/%d/%d", base, ms, i))
		}
	}
	return urls
}

// storeLease is long enough for a machine that stalls, which would lose it.
const storeLease = 5 * time.Second

// agedStore is a Redis that has been up for longer than the lease.
func agedStore(t *testing.T) *redistest.Server {
	t.Helper()
	srv := redistest.Start(t)
	srv.Age(storeLease + time.Second)
	return srv
}

// Three processes share -c 8 and --per-host 3: the server never sees more.
func TestStoreLimits(t *testing.T) {
	t.Parallel()
	srv := agedStore(t)
	web := startOrigin(t, origin.Options{Hosts: 4})
	urls := delayed(60, 20, web.URLs()...)
	var runs []*storeRun
	for range 3 {
		runs = append(runs, startStore(t, srv, urls, "-c", "8", "--per-host", "3", "--lease", storeLease.String()))
	}
	for _, r := range runs {
		r.wait(t, 0)
		r.whole(t, len(urls))
	}
	a := web.Audit()
	if a.Total.MaxInFlight > 8 {
		t.Errorf("%d in flight at once, of 8", a.Total.MaxInFlight)
	}
	if a.Total.MaxInFlight < 8 {
		t.Errorf("only %d were ever in flight: the test did not try the limit of 8", a.Total.MaxInFlight)
	}
	for _, h := range a.Hosts {
		if h.MaxInFlight != 3 {
			t.Errorf("%d in flight at once to %s, want 3 at most, and that at some time", h.MaxInFlight, h.URL)
		}
	}
	if want := uint64(3 * len(urls)); a.Total.Requests != want {
		t.Errorf("%d requests, want %d", a.Total.Requests, want)
	}
}

// Three processes share a rate. Where a request is late that has its token, by what
// the machine has to do, it comes right before the next: each slot may hold one.
func TestStoreRate(t *testing.T) {
	t.Parallel()
	const perSecond, each, slots = 300, 400, 8
	srv := agedStore(t)
	web := startOrigin(t, origin.Options{JudgeRate: perSecond})
	var runs []*storeRun
	for range 3 {
		runs = append(runs, startStore(t, srv, delayed(each, 1, web.URL()), "-c", strconv.Itoa(3*slots), "--per-host", strconv.Itoa(3*slots),
			"--rate", fmt.Sprintf("%d/s", perSecond), "--lease", storeLease.String()))
	}
	for _, r := range runs {
		r.wait(t, 0)
	}
	a := web.Audit().Total
	if a.Requests != 3*each {
		t.Errorf("%d requests, want %d", a.Requests, 3*each)
	}
	t.Logf("burst %.1f over %d/s, at most %d in a second", a.Burst, perSecond, a.MaxPerSecond)
	if most := float64(3*slots + 4); a.Burst > most {
		t.Errorf("a burst of %.1f over %d/s, want at most %.0f", a.Burst, perSecond, most)
	}
}

// A policy's bucket is shared by two processes, and its name says whose it is.
func TestStorePolicy(t *testing.T) {
	t.Parallel()
	srv := agedStore(t)
	web := startOrigin(t, origin.Options{Hosts: 2})
	policy := filepath.Join(t.TempDir(), "policy.toml")
	rule := "[[rule]]\nname = \"both\"\nmatch = [\"127.0.0.1\", \"127.0.0.2\"]\nkey = \"rule\"\nconcurrency = 3\nrate = \"1000/s\"\n"
	if err := os.WriteFile(policy, []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	var runs [2]*storeRun
	for i := range runs {
		runs[i] = startStore(t, srv, delayed(60, 10, web.URLs()...), "-c", "20", "--store-name", "mine", "--policy", policy, "--lease", storeLease.String())
	}
	redistest.Eventually(t, storePatience, "the bucket is in the store", func() bool {
		return strings.Contains(srv.Must("KEYS", "*"), "penstock:{mine/both}")
	})
	for _, r := range runs {
		r.wait(t, 0)
		r.whole(t, 120)
	}
	if n := web.Audit().Total.MaxInFlight; n != 3 {
		t.Errorf("%d were in flight at once, want 3 at most, and that at some time", n)
	}
}

// What --per-host auto finds is one limit, in the store.
func TestStoreAuto(t *testing.T) {
	t.Parallel()
	srv := agedStore(t)
	web := startOrigin(t, origin.Options{})
	var runs [2]*storeRun
	for i := range runs {
		runs[i] = startStore(t, srv, delayed(400, 10, web.URL()), "-c", "30", "--per-host", "auto", "--per-host-rate", "2000/s", "--lease", storeLease.String())
	}
	name := "fetch/" + strings.TrimPrefix(web.URL(), "http://")
	redistest.Eventually(t, storePatience, "both are at it", func() bool {
		var info struct {
			Limit   int
			Holders []struct{ PID int }
		}
		ls := penstock(t, t.TempDir(), "limits", "ls", name, "--json", "--store", srv.URL())
		return json.Unmarshal(ls.stdout.Bytes(), &info) == nil && info.Limit > 0 && len(info.Holders) == 2
	})
	for _, r := range runs {
		r.wait(t, 0)
		r.whole(t, 400)
	}
	if n := web.Audit().Total.MaxInFlight; n > 30 {
		t.Errorf("%d were in flight at once, of 30", n)
	}
}

// What a person gets wrong is told in a line, with a hint; nothing is sent, and no
// output is made.
func TestStoreMistakes(t *testing.T) {
	t.Parallel()
	locked := redistest.Start(t, "--requirepass", "sesame")
	free, err := redistest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	open := redistest.Start(t)
	at := func(userinfo string) string { return "redis://" + userinfo + locked.Addr }
	for _, c := range []struct {
		args string
		code int
		says []string
	}{
		{"--store redis://" + free, 1, []string{"cannot be reached", "connection refused", "hint: see that it runs"}},
		{"--store http://" + locked.Addr, 2, []string{"invalid URL scheme", "hint: write --store redis://"}},
		{"--store redis://localhost:port", 2, []string{"--store: ", "hint: write --store redis://"}},
		{"--store " + at(""), 2, []string{"NOAUTH", "hint: put the password"}},
		{"--store " + at(":secret@"), 2, []string{"WRONGPASS", "hint: put the user and the password"}},
		{"--store " + at(":sesame@") + " --store-name a*b", 2, []string{"--store-name", `"a*b"`, "hint: --store-name"}},
		{"--store " + at(":sesame@") + " --on-store-error panic", 2, []string{`"panic" is none of stop, lease, local`, "hint: "}},
		{"--store " + at(":sesame@") + " --lease 1ms", 2, []string{"--lease 1ms is too short", "hint: --lease 30s"}},
		{"limits ls", 2, []string{"needs a --store", "PENSTOCK_STORE"}},
		{"limits ls --store redis://" + free, 1, []string{"cannot be reached"}},
		{"limits ls nope --store " + open.URL(), 2, []string{`no limit "nope"`, "hint: penstock limits ls"}},
		{"limits set fetch many --store " + open.URL(), 2, []string{`"many" is neither`, "hint: penstock limits set NAME 20"}},
		{"limits set fetch -1 --store " + open.URL(), 2, []string{"there is no flag -1", "hint: "}},
		{"limits set fetch --store " + open.URL(), 2, []string{"takes a name and what it is to be", "hint: "}},
		{"limits change --store " + open.URL(), 2, []string{"hint: "}},
	} {
		dir := t.TempDir()
		args := strings.Fields(c.args)
		if args[0] != "limits" {
			args = append([]string{"fetch", "http://127.0.0.1:1/", "-o", "out.jsonl"}, args...)
		}
		r := penstock(t, dir, args...)
		text := r.stderr.String()
		if r.code != c.code || strings.Count(text, "\n") != 2 {
			t.Errorf("%s: exit %d, want %d and two lines:\n%s", c.args, r.code, c.code, text)
		}
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in\n%s", c.args, want, text)
			}
		}
		if strings.Contains(text, "secret") || strings.Contains(text, "sesame") {
			t.Errorf("%s: the password is told:\n%s", c.args, text)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "out*")); len(left) > 0 {
			t.Errorf("%s: left %v", c.args, left)
		}
	}
}

// A store that was just started and still reads what it has kept is waited for.
func TestStoreLoading(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t, "--rdbcompression", "no")
	for i := range 100 {
		srv.Must("SET", fmt.Sprint("key", i), strings.Repeat("value", 300))
	}
	srv.Must("SAVE")
	srv.Kill()
	// 20 ms a key, 2 s in all, and it answers now and then.
	srv.Args = append(srv.Args, "--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024")
	web := startOrigin(t, origin.Options{})
	srv.Start()
	r := startStore(t, srv, []string{web.URL() + "/item/1"}, "--lease", "2s")
	r.wait(t, 0)
	if text := r.stderr.String(); strings.Count(text, "the store is loading its data: waiting for it\n") != 1 {
		t.Errorf("it does not say in one line that it waits:\n%s", text)
	}
	r.whole(t, 1)
}

// The password comes from the environment, and the URL too.
func TestStoreEnvironment(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t, "--requirepass", "sesame")
	web := startOrigin(t, origin.Options{})
	dir := t.TempDir()
	cmd := command(t.Context(), dir, "fetch", web.URL()+"/item/1", "-o", "out.jsonl", "--lease", "200ms")
	cmd.Env = append(cmd.Env, "PENSTOCK_STORE="+srv.URL(), "REDIS_PASSWORD=sesame")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd = command(t.Context(), dir, "limits", "ls", "--json")
	cmd.Env = append(cmd.Env, "PENSTOCK_STORE="+srv.URL(), "REDISCLI_AUTH=sesame")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("sesame")) {
			t.Errorf("%s tells the password", path)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// One of two processes is killed that holds all: the other has it within the lease
// and a heartbeat, and the killed one's run is resumed exactly.
func TestLongStoreKilled(t *testing.T) {
	long(t)
	srv := agedStore(t)
	web := startOrigin(t, origin.Options{Hosts: 2})
	hosts := web.URLs()
	urls := delayed(40, 1000, hosts[0])
	first := startStore(t, srv, urls, "-c", "4", "--lease", storeLease.String())
	redistest.Eventually(t, storePatience, "the first holds all", func() bool { return web.Audit().Hosts[0].Requests >= 8 })
	second := startStore(t, srv, delayed(400, 100, hosts[1]), "-c", "4", "--lease", storeLease.String())
	redistest.Eventually(t, storePatience, "the second has had its turn", func() bool { return web.Audit().Hosts[1].Requests >= 4 })
	redistest.Eventually(t, storePatience, "the first holds two", func() bool { return web.Audit().Hosts[0].InFlight >= 2 })
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	<-first.done
	if n := web.Audit().Total.MaxInFlight; n > 4 {
		t.Errorf("%d were in flight at once, of 4", n)
	}
	redistest.Eventually(t, storePatience, "the killed one's requests have ended", func() bool { return web.Audit().Hosts[0].InFlight == 0 })
	web.Reset()
	redistest.Eventually(t, storePatience, "the second has all", func() bool { return web.Audit().Hosts[1].MaxInFlight == 4 })
	took := time.Since(killed)
	t.Logf("all 4 were back %v after the kill; a lease and a heartbeat are %v", took, storeLease*5/4)
	if took > storeLease*5/4+20*time.Second {
		t.Errorf("the capacity was back after %v", took)
	}
	first.start(t, "--resume")
	first.wait(t, 0)
	second.wait(t, 0)
	first.whole(t, len(urls))
	second.whole(t, 400)
	if n := web.Audit().Total.MaxInFlight; n > 4 {
		t.Errorf("%d were in flight at once, of 4", n)
	}
}

// The store goes away in the middle of a run, in each manner that may be asked for.
func TestLongStoreAway(t *testing.T) {
	long(t)
	const lease = 3 * time.Second
	for _, c := range []struct {
		mode string
		code int
		more bool // goes on for a while
	}{{"stop", 4, false}, {"lease", 4, true}, {"local", 0, true}} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			srv := redistest.Start(t)
			srv.Age(lease + time.Second)
			web := startOrigin(t, origin.Options{})
			// Not in step: a permit that is on its way back as the store goes away is
			// gone, and all four would be.
			var urls []string
			for i := range 300 {
				urls = append(urls, fmt.Sprintf("%s/delay/%d/%d", web.URL(), 30+i*37%70, i))
			}
			r := startStore(t, srv, urls, "-c", "4", "--lease", lease.String(), "--on-store-error", c.mode)
			redistest.Eventually(t, storePatience, "it fetches", func() bool { return web.Audit().Total.Requests >= 40 })
			srv.Kill()
			at := web.Audit().Total.Requests
			r.wait(t, c.code)
			after := web.Audit().Total.Requests - at
			if !c.more && after > 8 {
				t.Errorf("%d requests began after the store had gone", after)
			}
			if c.more && after < 10 {
				t.Errorf("only %d requests began after the store had gone", after)
			}
			if text := r.stderr.String(); strings.Count(text, "the store is away (") != 1 {
				t.Errorf("want one line that the store is away:\n%s", text)
			}
			if c.code == 4 {
				if text := r.stderr.String(); !strings.Contains(text, "hint: the same command with --resume") {
					t.Errorf("no hint:\n%s", text)
				}
				srv.Start()
				r.start(t, "--resume")
				r.wait(t, 0)
			}
			r.whole(t, len(urls))
			if n := web.Audit().Total.MaxInFlight; n > 4 {
				t.Errorf("%d were in flight at once, of 4", n)
			}
		})
	}
	t.Run("for less than a lease", func(t *testing.T) {
		t.Parallel()
		const lease = 8 * time.Second
		srv := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
		web := startOrigin(t, origin.Options{})
		urls := delayed(60, 200, web.URL())
		r := startStore(t, srv, urls, "-c", "4", "--lease", lease.String())
		redistest.Eventually(t, storePatience, "it fetches", func() bool { return web.Audit().Total.Requests >= 12 })
		srv.Kill()
		srv.Start()
		r.wait(t, 0)
		r.whole(t, len(urls))
		a := web.Audit().Total
		if a.Requests != uint64(len(urls)) || a.MaxInFlight > 4 {
			t.Errorf("%d requests for %d items, at most %d at once", a.Requests, len(urls), a.MaxInFlight)
		}
	})
}

// The limit is changed while two processes are at it. Nothing is ended.
func TestLongStoreLimitSet(t *testing.T) {
	long(t)
	srv := agedStore(t)
	web := startOrigin(t, origin.Options{})
	urls := delayed(300, 100, web.URL())
	var runs [2]*storeRun
	for i := range runs {
		runs[i] = startStore(t, srv, urls, "-c", "10", "--lease", storeLease.String())
	}
	set := func(n int) {
		t.Helper()
		if r := penstock(t, t.TempDir(), "limits", "set", "fetch", strconv.Itoa(n), "--store", srv.URL()); r.code != 0 {
			t.Fatalf("exit %d\n%s", r.code, r.stderr.String())
		}
		// A permit may be out whose request has not come yet: the store knows of all.
		redistest.Eventually(t, storePatience, fmt.Sprintf("what is over %d is done", n), func() bool {
			var info struct {
				InUse int `json:"in_use"`
			}
			ls := penstock(t, t.TempDir(), "limits", "ls", "fetch", "--json", "--store", srv.URL())
			return json.Unmarshal(ls.stdout.Bytes(), &info) == nil && ls.code == 0 && info.InUse <= n && web.Audit().Total.InFlight <= n
		})
		web.Reset()
	}
	goOn := func(n int) {
		t.Helper()
		redistest.Eventually(t, storePatience, "it goes on", func() bool { return web.Audit().Total.Requests >= uint64(n) })
	}
	goOn(30)
	if n := web.Audit().Total.MaxInFlight; n > 10 {
		t.Errorf("%d were in flight, of 10", n)
	}
	note := func(most int) {
		t.Helper()
		a := web.Audit().Total
		t.Logf("%d in flight at most, of %d", a.MaxInFlight, most)
		if a.MaxInFlight > most {
			t.Errorf("%d were in flight, of %d", a.MaxInFlight, most)
		}
	}
	note(10)
	set(2)
	goOn(20)
	note(2)
	set(0)
	wait := time.NewTimer(time.Second)
	<-wait.C
	note(0)
	ls := penstock(t, t.TempDir(), "limits", "ls", "fetch", "--json", "--store", srv.URL())
	if text := ls.stdout.String(); !strings.Contains(text, `"limit":0,`) || !strings.Contains(text, `"in_use":0,`) || strings.Contains(text, `"waiting":0,`) {
		t.Errorf("of a limit of 0, for which two wait: %s", text)
	}
	set(9)
	var all sync.WaitGroup
	for _, r := range runs {
		all.Go(func() { <-r.done })
	}
	redistest.Eventually(t, storePatience, "9 are at work", func() bool { return web.Audit().Total.MaxInFlight >= 9 })
	all.Wait()
	note(9)
	for _, r := range runs {
		r.wait(t, 0)
		r.whole(t, len(urls))
	}
}

// TestStorePerHostAuto has two fetches find the limit of a host together: it grows
// from 4, in the store, and each host has one of its own.
func TestStorePerHostAuto(t *testing.T) {
	t.Parallel()
	srv := agedStore(t)
	web := startOrigin(t, origin.Options{Hosts: 2})
	var runs []*storeRun
	for range 2 {
		runs = append(runs, startStore(t, srv, delayed(400, 20, web.URLs()...), "-c", "100", "--per-host", "auto", "--store-name", "both", "--lease", storeLease.String()))
	}
	for _, r := range runs {
		r.wait(t, 0)
		r.whole(t, 800)
	}
	keys := strings.Fields(srv.Must("KEYS", "penstock:{both/*}:lead"))
	if len(keys) != 2 {
		t.Fatalf("led are %q, want one limit for each host", keys)
	}
	for _, key := range keys {
		if n, err := strconv.Atoi(srv.Must("HGET", key, "w")); err != nil || n <= 4 {
			t.Errorf("%s: a limit of %d was found (%v), want more than the 4 that it begins with", key, n, err)
		}
	}
}
