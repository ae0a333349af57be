package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/origin"
)

// The first signal stops the starting: what is in flight is finished and
// written, and the run says by its exit code who stopped it.
func TestSignalOnce(t *testing.T) {
	for _, test := range []struct {
		name string
		sig  syscall.Signal
		code int
	}{
		{"ctrl-c", syscall.SIGINT, 130},
		{"terminate", syscall.SIGTERM, 143},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := startOrigin(t, origin.Options{})
			dir := t.TempDir()
			const all, before = 10_000, 100
			if err := writeURLs(filepath.Join(dir, "urls.txt"), all, srv.URL()+"/delay/20?id={i}"); err != nil {
				t.Fatal(err)
			}

			s := start(t, nil, dir, "fetch", "-c", "10", "urls.txt")
			out := s.read(t, before)
			s.signal(t, test.sig)
			out = append(out, s.finish(t)...)

			if s.code != test.code {
				t.Errorf("exit %d, want %d; stderr:\n%s", s.code, test.code, &s.stderr)
			}
			recs, err := parseRecords(out)
			if err != nil {
				t.Fatal(err)
			}
			if err := checkRecords(recs, len(recs), "inorder", "ok"); err != nil {
				t.Error(err)
			}
			if len(recs) < before || len(recs) > all/2 {
				t.Errorf("%d records, want a little more than %d", len(recs), before)
			}
			if got := srv.Audit().Total; got.Requests != uint64(len(recs)) || got.Statuses[200] != uint64(len(recs)) {
				t.Errorf("the server saw %d requests and answered %v, but there are %d records", got.Requests, got.Statuses, len(recs))
			}
		})
	}
}

// The second signal drops what is in flight, and the process is gone within two
// seconds with what was finished on its output.
func TestSignalTwice(t *testing.T) {
	srv := startOrigin(t, origin.Options{})
	dir := t.TempDir()
	const fast, hung = 100, 100
	quick, hang := filepath.Join(dir, "quick.txt"), filepath.Join(dir, "hang.txt")
	if err := writeURLs(quick, fast, srv.URL()+"/status/200?id={i}"); err != nil {
		t.Fatal(err)
	}
	if err := writeURLs(hang, hung, srv.URL()+"/hang?id=h{i}"); err != nil {
		t.Fatal(err)
	}

	s := start(t, nil, dir, "fetch", "-c", "10", "--timeout", "10m", "--grace", "10m", "--progress", "none", quick, hang)
	out := s.read(t, fast)
	s.signal(t, syscall.SIGINT)
	s.await(t, "(?i)ctrl-c|interrupt|again|stop")
	second := time.Now()
	s.signal(t, syscall.SIGINT)
	out = append(out, s.finish(t)...)

	// The promise is 2 s; the rest is for machines that stand still.
	if took := time.Since(second); took > 5*time.Second {
		t.Errorf("left %v after the second signal, want at most 2 s", took)
	}
	if s.code != 130 {
		t.Errorf("exit %d, want 130; stderr:\n%s", s.code, &s.stderr)
	}
	recs, err := parseRecords(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkRecords(recs, fast, "inorder", "ok"); err != nil {
		t.Error(err)
	}
	if got := srv.Audit().Total.Requests; got > fast+10 {
		t.Errorf("the server saw %d requests: more than %d done and 10 in flight", got, fast)
	}
}

// SIGHUP reads the policy file again while the run goes on. One that is wrong
// changes nothing, and says where it is wrong.
func TestSignalReloadsThePolicy(t *testing.T) {
	srv := startOrigin(t, origin.Options{})
	dir := t.TempDir()
	const all = 100 // at 2/s they would take 50 s
	if err := writeURLs(filepath.Join(dir, "urls.txt"), all, srv.URL()+"/item/{i}"); err != nil {
		t.Fatal(err)
	}
	write := func(rate string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "policy.toml"), []byte("[default]\nrate = \""+rate+"\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("2/s")
	began := time.Now()
	s := start(t, nil, dir, "fetch", "--policy", "policy.toml", "urls.txt")
	out := s.read(t, 1)
	write("fast")
	s.signal(t, syscall.SIGHUP)
	s.await(t, `the limits stay as they were: policy\.toml:2: .*hint: `)
	write("1000/s")
	s.signal(t, syscall.SIGHUP)
	s.await(t, `policy\.toml is read again`)
	out = append(out, s.finish(t)...)
	if took := time.Since(began); s.code != 0 || took > 25*time.Second {
		t.Errorf("exit %d after %v; stderr:\n%s", s.code, took, &s.stderr)
	}
	recs, err := parseRecords(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkRecords(recs, all, "inorder", "ok"); err != nil {
		t.Error(err)
	}
}

// TestSignalStuck: a merge into a pipe that nobody reads is ended by the second signal
// all the same, and leaves no half of a file.
func TestSignalStuck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var share strings.Builder // more than a pipe holds; its first record is missing
	for i := range 50_000 {
		fmt.Fprintf(&share, `{"index":%d,"url":"http://h/","status":200,"ok":true}`+"\n", i+1)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.jsonl"), []byte(share.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, nil, dir, "merge", "a.jsonl", "--missing", "gaps")
	s.read(t, 1)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ended, deadline := false, time.After(time.Minute); !ended; {
		select {
		case <-tick.C:
			_ = s.cmd.Process.Signal(syscall.SIGINT) // it may have ended just now
		case line, more := <-s.said:
			if ended = !more; more {
				t.Errorf("it says %q", line)
			}
		case <-deadline:
			_ = s.cmd.Process.Kill()
			t.Fatal("it goes on")
		}
	}
	if s.finish(t); s.code != 130 {
		t.Errorf("exit %d, want 130", s.code)
	}
	if _, err := os.Stat(filepath.Join(dir, "gaps")); !os.IsNotExist(err) {
		t.Errorf("the file of what is missing is left: %v", err)
	}
}
