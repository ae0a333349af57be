package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/penstock-go/penstock/internal/origin"
)

// A run that is killed at random moments and resumed leaves exactly one record
// an item, in order where that was asked for, and asks the server again for
// little more than what was under way at each kill.
func TestLongCrash(t *testing.T) {
	long(t)
	kills := 0
	for _, order := range []string{"input", "completion"} {
		for _, name := range []string{"out.jsonl", "out.jsonl.gz", "out.jsonl.zst"} {
			for _, fsync := range []string{"1s", "always"} {
				t.Run(order+" "+name+" fsync "+fsync, func(t *testing.T) {
					if fsync == "always" {
						kills += crash(t, name, order, fsync, 4000, 5*time.Millisecond, 100*time.Millisecond)
						return
					}
					kills += crash(t, name, order, fsync, 12_000, 700*time.Millisecond, 1500*time.Millisecond)
				})
			}
		}
	}
	t.Logf("%d kills in all", kills)
	if kills < 200 {
		t.Errorf("%d kills are too few to say anything, want 200", kills)
	}
}

// crash fetches items, killing the process after random times until there is
// no more to do, and returns how often it did.
func crash(t *testing.T, name, order, fsync string, items int, soonest, latest time.Duration) (kills int) {
	const limit = 20
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	srv := startOrigin(t, origin.Options{})
	dir := t.TempDir()
	if err := writeURLs(filepath.Join(dir, "urls"), items, srv.URL()+"/jitter/1-9/{i}"); err != nil {
		t.Fatal(err)
	}
	args := []string{"fetch", "-c", strconv.Itoa(limit), "--order", order, "--fsync", fsync, "--progress", "none", "-o", name}
	run := slices.Concat(args, []string{"urls"})
	for {
		cmd := command(t.Context(), dir, run...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(soonest+time.Duration(r.Int64N(int64(latest-soonest))), func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
		switch code := cmd.ProcessState.ExitCode(); {
		case code == 0:
			checkCrashed(t, filepath.Join(dir, name), items, order == "input")
			repeats := srv.Audit().Total.Repeats
			t.Logf("%d kills, %d requests repeated", kills, repeats)
			if fsync == "always" && repeats > uint64(kills*limit) {
				t.Errorf("%d requests repeated, more than the %d that were in flight at each of %d kills", repeats, limit, kills)
			}
			return kills
		case code != -1:
			t.Fatalf("exit %d after %d kills\n%s", code, kills, stderr.String())
		}
		kills++
		if _, err := os.Stat(filepath.Join(dir, name+".journal")); err == nil {
			run = slices.Concat(args, []string{"urls", "--resume"})
		}
		if kills > 300 {
			t.Fatal("no end after 300 kills")
		}
	}
}

// checkCrashed wants each of the items once, and in order if ordered.
func checkCrashed(t *testing.T, path string, items int, ordered bool) {
	t.Helper()
	seen := make([]int, items)
	in := bufio.NewReader(unpack(t, path))
	for line := 0; ; line++ {
		text, err := in.ReadBytes('\n')
		if err == io.EOF && len(text) == 0 {
			break
		}
		var rec struct {
			Index  int  `json:"index"`
			OK     bool `json:"ok"`
			Status int  `json:"status"`
		}
		if err != nil || json.Unmarshal(text, &rec) != nil {
			t.Fatalf("line %d: %q, %v", line, text, err)
		}
		if rec.Index < 0 || rec.Index >= items || !rec.OK || rec.Status != 200 {
			t.Fatalf("line %d: %s", line, text)
		}
		if ordered && rec.Index != line {
			t.Fatalf("line %d is item %d", line, rec.Index)
		}
		seen[rec.Index]++
	}
	for i, n := range seen {
		if n != 1 {
			t.Fatalf("item %d has %d records", i, n)
		}
	}
}

func unpack(t *testing.T, path string) io.Reader {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	switch filepath.Ext(path) {
	case ".gz":
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		return z
	case ".zst":
		z, err := zstd.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(z.Close)
		return z
	}
	return f
}

// On a filesystem that fills up, the run fails in one line with a hint, and
// goes on from there when there is room again.
func TestLongDiskFull(t *testing.T) {
	long(t)
	for _, order := range []string{"input", "completion"} {
		t.Run(order, func(t *testing.T) { diskFull(t, order) })
	}
}

func diskFull(t *testing.T, order string) {
	const items = 3000
	dir := t.TempDir()
	if out, err := mount("-t", "tmpfs", "-o", "size=300k", "tmpfs", dir); err != nil {
		t.Skipf("no tmpfs of our own to fill: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", dir).Run() })
	srv := startOrigin(t, origin.Options{})
	urls := filepath.Join(t.TempDir(), "urls")
	if err := writeURLs(urls, items, srv.URL()+"/item/{i}"); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "out.jsonl")
	args := []string{"fetch", "-c", "20", "--order", order, "--progress", "none", "-o", name, urls}
	r := penstock(t, t.TempDir(), args...)
	text := r.stderr.String()
	if r.code != 1 || !strings.Contains(text, "disk is full") || !strings.Contains(text, "hint:") || !strings.Contains(text, "--resume") {
		t.Fatalf("exit %d\n%s", r.code, text)
	}
	if out, err := mount("-o", "remount,size=20m", dir); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if r := penstock(t, t.TempDir(), append(args, "--resume")...); r.code != 0 {
		t.Fatalf("exit %d\n%s", r.code, r.stderr.String())
	}
	checkCrashed(t, name, items, order == "input")
}

func mount(args ...string) ([]byte, error) {
	return exec.Command("mount", args...).CombinedOutput()
}
